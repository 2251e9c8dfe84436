"""The far end of the benches: a SIP user agent that answers every call, at once or after ringing, and may play a clip.

``python -m benchmarks.peer HOST SIP_PORT RTP_PORT CALLS CLIP RING_MS``; CLIP ``-``: it says nothing.
"""

from __future__ import annotations

import sys

import pjsua2 as pj

from dialer.media.endpoint import start_endpoint
from dialer.simulation.speech import clips
from dialer.simulation.useragent import Loop, PlayingCall, guarded, stop_on_signals

RTP_PORTS = 1000


class Answering(pj.Account):  # type: ignore[misc]  # pjsua2 has no types
    """Takes every call."""

    def __init__(self, loop: Loop, clip: str | None, ring: float) -> None:
        super().__init__()
        self.calls: set[PlayingCall] = set()
        self._loop, self._clip, self._ring = loop, clip, ring
        self._files = clips() if clip else {}

    @guarded
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802 - the library's name
        call = PlayingCall(self, prm.callId, self._loop, self._files, self.calls)
        call.play(self._clip)
        if self._ring:
            call.respond(180)
            self._loop.later(self._ring, lambda: None if call.over else call.respond(200))
        else:
            call.respond(200)


def main(host: str, sip_port: int, rtp_port: int, calls: int, clip: str, ring_ms: int) -> None:
    """Answer until SIGTERM."""
    stop = stop_on_signals()
    endpoint = start_endpoint(host=host, sip_port=sip_port, rtp_port=rtp_port, rtp_ports=RTP_PORTS, max_calls=calls)
    loop = Loop(endpoint)
    account = Answering(loop, None if clip == "-" else clip, ring_ms / 1000)
    account.create(endpoint.account_config(f"sip:peer@{host}:{sip_port}"))
    loop.run(stop, account.calls)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], int(sys.argv[6]))
