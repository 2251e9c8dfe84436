"""Strangers: floods of INVITEs and garbage are not admitted and don't disturb a call that is up."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil
import pytest

from core.settings import Settings
from dialer.media import messages as m
from tests.media.driver import Driver
from tests.media.metronome import largest_gap, start_metronome
from tests.media.peer import Peer, Rtp, media_of
from tests.support.processes import Processes
from tests.support.until import until

pytestmark = pytest.mark.sip
STRANGER = "127.0.77.1"
FLOOD_SECONDS = 8.0
FLOOD_RATE = 500
QUIET_SECONDS = 2.0
LARGEST_GAP = 0.060  # s


class Flood(threading.Thread):
    """Sends datagrams from a stranger's address at a steady rate, and counts what comes back."""

    def __init__(self, target: tuple[str, int], make: Callable[[int], bytes], rate: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.target, self.make, self.rate, self.seconds = target, make, rate, seconds
        self.sent = self.answers = 0

    def run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((STRANGER, 0))
            sock.setblocking(False)
            begin = time.monotonic()
            while (passed := time.monotonic() - begin) < self.seconds:
                while self.sent < passed * self.rate:
                    sock.sendto(self.make(self.sent), self.target)
                    self.sent += 1
                try:
                    while sock.recv(2048):
                        self.answers += 1
                except BlockingIOError:
                    pass
                threading.Event().wait(0.01)


def invite(n: int) -> bytes:
    """A stranger's INVITE, each a call of its own."""
    body = "v=0\r\no=x 1 1 IN IP4 127.0.77.1\r\ns=-\r\nc=IN IP4 127.0.77.1\r\nt=0 0\r\nm=audio 9000 RTP/AVP 8\r\n"
    return (
        f"INVITE sip:100{n}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {STRANGER}:5060;rport;branch=z9hG4bK{n}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:x@{STRANGER}>;tag={n}\r\nTo: <sip:100{n}@127.0.0.1>\r\n"
        f"Call-ID: flood-{n}\r\nCSeq: 1 INVITE\r\nContact: <sip:x@{STRANGER}>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


_RANDOM = random.Random(7)
_STARTS = (
    b"",
    b"SIP/2.0 200 OK\r\n",
    b"BYE sip:x SIP/2.0\r\n\r\n",
    b"ACK",
    b"INVITE sip:\x00",
    b"\x80\x08",
    b"\r\n\r\n",
)


def garbage(n: int) -> bytes:
    """Random bytes, some of which begin like SIP or RTP."""
    return _STARTS[n % len(_STARTS)] + _RANDOM.randbytes(_RANDOM.randrange(0, 400))


@dataclass
class Quiet:
    """A call's audio, its largest gap before any flood, and a metronome that shows when the machine had no time."""

    rtp: Rtp
    steady: Rtp
    largest: float = 0.0

    @classmethod
    async def before(cls, rtp: Rtp, peer: Peer, processes: Processes) -> Quiet:
        """Listen for 2 s."""
        quiet = cls(rtp, peer.open_rtp())
        start_metronome(processes, quiet.steady)
        await until(lambda: len(quiet.steady.arrivals) > 20 and len(rtp.arrivals) > 20)
        begin = time.time()
        await until(lambda: time.time() - begin > QUIET_SECONDS)
        quiet.largest = quiet.gap(begin, time.time())
        return quiet

    def gap(self, begin: float, end: float) -> float:
        """The call's largest gap (s) that is not the machine's."""
        return largest_gap(self.rtp.arrivals, self.steady.arrivals, begin, end)


async def test_a_flood_of_invites_is_not_admitted_and_not_heard(
    media: Driver, peer: Peer, settings: Settings, processes: Processes
) -> None:
    attempt = await media.place("+48501000001")
    await media.event(attempt, m.CallAnswered)
    call = peer.call_to("+48501000001")
    assert call is not None
    rtp = call.rtp
    assert rtp is not None
    quiet = await Quiet.before(rtp, peer, processes)
    process = psutil.Process(media.child.pid)  # type: ignore[attr-defined]
    files, busy = process.num_fds(), sum(process.cpu_times()[:2])
    begin = time.time()
    flood = Flood(("127.0.0.1", settings.media_sip_port), invite, FLOOD_RATE, FLOOD_SECONDS)
    flood.start()
    await asyncio.to_thread(flood.join)
    end = time.time()
    assert flood.sent >= 0.9 * FLOOD_RATE * FLOOD_SECONDS
    assert flood.answers == 0
    assert process.num_fds() <= files
    assert sum(process.cpu_times()[:2]) - busy < 0.5 * FLOOD_SECONDS
    assert quiet.gap(begin, end) <= max(LARGEST_GAP, quiet.largest)
    await media.send(m.ResendEvents(stream=media.stream, campaign_id=media.campaign_id, fence=1))
    inventory = await until(lambda: [e for e in media.events if isinstance(e, m.Inventory)])
    assert inventory[0].attempts == [attempt]


async def test_garbage_at_the_sip_and_rtp_ports_changes_nothing(
    media: Driver, peer: Peer, settings: Settings, processes: Processes
) -> None:
    attempt = await media.place("+48501000001")
    await media.event(attempt, m.CallAnswered)
    call = peer.call_to("+48501000001")
    assert call is not None
    rtp = call.rtp
    assert rtp is not None
    quiet = await Quiet.before(rtp, peer, processes)
    _, rtp_port = media_of(call.invite)
    begin = time.time()
    floods = [
        Flood(("127.0.0.1", port), garbage, 300, 5.0) for port in (settings.media_sip_port, rtp_port, rtp_port + 1)
    ]
    for flood in floods:
        flood.start()
    for flood in floods:
        await asyncio.to_thread(flood.join)
    assert quiet.gap(begin, time.time()) <= max(LARGEST_GAP, quiet.largest)
    rtp.press("5")
    assert (await media.event(attempt, m.CallDigit)).digit == "5"
    other = await media.place("+48503000001")
    assert (await media.event(other, m.CallEnded)).sip_code == 486
    await media.send(m.HangupCall(attempt_id=attempt))
    assert (await media.event(attempt, m.CallEnded)).by == "us"


async def test_a_call_from_a_carrier_is_declined(media: Driver, peer: Peer, settings: Settings) -> None:
    """Incoming calls are not a feature yet; a peer we know gets an answer."""
    attempt = await media.place("+48503000001")
    await media.event(attempt, m.CallEnded)
    text = invite(1).decode().replace(f"{STRANGER}:5060", f"127.0.0.1:{peer.port}").replace(STRANGER, "127.0.0.1")
    seen: list[str] = []
    receive = peer.datagram_received

    def note(data: bytes, addr: tuple[str, int]) -> None:
        if b"Call-ID: flood-1" in data:
            seen.append(data.decode().split("\r\n", 1)[0])
        receive(data, addr)

    peer.datagram_received = note  # type: ignore[method-assign]
    peer.send(text, ("127.0.0.1", settings.media_sip_port))
    await until(lambda: any(line.startswith("SIP/2.0 480") for line in seen), what=f"480 in {seen}")
