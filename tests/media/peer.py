"""A SIP peer of the tests' own, without PJSIP: answers calls as told, sends and times RTP, keeps all it got."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from dialer.media.sip import SipMessage, parse, uri_of
from tests.media.srtp import Srtp, agree
from tests.support.until import until

SO_TIMESTAMPNS = 35
TONE = bytes([0x34, 0x21, 0x2A, 0x21, 0x34, 0xB4, 0xA1, 0xAA, 0xA1, 0xB4]) * 16  # A-law, about 800 Hz
CHALLENGE = 'WWW-Authenticate: Digest realm="test", nonce="abc", algorithm=MD5\r\n'
SILENCE = bytes([0xD5]) * 160


class Rtp:
    """One RTP socket: sends 20 ms packets from a thread, noting when, and the kernel's time of each that arrives."""

    def __init__(self, host: str, port: int) -> None:
        self.port = port
        self.arrivals: list[float] = []
        self.loud: list[float] = []  # arrivals that were not silence
        self.sent: list[float] = []
        self.payload = TONE
        self.sends: Srtp | None = None  # how packets are protected, and those that come
        self.hears: Srtp | None = None
        self.event_type = 101  # payload type of RFC 4733 events
        self._digits: list[str] = []
        self._target: tuple[str, int] | None = None
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sock.settimeout(0.2)
        self._sock.bind((host, port))
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._receive, self._send)]
        for thread in self._threads:
            thread.start()

    def send_to(self, host: str, port: int) -> None:
        """Begin to send there."""
        self._target = (host, port)

    def press(self, digit: str) -> None:
        """Send a key as RFC 4733 event."""
        self._digits.append(digit)

    def close(self) -> None:
        """Stop both threads."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._sock.close()

    def _receive(self) -> None:
        while not self._stopping.is_set():
            try:
                data, ancillary, _, _ = self._sock.recvmsg(2048, 256)
            except (TimeoutError, ConnectionRefusedError):
                continue
            if self.hears is not None:
                data = self.hears.unprotect(data) or b""
            if len(data) < 12 or data[1] & 0x7F != 8:
                continue
            at = time.time()
            for _, kind, value in ancillary:
                if kind == SO_TIMESTAMPNS:
                    seconds, nanos = struct.unpack("qq", value[:16])
                    at = seconds + nanos / 1e9
            self.arrivals.append(at)
            if len(set(data[12:])) > 3:
                self.loud.append(at)

    def _send(self) -> None:
        seq, stamp, ssrc = 0, 0, secrets.randbits(32)
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            due += 0.02
            if self._target is None:
                continue
            packets = [(8, self.payload, stamp)]
            if self._digits:
                digit = "0123456789*#".index(self._digits.pop(0))
                packets = [(self.event_type, struct.pack("!BBH", digit, 10, 160), stamp)] * 2
                packets += [(self.event_type, struct.pack("!BBH", digit, 0x80 | 10, 800), stamp)] * 3
            for kind, payload, at in packets:
                head = struct.pack("!BBHII", 0x80, kind, seq & 0xFFFF, at & 0xFFFFFFFF, ssrc)
                packet = head + payload
                self._sock.sendto(self.sends.protect(packet) if self.sends else packet, self._target)
                self.sent.append(time.time())
                seq += 1
            stamp += 160


@dataclass
class PeerCall:
    """One call at the peer."""

    peer: Peer
    invite: SipMessage
    source: tuple[str, int]
    tag: str = field(default_factory=lambda: secrets.token_hex(6))
    received: list[SipMessage] = field(default_factory=list)
    rtp: Rtp | None = None
    cseq: int = 1
    authorised: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def number(self) -> str:
        """User part of the request URI."""
        return self.invite.first_line.split(" ")[1].removeprefix("sip:").split("@")[0]

    def got(self, method: str) -> int:
        """How many requests of a method came, retransmissions included."""
        return sum(m.status is None and m.method == method for m in self.received)

    def reply(self, code: int, *, sdp: bool = False, to: SipMessage | None = None, headers: str = "") -> None:
        """Answer the INVITE, or the request ``to``. ``headers``: further lines, each ended by CRLF."""
        request = to or self.invite
        with_sdp = sdp and to is None
        body = self._sdp() if with_sdp else ""
        lines = [f"SIP/2.0 {code} Whatever", *(f"Via: {via}" for via in request.values("via"))]
        destination = request.value("to")
        lines += [
            f"From: {request.value('from')}",
            f"To: {destination}" if ";tag=" in destination or code == 100 else f"To: {destination};tag={self.tag}",
            f"Call-ID: {request.value('call-id')}",
            f"CSeq: {request.value('cseq')}",
            f"Contact: <sip:peer@{self.peer.host}:{self.peer.port}>",
        ]
        lines += ["Content-Type: application/sdp"] if with_sdp else []
        text = "\r\n".join(lines) + "\r\n" + headers + f"Content-Length: {len(body)}\r\n\r\n{body}"
        self.peer.send(text, self.source)

    def answer(self, *, headers: str = "") -> None:
        """200 with SDP; audio flows both ways."""
        self.reply(200, sdp=True, headers=headers)

    def request(self, method: str, *, headers: str = "", sdp: bool = False) -> None:
        """Send a request inside the dialog."""
        self.cseq += 1
        body = self._sdp() if sdp else ""
        lines = [
            f"{method} {uri_of(self.invite.value('contact'))} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.peer.host}:{self.peer.port};rport;branch=z9hG4bK{secrets.token_hex(8)}",
            "Max-Forwards: 70",
            f"From: {self.invite.value('to')};tag={self.tag}",
            f"To: {self.invite.value('from')}",
            f"Call-ID: {self.invite.value('call-id')}",
            f"CSeq: {self.cseq} {method}",
            f"Contact: <sip:peer@{self.peer.host}:{self.peer.port}>",
        ]
        lines += ["Content-Type: application/sdp"] if sdp else []
        text = "\r\n".join(lines) + "\r\n" + headers + f"Content-Length: {len(body)}\r\n\r\n{body}"
        self.peer.send(text, self.source)

    def _sdp(self) -> str:
        if self.rtp is None:
            self.rtp = self.peer.open_rtp()
        profile, crypto = "RTP/AVP", ""
        if "RTP/SAVP" in self.invite.body:
            profile = "RTP/SAVP"
            crypto, self.rtp.sends, self.rtp.hears = agree(self.invite.body)
        host, port = media_of(self.invite)
        self.rtp.send_to(host, port)
        offered = re.search(r"a=rtpmap:(\d+) telephone-event/8000", self.invite.body)
        events = self.rtp.event_type = int(offered[1]) if offered else 101
        return (
            f"v=0\r\no=peer 1 1 IN IP4 {self.peer.host}\r\ns=-\r\nc=IN IP4 {self.peer.host}\r\nt=0 0\r\n"
            f"m=audio {self.rtp.port} {profile} 8 {events}\r\n{crypto}a=rtpmap:8 PCMA/8000\r\n"
            f"a=rtpmap:{events} telephone-event/8000\r\na=fmtp:{events} 0-15\r\na=sendrecv\r\n"
        )


def media_of(message: SipMessage) -> tuple[str, int]:
    """Address and port of the audio in a message's SDP."""
    lines = message.body.split("\n")
    host = next(line.split()[2] for line in lines if line.startswith("c="))
    port = next(int(line.split()[1]) for line in lines if line.startswith("m=audio"))
    return host.strip(), port


