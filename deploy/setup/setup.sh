#!/usr/bin/env bash
# Makes a fresh clone ready for `make demo` and `make test`. Every step is skipped if nothing it depends on
# has changed, so that the second run takes a second.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off

exec 9<"$root"
flock 9 # `make demo` and `make test` started at once set up only once

say() { printf '==> %s\n' "$*"; }
venv_python=$root/.venv/bin/python
stamps=.venv/setup

# Without its remarks on places to look for packages that this machine's configuration names and does not have.
pip() { "$venv_python" -m pip "$@" 2> >(grep -v '^WARNING: Location .* is ignored' >&2); }

# ---- stamps: what a step was last done with -------------------------------------------------------------------

digest() { { printf '%s\n' "$root"; cat "$@"; } | sha256sum | cut -c1-32; }
done_with() { [ -f "$stamps/$1" ] && [ "$(cat "$stamps/$1")" = "$2" ]; }
mark() { mkdir -p "$stamps" && printf '%s\n' "$2" >"$stamps/$1"; }

# ---- 1. system packages ---------------------------------------------------------------------------------------

say "system packages"
# An image of the product (Dockerfile) does without the tools of demo and tests: SETUP_PACKAGES="base build".
read -ra groups <<<"${SETUP_PACKAGES:-base build tools}"
deploy/setup/packages.sh "${groups[@]}"

# ---- 2. virtual environment -----------------------------------------------------------------------------------

if ! "$venv_python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(deploy/setup/find-python.sh)
    say "virtual environment .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
if "$venv_python" -c 'import sys; sys.exit(sys.version_info < (3, 13))'; then
    deploy/setup/packages.sh redis
fi

# ---- 3. pjsua2: the longest step runs beside the others ---------------------------------------------------------

pjsua2_key=$(digest deploy/pjsua2/* <(echo "${PJPROJECT_TARBALL:-} ${PJPROJECT_SHA256:-}"))
building=
if ! done_with pjsua2 "$pjsua2_key"; then
    say "pjsua2, the SIP library"
    # The build packs a wheel and needs setuptools for it, before the other Python packages are there.
    awk '/^[^ ]/ { wanted = /^setuptools==/ } wanted' requirements.lock >.venv/setuptools.lock
    pip install --quiet --require-hashes -r .venv/setuptools.lock
    setsid deploy/pjsua2/build.sh "$venv_python" >.venv/pjsua2-wheel &
    building=$!
    # If set-up ends early, so does the build with all its compilers.
    trap 'kill -- "-$building" 2>/dev/null || true' EXIT
fi

# ---- 4. Python packages -----------------------------------------------------------------------------------------

key=$(digest requirements.lock)
if ! done_with requirements "$key"; then
    say "Python packages"
    pip install --quiet --require-hashes -r requirements.lock
    mark requirements "$key"
fi

key=$(digest pyproject.toml)
if ! done_with project "$key"; then
    say "Callfloor itself"
    pip install --quiet --no-deps --no-build-isolation --editable .
    mark project "$key"
fi

# ---- 5. front-end packages --------------------------------------------------------------------------------------

key=$(digest package.json package-lock.json .npmrc)
if [ ! -d node_modules ] || ! done_with node "$key"; then
    say "front-end packages"
    npm ci --silent
    mark node "$key"
fi

# ---- 6. pjsua2 again: install what was built --------------------------------------------------------------------

if [ -n "$building" ]; then
    code=0
    wait "$building" || code=$?
    trap - EXIT
    if [ "$code" = 0 ]; then
        pip uninstall --quiet --yes pjsua2-python 2>/dev/null
        pip install --quiet --no-deps --no-index --force-reinstall "$(cat .venv/pjsua2-wheel)"
        flavour=full
    else
        pip uninstall --quiet --yes pjsua2 2>/dev/null
        pip install --quiet --no-deps --require-hashes -r deploy/pjsua2/fallback.lock
        flavour=fallback
    fi
    "$venv_python" -c 'import pjsua2'
    echo "$flavour" >.venv/pjsua2-flavour
    mark pjsua2 "$pjsua2_key"
fi
if [ "$(cat .venv/pjsua2-flavour)" = fallback ]; then
    say "NOTE: the packaged pjsua2 is in use, which carries 4 calls a process: the demo scales itself down."
    say "      To build the full one: make pjsua2, or PJPROJECT_TARBALL=/path/to/pjproject.tar.gz make pjsua2"
fi

# ---- 7. speech for the simulated carrier --------------------------------------------------------------------------

if [[ " ${groups[*]} " == *" tools "* ]]; then # there is a voice, and something that needs it
    deploy/setup/speech.sh
fi

say "set-up is complete ($SECONDS s)"
