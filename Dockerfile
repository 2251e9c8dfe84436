# One image for every process of Callfloor; the command chooses which. `docker compose up` runs them all.

FROM debian:bookworm-slim AS build
WORKDIR /opt/callfloor
COPY deploy/setup deploy/setup
COPY deploy/pjsua2 deploy/pjsua2
COPY requirements.lock pyproject.toml package.json package-lock.json .npmrc alembic.ini ./
COPY core core
COPY cases cases
COPY channels channels
COPY dialer dialer
COPY reports reports
COPY agent_ui agent_ui
COPY cli cli
COPY numbers numbers
COPY alembic alembic
# The same set-up as everywhere; the mounted cache keeps the pjsua2 wheel, so that a change of ours builds in seconds.
RUN --mount=type=cache,target=/root/.cache SETUP_PACKAGES="base build" deploy/setup/setup.sh

FROM debian:bookworm-slim
# Python, the libraries pjsua2 was linked with, and a voice for the message of abandoned calls.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates espeak-ng libgsm1 libopus0 libsamplerate0 \
        libspeex1 libspeexdsp1 libsrtp2-1 libssl3 libstdc++6 libuuid1 python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home callfloor \
    && install --directory --owner=callfloor --mode=0700 /var/lib/callfloor /var/lib/callfloor-keys /taps
COPY --from=build /opt/callfloor /opt/callfloor
ENV PATH=/opt/callfloor/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CALLFLOOR_DATA_DIR=/var/lib/callfloor \
    CALLFLOOR_KEYS_FILE=/var/lib/callfloor-keys/keys.json
USER callfloor
WORKDIR /var/lib/callfloor
ENTRYPOINT ["callfloor"]
CMD ["--help"]
