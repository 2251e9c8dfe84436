"""Settings of an installation of a test's own, or of a module's: folders, ports, bus and a fresh database."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from core.settings import Settings
from tests.support.ports import Ports
from tests.support.servers import Servers

START = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Europe/Warsaw"))  # a Monday
RTP_PORTS = 240


@contextmanager
def installation(servers: Servers | None, folder: Path, ports: Ports) -> Iterator[Settings]:
    """Its shared clock stands at :data:`START` now and runs at real speed; without ``servers`` no database, no bus."""
    taps = Path(tempfile.mkdtemp(prefix="cf-", dir="/dev/shm"))
    made = Settings(
        data_dir=folder / "var",
        keys_file=folder / "keys" / "keys.json",
        database_url=servers.create_database() if servers else None,
        redis_url=servers.empty_bus() if servers else None,
        database_pool=4,
        clock_start=START,
        clock_epoch=time.time(),
        tap_dir=taps,
        web_port=ports.take(),
        media_sip_port=ports.take(2),
        media_rtp_port=ports.take(RTP_PORTS),
        media_rtp_ports=RTP_PORTS,
        carrier_sip_port=ports.take(2),
        carrier_rtp_port=ports.take(RTP_PORTS),
        agents_sip_port=ports.take(2),
        agents_rtp_port=ports.take(RTP_PORTS),
    )
    yield made
    if servers is not None and made.database_url is not None:
        servers.drop_database(made.database_url)
    shutil.rmtree(taps, ignore_errors=True)
