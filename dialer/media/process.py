"""``callfloor media``: what runs before anything heavy is loaded, then the media process itself."""

from __future__ import annotations

import os

import structlog

from core.settings import Settings
from core.telemetry import configure
from dialer.media.ending import end_left_dialogs
from dialer.media.journal import Journal

log = structlog.get_logger()
PRIORITY = -10  # nice value: a late packet is heard, a late page is not noticed


def run(settings: Settings) -> None:
    """Run a media process in the foreground until SIGTERM or SIGINT.

    Debtors may be listening to silence because our predecessor was killed: their dialogs are ended first.
    """
    configure(settings, "media")
    _audio_first()
    folder = settings.run_dir() / f"media-{settings.node}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    journal = Journal(folder / "journal")
    end_left_dialogs(journal, settings.media_host, settings.media_sip_port, settings.media_public_host)

    from dialer.media.node import MediaProcess  # seconds of imports: after what can't wait

    MediaProcess(settings, folder, journal).run()


def _audio_first() -> None:
    """Let audio go before everything else on the machine, where that is permitted (CAP_SYS_NICE or RLIMIT_NICE)."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)  # threads begun later inherit it
    except PermissionError:
        log.warning("media_priority_refused", wanted=PRIORITY)
