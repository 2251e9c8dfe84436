"""Trunks by registration, over TCP and TLS, with SRTP."""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.clock import SystemClock
from dialer.media import messages as m
from dialer.media.sip import parse
from dialer.trunks.models import CallerIdHeader, SrtpUse, Transport, TrunkAuth
from tests.media.conftest import AddTrunk
from tests.media.driver import Driver
from tests.media.peer import CHALLENGE, Peer, PeerCall
from tests.sip.conftest import SCENARIOS
from tests.support.ports import Ports
from tests.support.processes import Processes
from tests.support.until import until

pytestmark = pytest.mark.sip


class Bench:
    """A media process that any trunk can be added to."""

    def __init__(self, driver: Driver, add_trunk: AddTrunk) -> None:
        self.driver, self._add = driver, add_trunk

    async def place(self, host: str, number: str = "+48501000001", **fields: Any) -> Any:
        """Add a trunk, and call through it once it is loaded."""
        trunk = await self._add(host, **fields)
        for _ in range(100):
            attempt = await self.driver.place(number, trunk_id=trunk.id)
            await until(lambda a=attempt: self.driver.kinds(a))
            if not self.driver.of(attempt, m.CallRefused):
                return attempt
        raise AssertionError("the trunk was never loaded")


@pytest.fixture
def bench(media: Driver, add_trunk: AddTrunk) -> Bench:
    return Bench(media, add_trunk)


async def test_registration_digest_and_srtp_offer(bench: Bench, peer: Peer) -> None:
    async def challenges(call: PeerCall) -> None:
        call.reply(401, headers=CHALLENGE)
        await call.authorised.wait()
        call.reply(488)

    peer.behaviours["+48501"] = challenges
    attempt = await bench.place(
        f"127.0.0.1:{peer.port}", auth=TrunkAuth.REGISTER, username="shop", password="hush", srtp=SrtpUse.MANDATORY,
        caller_id_header=CallerIdHeader.PPI, privacy="id", from_domain="sip.invalid",
    )  # fmt: skip
    ended = await bench.driver.event(attempt, m.CallEnded)
    assert (ended.sip_code, ended.no_reply) == (488, False)
    assert bench.driver.kinds(attempt) == ["call_accepted", "call_ended"]
    call = peer.call_to("+48501000001")
    assert call is not None
    assert 'username="shop"' in call.invite.value("authorization")
    assert "hush" not in call.invite.value("authorization")
    assert "anonymous.invalid" in call.invite.value("from")
    assert call.invite.value("privacy") == "id"
    assert call.invite.value("p-preferred-identity") == "<sip:+48221112233@sip.invalid>"
    assert "RTP/SAVP" in call.invite.body
    assert "a=crypto:" in call.invite.body
    await until(lambda: any(r.method == "REGISTER" and r.value("authorization") for r in peer.requests))


def loudest(tap: Path) -> int:
    """Largest sample of the last second, 0 before there is one."""
    if not tap.exists() or tap.stat().st_size < 16_044:
        return 0
    return int(np.abs(np.frombuffer(tap.read_bytes()[-16_000:], dtype="<i2").astype(int)).max())


async def test_audio_is_encrypted_both_ways(bench: Bench, peer: Peer) -> None:
    attempt = await bench.place(f"127.0.0.1:{peer.port}", srtp=SrtpUse.MANDATORY)
    await bench.driver.event(attempt, m.CallAnswered)
    call = peer.call_to("+48501000001")
    assert call is not None
    rtp = call.rtp
    assert rtp is not None
    assert rtp.sends is not None
    opened = (await until(lambda: [t for t in bench.driver.taps if isinstance(t, m.TapOpened)]))[0]
    await until(lambda: loudest(Path(opened.path)) > 1_000, what="a second of their audio")
    await until(lambda: len(rtp.arrivals) > 20, what="our audio, signed with the right key")


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.TraditionalOpenSSL
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return cert_path, key_path


async def test_a_carrier_over_tcp(bench: Bench, ports: Ports, processes: Processes) -> None:
    port = ports.take(6)
    argv = ["sipp", "-sf", str(SCENARIOS / "busy.xml"), "-i", "127.0.0.1", "-p", str(port), "-m", "1", "-nostdin"]
    processes.run([*argv, "-timeout", "60", "-t", "t1"], name="sipp")
    attempt = await bench.place(f"127.0.0.1:{port}", transport=Transport.TCP)
    ended = await bench.driver.event(attempt, m.CallEnded)
    assert (ended.sip_code, ended.q850) == (486, 17)


async def test_a_carrier_over_tls(bench: Bench, ports: Ports, tmp_path: Path) -> None:
    """SIPp of the distribution knows no TLS: a few lines of ours answer."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        invite = parse((await reader.readuntil(b"\r\n\r\n")).decode())
        copied = [f"{name}: {invite.value(name)}" for name in ("via", "from", "call-id", "cseq")]
        lines = ["SIP/2.0 486 Busy Here", *copied, f"To: {invite.value('to')};tag=x", "Content-Length: 0"]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await writer.drain()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path))
    port = ports.take()
    server = await asyncio.start_server(refuse, "127.0.0.1", port, ssl=context)
    attempt = await bench.place(f"127.0.0.1:{port}", transport=Transport.TLS, srtp=SrtpUse.OPTIONAL)
    ended = await bench.driver.event(attempt, m.CallEnded)
    assert (ended.sip_code, ended.no_reply) == (486, False)
    server.close()