Behaviour = Callable[[PeerCall], Awaitable[None]]


class Peer(asyncio.DatagramProtocol):
    """The peer's SIP socket. Each call is answered by the behaviour of its number's longest prefix."""

    def __init__(self, host: str, port: int, rtp_port: int) -> None:
        self.host, self.port, self._next_rtp = host, port, rtp_port
        self.calls: dict[str, PeerCall] = {}
        self.requests: list[SipMessage] = []
        self.behaviours: dict[str, Behaviour] = {}
        self.options_code = 200
        self._rtps: list[Rtp] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        """Bind the socket."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, self.port))

    async def stop(self) -> None:
        """Close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self._transport is not None
        self._transport.close()
        await self.forget()

    async def forget(self) -> None:
        """End the audio of all calls, and know nothing of them any more."""
        rtps, self._rtps = self._rtps, []
        await asyncio.gather(*(asyncio.to_thread(rtp.close) for rtp in rtps))
        self.calls.clear()
        self.requests.clear()
        self.options_code = 200

    def open_rtp(self) -> Rtp:
        """A fresh RTP socket."""
        rtp = Rtp(self.host, self._next_rtp)
        self._next_rtp += 2
        self._rtps.append(rtp)
        return rtp

    def send(self, text: str, to: tuple[str, int]) -> None:
        """Send a message."""
        assert self._transport is not None
        self._transport.sendto(text.encode(), to)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse(data.decode())
        if message.status is None and message.first_line:
            self.requests.append(message)
        call = self.calls.get(message.value("call-id"))
        if message.method == "OPTIONS" and message.status is None:
            PeerCall(self, message, addr).reply(self.options_code)
            return
        if message.method == "REGISTER" and message.status is None:
            known = bool(message.value("authorization"))
            contact = f"Contact: {message.value('contact')};expires=300\r\n"
            PeerCall(self, message, addr).reply(200 if known else 401, headers=contact if known else CHALLENGE)
            return
        if message.method == "INVITE" and message.status is None and call is None:
            call = self.calls[message.value("call-id")] = PeerCall(self, message, addr)
            behaviour = self.behaviours[max((p for p in self.behaviours if call.number.startswith(p)), key=len)]
            task = asyncio.ensure_future(behaviour(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        if call is None:
            return
        call.received.append(message)
        if message.method == "INVITE" and message.value("authorization") and not call.invite.value("authorization"):
            call.invite = message
            call.authorised.set()
        if message.status is None and message.method in ("BYE", "CANCEL"):
            call.reply(200, to=message)

    def call_to(self, number: str) -> PeerCall | None:
        """The newest call to a number."""
        return next((call for call in reversed(self.calls.values()) if call.number == number), None)


async def answers(call: PeerCall) -> None:
    """Ring, then pick up."""
    call.reply(180)
    await asyncio.sleep(0.1)
    call.answer()


async def rings(call: PeerCall) -> None:
    """Ring until cancelled, then say so."""
    call.reply(180)
    await until(lambda: call.got("CANCEL"), 60)
    call.reply(487)


def refuses(code: int, headers: str = "") -> Behaviour:
    """Refuse with a code at once."""

    async def behaviour(call: PeerCall) -> None:
        call.reply(100)
        call.reply(code, headers=headers)

    return behaviour
