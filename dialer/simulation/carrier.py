"""The simulated carrier: a SIP peer on a port of its own that does with each call what the number's behaviour says.

Real SIP and RTP; nothing the dialer measures is taken from here.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

import pjsua2 as pj
import structlog

from core.clock import Clock
from core.settings import Settings
from dialer.media.endpoint import Endpoint, start_endpoint
from dialer.simulation.behaviour import (
    FOREVER,
    PRESETS,
    Answer,
    Behaviour,
    HangUp,
    Kind,
    Preset,
    Progress,
    Refuse,
    Step,
    behaviour_of,
    congested_now,
    congestion,
    q850,
)
from dialer.simulation.speech import clips
from dialer.simulation.useragent import Loop, PlayingCall, called_number, guarded, stop_on_signals

log = structlog.get_logger()

HEALTH_SECONDS = 10.0
LONGEST_CALL = 600.0  # s; nothing the carrier does takes longer
RTP_PORTS_PER_CALL = 4  # two in use, two at rest


class CarrierCall(PlayingCall):
    """One call, taken through its behaviour's steps."""

    behaviour: Behaviour
    _steps: itertools.chain[Step]

    def begin(self, behaviour: Behaviour) -> None:
        """Take the first step."""
        self.behaviour = behaviour
        self._steps = itertools.chain(behaviour.steps)
        self.loop.later(LONGEST_CALL, self.end)
        self._next()

    def _next(self) -> None:
        if self.over:
            return
        step = next(self._steps, None)
        match step:
            case Progress(code, seconds, audio, headers):
                self.play(audio)
                self.respond(code, headers)
                self._in(seconds)
            case Answer(seconds, audio):
                self.play(audio)
                self.respond(200)
                self._in(seconds)
            case Refuse(code, headers):
                self.respond(code, headers)
            case HangUp():
                self.end()
            case None:
                pass
            case _:
                assert_never(step)

    def _in(self, seconds: float) -> None:
        if seconds != FOREVER:
            self.loop.later(seconds, self._next)

    @guarded
    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:  # noqa: N802 - the library's name
        """See a CANCEL before the library answers the INVITE with 487: a 200 of ours now goes first (RFC 3261, 9.2)."""
        transaction = prm.e.body.tsxState.tsx
        crossing = (
            self.behaviour.answers_cancel
            and transaction.method == "CANCEL"
            and transaction.state == pj.PJSIP_TSX_STATE_TRYING
        )
        if crossing and self.getInfo().state < pj.PJSIP_INV_STATE_CONNECTING:
            self.respond(200)


class Carrier(pj.Account):  # type: ignore[misc]  # pjsua2 has no types
    """Takes every call that comes."""

    def __init__(
        self, endpoint: Endpoint, loop: Loop, files: Mapping[str, Path], preset: Preset, seed: int, clock: Clock
    ) -> None:
        super().__init__()
        self.calls: set[PlayingCall] = set()
        self.taken = 0
        self._loop, self._files, self._preset, self._seed, self._clock = loop, files, preset, seed, clock
        self._room = endpoint.max_calls - 1  # the last line is kept to say that all are taken
        self._rng = random.Random(f"carrier {seed}")

    @guarded
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802 - the library's name
        call = CarrierCall(self, prm.callId, self._loop, self._files, self.calls)
        self.taken += 1
        call.begin(self._behaviour(called_number(prm.rdata.wholeMsg)))

    def _behaviour(self, number: str | None) -> Behaviour:
        if number is None:
            return Behaviour(Kind.DEAD, (Refuse(484, (q850(28, "Invalid number format"),)),))
        behaviour = behaviour_of(number, self._preset, self._seed)
        if len(self.calls) > self._room or congested_now(number, self._preset, self._seed, self._clock.timestamp()):
            return Behaviour(Kind.CONGESTED, (congestion(self._rng),))
        return behaviour


def run(settings: Settings, *, preset: str = "easy", seed: int = 1) -> None:
    """Serve calls at ``media_host:carrier_sip_port`` until SIGTERM.

    Raises:
        ValueError: no such preset.
        VoiceError: espeak-ng is missing.
    """
    if preset not in PRESETS:
        raise ValueError(f"No preset «{preset}»: there are {', '.join(PRESETS)}.")
    stop = stop_on_signals()
    files = clips()
    calls = settings.media_max_calls
    endpoint = start_endpoint(
        host=settings.media_host,
        sip_port=settings.carrier_sip_port,
        rtp_port=settings.carrier_rtp_port,
        rtp_ports=min(calls * RTP_PORTS_PER_CALL, 65000 - settings.carrier_rtp_port),
        max_calls=calls,
        user_agent="Callfloor simulated carrier",
    )
    loop = Loop(endpoint)
    carrier = Carrier(endpoint, loop, files, PRESETS[preset], seed, settings.clock())
    carrier.create(endpoint.account_config(f"sip:carrier@{settings.media_host}:{settings.carrier_sip_port}"))

    def health() -> None:
        log.info("carrier_alive", calls=len(carrier.calls), taken=carrier.taken)
        loop.later(HEALTH_SECONDS, health)

    log.info("carrier_ready", port=settings.carrier_sip_port, preset=preset, seed=seed, lines=endpoint.max_calls)
    loop.later(HEALTH_SECONDS, health)
    loop.run(stop, carrier.calls)
