"""One pjsua2 endpoint, set up the way that was measured to work: the calling thread owns the library.

Used by the media process, the simulated carrier and the simulated telephones alike. The caller's thread polls
``libHandleEvents``; no worker threads, no sound device, one 8 kHz bridge, G.711 only.
"""

from __future__ import annotations

import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pjsua2 as pj

from dialer.media import native
from dialer.media.sdp import CODECS

TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
FILES_PER_CALL = 6  # RTP, RTCP, a recording and room for their siblings
FILES_BESIDE = 256


class Tls(NamedTuple):
    """Certificate chain and key (PEM files) of SIP over TLS."""

    cert: Path
    key: Path


class Endpoint(pj.Endpoint):  # type: ignore[misc]  # pjsua2 has no types
    """A started endpoint that also knows its media addresses."""

    host: str
    public_host: str | None
    rtp_port: int
    rtp_ports: int
    max_calls: int
    transports: dict[str, int]

    def account_config(self, id_uri: str) -> Any:
        """A ``pj.AccountConfig`` whose RTP sockets are taken from this endpoint's address and port range."""
        config = pj.AccountConfig()
        config.idUri = id_uri
        # At its default the library asks for the machine's IPv6 address before every call: a look-up of the host's own
        # name that blocks the whole process for seconds if the name server is slow.
        config.sipConfig.ipv6Use = config.mediaConfig.ipv6Use = pj.PJSUA_IPV6_DISABLED
        media = config.mediaConfig.transportConfig
        media.port, media.portRange = self.rtp_port, self.rtp_ports - 1
        media.boundAddress = self.host
        if self.public_host is not None:
            media.publicAddress = self.public_host
        return config


def start_endpoint(
    *,
    host: str,
    sip_port: int,
    rtp_port: int,
    rtp_ports: int,
    max_calls: int,
    transports: Sequence[str] = ("udp", "tcp"),
    tls: Tls | None = None,
    public_host: str | None = None,
    log_level: int = 1,
    user_agent: str = "Callfloor",
    nameservers: Sequence[str] = (),
) -> Endpoint:
    """Create, configure and start the process's endpoint.

    ``sip_port`` serves UDP and TCP, ``sip_port + 1`` TLS; without ``tls`` that is good for outgoing connections only,
    because there is no certificate to show. A call takes two of the ``rtp_ports`` from ``rtp_port`` on.
    ``Endpoint.max_calls`` is what the library can really carry: the packaged wheel has room for 4 calls, whatever is
    asked for. With ``nameservers`` (addresses) hosts are looked up by SRV and A records (RFC 3263), without any only
    as the machine resolves names.

    Raises:
        pj.Error: a port is taken, or the library refuses.
    """
    endpoint = Endpoint()
    endpoint.host, endpoint.public_host = host, public_host
    endpoint.rtp_port, endpoint.rtp_ports = rtp_port, rtp_ports
    native.set_log_level(log_level)  # libCreate speaks before it can be configured
    endpoint.libCreate()
    _raise_file_limit(max_calls)
    endpoint.libInit(_config(max_calls, log_level, user_agent, nameservers))
    endpoint.max_calls = min(max_calls, native.most_calls())
    _limit_codecs(endpoint)
    endpoint.transports = {}
    for name in [*transports, "tls"] if tls is not None and "tls" not in transports else transports:
        config = _transport(host, sip_port + (name == "tls"), public_host)
        if name == "tls" and tls is not None:
            config.tlsConfig.certFile, config.tlsConfig.privKeyFile = str(tls.cert), str(tls.key)
        endpoint.transports[name] = endpoint.transportCreate(TRANSPORTS[name], config)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    return endpoint


def system_nameservers(path: Path = Path("/etc/resolv.conf")) -> list[str]:
    """The machine's own IPv4 name servers, as many as the library takes (4)."""
    words = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    found = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver" and ":" not in line[1]]
    return found[:4]


def call_param(*, bare: bool = False) -> Any:
    """A ``pj.CallOpParam`` for one audio stream and nothing else. ``bare``: without call settings (answers, BYE)."""
    param = pj.CallOpParam(not bare)
    if not bare:
        param.opt.audioCount = 1
        param.opt.videoCount = 0
        if hasattr(param.opt, "textCount"):  # 2.17 would offer m=text
            param.opt.textCount = 0
    return param


def let_go(call: Any) -> None:
    """Destroy the library's object of a call that has ended; from then on none of its methods may be called.

    Must happen before the library gives the call's slot to another one, so as soon as it has said DISCONNECTED, though
    not within ``call.hangup()``. An object that Python collects later still has the slot's number, and hangs up
    whichever call is in it by then (seen with 2.15 and 2.17).
    """
    pj.Call.__swig_destroy__(call)


def _config(max_calls: int, log_level: int, user_agent: str, nameservers: Sequence[str]) -> Any:
    config = pj.EpConfig()
    config.uaConfig.maxCalls = max_calls
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.userAgent = user_agent
    for nameserver in nameservers:
        config.uaConfig.nameserver.append(nameserver)
    media = config.medConfig
    media.hasIoqueue = True
    media.threadCnt = 1  # native thread that moves RTP; it runs no Python
    media.clockRate = media.sndClockRate = 8000
    media.channelCount = 1
    media.audioFramePtime = media.ptime = 20
    media.quality = 2  # the default resampler costs 4-5 times the CPU
    media.noVad = True
    media.ecTailLen = 0
    media.jbInit, media.jbMinPre, media.jbMaxPre, media.jbMax = 40, 20, 60, 120
    media.maxMediaPorts = 4 * max_calls + 16  # a call, its recording, a player, room
    config.logConfig.level = config.logConfig.consoleLevel = log_level
    config.logConfig.msgLogging = 0  # SIP messages carry telephone numbers
    return config


def _limit_codecs(endpoint: Endpoint) -> None:
    """G.711 only, A-law first: PJSIP peers would agree on Speex wideband at six times the CPU."""
    for codec in endpoint.codecEnum2():
        name = codec.codecId.split("/")[0]
        endpoint.codecSetPriority(codec.codecId, 200 - CODECS.index(name) if name in CODECS else 0)


def _transport(host: str, port: int, public_host: str | None) -> Any:
    config = pj.TransportConfig()
    config.port, config.boundAddress = port, host
    if public_host is not None:
        config.publicAddress = public_host
    return config


def _raise_file_limit(calls: int) -> None:
    """Room for the sockets and files of ``calls``, as far as the hard limit goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = calls * FILES_PER_CALL + FILES_BESIDE
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
