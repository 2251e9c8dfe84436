"""pjsua2 and nothing else: sets up calls, hangs up, sets up the next, so many side by side, as fast as it can.

``python -m benchmarks.bare HOST SIP_PORT RTP_PORT TARGET CALLS SECONDS`` prints ``{"calls", "seconds"}``: calls that
were answered, had audio and whose BYE was answered.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time

import pjsua2 as pj

from dialer.media.endpoint import Endpoint, call_param, let_go, start_endpoint

WARM = 1.0  # s before counting begins
RTP_PORTS = 1000
DRAIN = 3.0  # s for the last calls to end


class BareCall(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    """One debtor's leg: up, audio, down."""

    def __init__(self, bench: Bare) -> None:
        super().__init__(bench.account)
        self.bench = bench

    def onCallState(self, _prm: pj.OnCallStateParam) -> None:  # noqa: N802 - the library's name
        if self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.bench.over.append(self)  # told at once when we hang up; the BYE's answer follows

    def onCallMediaState(self, _prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802 - the library's name
        self.bench.up.append(self)


class Bare:
    """The calling side."""

    def __init__(self, endpoint: Endpoint, host: str, sip_port: int, target: str) -> None:
        self.endpoint, self.target = endpoint, target
        self.account = pj.Account()
        self.account.create(endpoint.account_config(f"sip:bare@{host}:{sip_port}"))
        self.calls: set[BareCall] = set()
        self.up: list[BareCall] = []
        self.over: list[BareCall] = []
        self._made = 0
        self._library = ctypes.CDLL(pj._pjsua2.__file__)

    def run(self, calls: int, seconds: float) -> int:
        """Keep ``calls`` going for ``seconds`` after the warm-up; how many calls were completed in these."""
        begin = time.monotonic() + WARM
        before: int | None = None
        while (now := time.monotonic()) < begin + seconds:
            if before is None and now >= begin:
                before = self._done()
            self._turn()
            while self._open() < calls:
                call = BareCall(self)
                self.calls.add(call)
                call.makeCall(self.target, call_param())
                self._made += 1
        done = self._done() - (before or 0)
        give_up = time.monotonic() + DRAIN
        while self._open() and time.monotonic() < give_up:
            self._turn()
        return done

    def _open(self) -> int:
        """Calls the library still has, those that wait for the answer to their BYE included."""
        return int(self._library.pjsua_call_get_count())

    def _done(self) -> int:
        return self._made - self._open()

    def _turn(self) -> None:
        self.endpoint.libHandleEvents(5)
        for call in self.up:
            call.hangup(call_param(bare=True))
        self.up.clear()
        self.calls.difference_update(self.over)
        for call in self.over:
            let_go(call)
        self.over.clear()


def main(host: str, sip_port: int, rtp_port: int, target: str, calls: int, seconds: float) -> None:
    """Measure and print."""
    endpoint = start_endpoint(host=host, sip_port=sip_port, rtp_port=rtp_port, rtp_ports=RTP_PORTS, max_calls=2 * calls)
    bench = Bare(endpoint, host, sip_port, target)
    done = bench.run(calls, seconds)
    print(json.dumps({"calls": done, "seconds": seconds}))
    endpoint.libDestroy()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]), float(sys.argv[6]))
