"""The simulated agents' telephones: one SIP user agent that answers every call at once and talks in a loop.

An agent's telephone is any user part at its address: ``sip:agent01@host:port``.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from zlib import crc32

import pjsua2 as pj
import structlog

from core.settings import Settings
from dialer.media.endpoint import start_endpoint
from dialer.simulation.speech import VOICES, clips
from dialer.simulation.useragent import Loop, PlayingCall, called_user, guarded

log = structlog.get_logger()


def phone_uri(settings: Settings, number: int) -> str:
    """SIP URI of the telephone of agent ``number`` (from 1)."""
    return f"sip:agent{number:02d}@{settings.media_host}:{settings.agents_sip_port}"


class Phones(pj.Account):  # type: ignore[misc]  # pjsua2 has no types
    """All telephones of the simulated agents."""

    def __init__(self, loop: Loop, files: Mapping[str, Path]) -> None:
        super().__init__()
        self.calls: set[PlayingCall] = set()
        self._loop, self._files = loop, files

    @guarded
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802 - the library's name
        call = PlayingCall(self, prm.callId, self._loop, self._files, self.calls)
        voices = sorted(VOICES)
        call.play(f"agent-{voices[crc32(called_user(prm.rdata.wholeMsg).encode()) % len(voices)]}")
        call.respond(200)


def serve(settings: Settings, stop: threading.Event, lines: int) -> None:
    """Answer at ``media_host:agents_sip_port`` with up to ``lines`` telephones until ``stop`` is set.

    The calling thread owns the SIP library from then on.
    """
    files = clips()
    endpoint = start_endpoint(
        host=settings.media_host,
        sip_port=settings.agents_sip_port,
        rtp_port=settings.agents_rtp_port,
        rtp_ports=max(16, lines * 8),
        max_calls=lines * 2,  # a new leg may come before the old one is gone
        user_agent="Callfloor simulated telephone",
    )
    loop = Loop(endpoint)
    phones = Phones(loop, files)
    phones.create(endpoint.account_config(f"sip:agents@{settings.media_host}:{settings.agents_sip_port}"))
    log.info("phones_ready", port=settings.agents_sip_port, lines=lines)
    loop.run(stop, phones.calls)
    log.info("phones_stopped")
