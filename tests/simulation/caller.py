"""A caller that speaks SIP and RTP with its own hands: no library of the dialer's takes part."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

HOST = "127.0.0.1"


@dataclass
class Response:
    """One SIP response as it came."""

    code: int
    method: str
    headers: list[tuple[str, str]]
    body: str

    def get(self, name: str) -> str:
        """All values of a header, joined; empty if there are none."""
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())


class Inbox(asyncio.DatagramProtocol):
    """A UDP socket that hands each datagram on."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, _address: object) -> None:
        self._take(data)


@dataclass
class Caller:
    """One outgoing call: INVITE with an A-law offer; everything that comes back is kept."""

    port: int
    responses: list[Response] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)  # methods the far end sent
    audio: list[bytes] = field(default_factory=list)  # A-law payloads in the order of arrival
    _said_bye: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None:
        """Take two sockets."""
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(lambda: Inbox(self._message), local_addr=(HOST, 0))
        self._rtp, _ = await loop.create_datagram_endpoint(lambda: Inbox(self._packet), local_addr=(HOST, 0))
        self.sip_port: int = self._sip.get_extra_info("sockname")[1]
        self._rtp_port: int = self._rtp.get_extra_info("sockname")[1]
        self._id, self._tag, self._branch = secrets.token_hex(8), secrets.token_hex(4), secrets.token_hex(8)
        self._target = ""

    async def close(self) -> None:
        """End what is still up and give the sockets back."""
        final = self.final()
        if self._target and final is None:
            self.cancel()
            with contextlib.suppress(TimeoutError):
                final = await self.until_final(5)
        if final is not None and final.code == 200 and "BYE" not in self.requests and not self._said_bye:
            self.bye()
        self._sip.close()
        self._rtp.close()

    def invite(self, user: str) -> None:
        """Send the INVITE to a dialled string."""
        self._target = f"sip:{user}@{HOST}:{self.port}"
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {self._rtp_port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
        )
        self._request("INVITE", 1, self._branch, body=sdp)

    def cancel(self) -> None:
        """Send the CANCEL of the INVITE."""
        self._request("CANCEL", 1, self._branch)

    def bye(self) -> None:
        """Send BYE."""
        self._said_bye = True
        self._request("BYE", 2, secrets.token_hex(8), tagged=True)

    def options(self) -> None:
        """Ask the carrier whether it is there."""
        self._target = f"sip:{HOST}:{self.port}"
        self._request("OPTIONS", 1, self._branch)

    def codes(self) -> list[int]:
        """Codes of the INVITE's responses without 100 and repetitions, in order."""
        seen = dict.fromkeys(r.code for r in self.responses if r.method == "INVITE" and r.code > 100)
        return list(seen)

    def response(self, code: int, method: str = "INVITE") -> Response:
        """The first response with ``code``."""
        return next(r for r in self.responses if r.code == code and r.method == method)

    def final(self) -> Response | None:
        """The INVITE's final response, if it has come."""
        return next((r for r in self.responses if r.method == "INVITE" and r.code >= 200), None)

    def pcm(self) -> NDArray[np.float64]:
        """The audio so far, from -1 to 1."""
        return _ALAW[np.frombuffer(b"".join(self.audio), dtype=np.uint8)]

    async def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait for something to become true of what was received.

        Raises:
            TimeoutError: it did not within ``seconds``.
        """
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_code(self, code: int, seconds: float, method: str = "INVITE") -> Response:
        """Wait for a response."""
        await self.until(lambda: any(r.code == code and r.method == method for r in self.responses), seconds)
        return self.response(code, method)

    async def until_final(self, seconds: float) -> Response:
        """Wait for the INVITE's final response."""
        await self.until(lambda: self.final() is not None, seconds)
        final = self.final()
        assert final is not None
        return final

    async def until_heard(self, seconds_of_audio: float, seconds: float) -> None:
        """Wait until so much audio has come since the first packet."""
        await self.until(lambda: sum(map(len, self.audio)) >= seconds_of_audio * 8000, seconds)

    def _request(self, method: str, cseq: int, branch: str, body: str = "", *, tagged: bool = False) -> None:
        final = self.final()
        to = final.get("To") if final is not None and (tagged or method == "ACK") else f"<{self._target}>"
        head = [
            f"{method} {self._target} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self.sip_port};rport;branch=z9hG4bK{branch}",
            "Max-Forwards: 70",
            f"From: <sip:dialer@{HOST}>;tag={self._tag}",
            f"To: {to}",
            f"Call-ID: {self._id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:dialer@{HOST}:{self.sip_port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self._send("\r\n".join(head) + "\r\n\r\n" + body)

    def _send(self, text: str) -> None:
        self._sip.sendto(text.encode(), (HOST, self.port))

    def _packet(self, data: bytes) -> None:
        if len(data) > 12 and data[1] & 0x7F == 8:
            self.audio.append(data[12:])
            self._changed.set()

    def _message(self, data: bytes) -> None:
        if data[0] & 0x80:
            return  # RTCP meant for the port above somebody's RTP port
        head, _, body = data.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        if not first.startswith("SIP/2.0 "):
            method = first.split()[0]
            self.requests.append(method)
            kept = [f"{k}: {v}" for k, v in headers if k.lower() in {"via", "from", "to", "call-id", "cseq"}]
            self._send("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0"]) + "\r\n\r\n")
        else:
            cseq = next(value for name, value in headers if name.lower() == "cseq")
            response = Response(int(first.split()[1]), cseq.split()[1], headers, body)
            self.responses.append(response)
            if response.method == "INVITE" and response.code >= 200:
                fresh = secrets.token_hex(8) if response.code < 300 else self._branch
                self._request("ACK", 1, fresh)
        self._changed.set()


def _alaw_table() -> NDArray[np.float64]:
    """Linear value of every A-law octet (ITU-T G.711)."""
    values = []
    for octet in range(256):
        inverted = octet ^ 0x55
        segment, step = (inverted >> 4) & 7, inverted & 15
        size = (step << 4) + 8 if segment == 0 else ((step << 4) + 0x108) << (segment - 1)
        values.append(size if inverted & 0x80 else -size)
    return np.array(values) / 32768


_ALAW = _alaw_table()
_LEVELS = np.sort(_ALAW)


def through_alaw(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Samples as they are after coding to A-law and back: each at the nearest level."""
    above = np.clip(np.searchsorted(_LEVELS, samples), 1, len(_LEVELS) - 1)
    high, low = _LEVELS[above], _LEVELS[above - 1]
    return np.where(high - samples < samples - low, high, low)


async def answers_options(port: int) -> bool:
    """Whether somebody answers OPTIONS with 200 within half a second."""
    probe = Caller(port)
    await probe.open()
    probe.options()
    try:
        await probe.until_code(200, 0.5, "OPTIONS")
    except TimeoutError:
        return False
    finally:
        await probe.close()
    return True
