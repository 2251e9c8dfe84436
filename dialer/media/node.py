"""One media process: a pjsua2 endpoint, its debtors' calls and agents' legs, commanded over Redis."""

from __future__ import annotations

import json
import queue
import signal
import time
from pathlib import Path

import structlog

from core.embedded import postgres_url, redis_url
from core.ids import new_id
from core.security import Keys
from core.settings import Settings
from dialer.media.admission import Admission
from dialer.media.desk import Desk
from dialer.media.endpoint import Tls, start_endpoint, system_nameservers
from dialer.media.events import Events
from dialer.media.journal import Journal
from dialer.media.known import Known
from dialer.media.leg import Legs
from dialer.media.loader import TrunkLoader
from dialer.media.loop import Loop
from dialer.media.messages import COMMAND, DialAgent, taps_stream
from dialer.media.spool import Spool
from dialer.media.taps import prepare_folder
from dialer.media.trunks import Trunks
from dialer.media.wire import Wire

log = structlog.get_logger()
HANGS_AFTER = 2.0  # s without a turn of the main loop: the alive key is left to expire
LAST_WORDS = 3.0  # s for the far ends to confirm at a clean stop


class MediaProcess:
    """Everything of one media process, and its life from the first packet to the last."""

    def __init__(self, settings: Settings, folder: Path, journal: Journal) -> None:
        self.settings = settings
        self.folder, self.journal = folder, journal
        self.clock = settings.clock()
        self.incarnation = new_id(self.clock).hex
        self.stopping = False
        self.loop = Loop()
        self._turned = time.monotonic()
        self.wire = Wire(redis_url(settings), settings.node, self.folder / "position", self._alive)
        spool = Spool(self.folder / "spool", settings.node, self.incarnation)
        self.events = Events(self.clock, spool, self.wire.publish, taps_stream(settings.node))
        self.known = Known(self.folder / "known", self.clock.timestamp())
        self.loader = TrunkLoader(postgres_url(settings), Keys.load(settings))
        prepare_folder(settings.taps())

    def run(self) -> None:
        """Live until SIGTERM or SIGINT, then hang everything up and go."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        s = self.settings
        self.endpoint = start_endpoint(
            host=s.media_host,
            sip_port=s.media_sip_port,
            rtp_port=s.media_rtp_port,
            rtp_ports=s.media_rtp_ports,
            max_calls=s.media_max_calls,
            transports=("udp", "tcp", "tls"),
            tls=Tls(s.tls_cert, s.tls_key) if s.tls_cert and s.tls_key else None,
            public_host=s.media_public_host,
            nameservers=system_nameservers(),
            log_level=0,  # its messages may name telephone numbers
        )
        admission = Admission(s.media_host, s.media_sip_port)
        self.legs = Legs(self.loop, self.journal, self.events, admission.seen)
        self.trunks = Trunks(self.loop, self.endpoint, self.events)
        self.desk = Desk(self.legs, self.trunks, self.endpoint, self.known, self.loader, s.taps(), admission.seen)
        self.loader.start()
        self._first_trunks(admission)
        if not self.stopping:
            self._live(admission)
        self._end()

    def _first_trunks(self, admission: Admission) -> None:
        """No command is taken before the trunks are known."""
        while not self.stopping and not self._take_trunks(admission):
            self.loop.turn(self.endpoint)

    def _live(self, admission: Admission) -> None:
        self.wire.start()
        self.events.send_again()  # what the one before us could not get acknowledged
        self.loop.every(60.0, lambda: self.known.prune(self.clock.timestamp()))
        log.info("media_ready", incarnation=self.incarnation, max_calls=self.endpoint.max_calls)
        while not self.stopping:
            self._turned = time.monotonic()
            self.loop.turn(self.endpoint)
            self.wire.flush()
            self._take_commands()
            self._take_trunks(admission)
            if self.wire.wants_again():
                self.wire.begin_again()
                self.desk.tell_all_again()
            self.wire.flush()

    def _take_commands(self) -> None:
        for _ in range(50):  # so that a flood of commands leaves the library its turns
            try:
                text, stale = self.wire.commands.get_nowait()
            except queue.Empty:
                return
            try:
                command = COMMAND.validate_json(text)
                if stale and isinstance(
                    command, DialAgent
                ):  # a debtor's call has its own deadline; all else is harmless
                    log.info("stale_command_dropped", session_id=str(command.session_id))
                else:
                    self.desk.carry_out(command)
            except Exception:
                log.exception("command_failed")

    def _take_trunks(self, admission: Admission) -> bool:
        loaded = self.loader.taken()
        if loaded is None:
            return False
        admission.expect(loaded.addresses)
        self.trunks.load(loaded.specs)
        return True

    def _alive(self) -> str | None:
        """Value of the alive key; read by the publishing thread."""
        if time.monotonic() - self._turned > HANGS_AFTER:
            return None
        calls = len(self.legs.alive)
        return json.dumps({"incarnation": self.incarnation, "calls": calls, "max_calls": self.endpoint.max_calls})

    def _stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def _end(self) -> None:
        """Hang up, tell it, and give the library back."""
        for leg in list(self.legs.alive):
            self.loop.later(leg.end)
        until = time.monotonic() + LAST_WORDS
        self.loop.turn(self.endpoint)
        while self.legs.alive and time.monotonic() < until:
            self.loop.turn(self.endpoint)
        self.loader.stop()
        self.wire.stop()
        self.events.spool.close()
        self.known.close()
        self.desk.clear()
        log.info("media_ended", left=len(self.legs.alive))
        self.endpoint.libDestroy()
