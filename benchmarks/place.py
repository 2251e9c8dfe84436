"""Where a bench runs: an installation in a temporary folder on ports of its own, and a campaign with its debtors."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from sqlalchemy import text
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.supervisor import ProcessSpec, Supervisor
from cli.up import environment, process, servers
from core import embedded
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.models import Brand
from core.outbox import emit
from core.settings import Settings
from dialer.agents import defaults, service
from dialer.agents.models import AgentSession
from dialer.media.messages import ReloadTrunks, commands_stream
from tests.support.installation import START
from tests.support.ports import Ports
from tests.support.world import World, make_world

RTP_PORTS = 1000
LEGS_WITHIN = 30.0  # s for all agents' telephones to be connected
PEER_CALLS = 400

# One statement a table; ids are the row's number, so that they fill the indexes as those of an import do.
_PEOPLE = (
    """INSERT INTO debtor (id, created_at, brand_id, reference, name, name_key, language, timezone)
       SELECT {debtor}, :now, :brand, 'B' || n, 'Jan Próbny ' || n, 'jan probny ' || n, 'pl', 'Europe/Warsaw'
       FROM generate_series(1, :count) n""",
    """INSERT INTO contact_point (id, created_at, brand_id, debtor_id, kind, value, position, dead)
       SELECT {phone}, :now, :brand, {debtor}, 'phone', '+485' || lpad(n::text, 8, '0'), 0, false
       FROM generate_series(1, :count) n""",
    """INSERT INTO debt_case (id, created_at, brand_id, portfolio_id, debtor_id, state, notes)
       SELECT {case}, :now, :brand, :portfolio, {debtor}, 'open', '' FROM generate_series(1, :count) n""",
    """INSERT INTO lead (id, created_at, brand_id, campaign_id, list_id, case_id, debtor_id, state, priority, due_at,
                         next_position, attempts, outcome_counts)
       SELECT {lead}, :now, :brand, :campaign, :list, {case}, {debtor}, 'ready', n % 5,
              :now - make_interval(secs => n % 86400), 0, 0, '{{}}'
       FROM generate_series(1, :count) n""",
)
_IDS = {
    name: f"CAST('0000000{k}-0000-7000-8000-' || lpad(to_hex(n), 12, '0') AS uuid)"
    for k, name in enumerate(("debtor", "phone", "case", "lead"), start=1)
}


@contextmanager
def installation(**changes: Any) -> Iterator[Settings]:
    """Settings of an installation of the bench's own. Its clock starts now on a working day at 10:00 in Warsaw."""
    ports = Ports()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="callfloor-bench-") as folder,
            tempfile.TemporaryDirectory(prefix="cf-bench-", dir="/dev/shm") as taps,
        ):
            given: dict[str, Any] = {
                "data_dir": Path(folder) / "var",
                "keys_file": Path(folder) / "keys",
                "tap_dir": Path(taps),
                "clock_start": START,
                "clock_epoch": time.time(),
                "log_level": "warning",
                "web_port": ports.take(),
                "media_sip_port": ports.take(2),
                "media_rtp_port": ports.take(RTP_PORTS),
                "media_rtp_ports": RTP_PORTS,
                "carrier_sip_port": ports.take(2),
                "carrier_rtp_port": ports.take(RTP_PORTS),
                "agents_sip_port": ports.take(2),
                "agents_rtp_port": ports.take(RTP_PORTS),
            }
            yield Settings(**(given | changes))
    finally:
        ports.close()


@contextmanager
def running(settings: Settings, specs: Sequence[ProcessSpec]) -> Iterator[Supervisor]:
    """The processes of ``specs``, ended with the block."""
    with Supervisor(specs, settings.run_dir()) as supervisor:
        yield supervisor


@contextmanager
def database_only(settings: Settings) -> Iterator[None]:
    """The installation's servers and tables, nothing else."""
    given = servers(settings)
    migrate = process(settings, "migrate", needs=[s.name for s in given], once=True, start_seconds=120.0)
    with running(settings, [*given, migrate]):
        yield


def peer(settings: Settings, name: str, port: int, rtp_port: int, clip: str = "", ring_ms: int = 0) -> ProcessSpec:
    """A SIP user agent that answers every call (``benchmarks/peer.py``)."""
    argv = (sys.executable, "-m", "benchmarks.peer", settings.media_host, str(port), str(rtp_port), str(PEER_CALLS))
    return ProcessSpec(name, (*argv, clip or "-", str(ring_ms)), environment(settings))


@asynccontextmanager
async def connected(settings: Settings, pool: int = 4) -> AsyncIterator[Database]:
    """The installation's database."""
    database = Database(embedded.postgres_url(settings), pool=pool)
    try:
        yield database
    finally:
        await database.close()


async def campaign(
    settings: Settings,
    database: Database,
    *,
    leads: int,
    agents: int,
    trunk: dict[str, Any] | None = None,
    **fields: Any,
) -> World:
    """A campaign (not running) with ``leads`` debtors to call, and ``agents`` assigned to it."""
    clock = settings.clock()
    brand = Brand(id=new_id(clock), created_at=clock.now(), name="Bench", callback_number="+48221230000")
    async with database.begin() as s:
        s.add(brand)
        await s.flush()
        defaults.seed(s, clock, brand.id)
    world = await make_world(
        database,
        clock,
        brand,
        phones=[],
        agents=agents,
        trunk_host=f"{settings.media_host}:{settings.carrier_sip_port}",
        agent_uri=f"sip:agent{{n:02d}}@{settings.media_host}:{settings.agents_sip_port}",
        trunk={"max_calls": 500, "max_cps": 1000.0, **(trunk or {})},
        **{"state": "stopped", "max_lines": 400, **fields},
    )
    async with database.begin() as s:
        await fill(s, clock, world, leads)
        await emit(s, commands_stream(settings.node), ReloadTrunks())
    return world


async def fill(session: AsyncSession, clock: Clock, world: World, count: int) -> None:
    """Put ``count`` debtors with a phone, a case and a due lead each into the world's campaign."""
    values = {
        "now": clock.now(),
        "count": count,
        "brand": world.brand.id,
        "portfolio": world.portfolio_id,
        "campaign": world.id,
        "list": world.list_id,
    }
    connection = await session.connection()
    for statement in _PEOPLE:
        sql = statement.format(**_IDS)
        used = {name: value for name, value in values.items() if f":{name}" in sql}
        await connection.execute(text(sql), used)
    for table in ("debtor", "contact_point", "debt_case", "lead"):
        await connection.execute(text(f"ANALYZE {table}"))


async def open_shifts(database: Database, clock: Clock, world: World) -> dict[UUID, UUID]:
    """All agents at work, telephones connected, ready: agent -> session.

    Raises:
        TimeoutError: their telephones are not up in time.
    """
    opened: dict[UUID, UUID] = {}
    for agent in world.agents:
        async with database.begin() as s:
            opened[agent.id] = (await service.open_session(s, clock, agent.id, world.id)).id

    async def up() -> int:
        async with database.begin() as s:
            query = select(func.count()).select_from(AgentSession).where(col(AgentSession.leg_up).is_(True))
            return (await s.exec(query)).one()

    async with asyncio.timeout(LEGS_WITHIN):
        while await up() < len(opened):  # noqa: ASYNC110 - the rows change in another process
            await asyncio.sleep(0.2)
    for session_id in opened.values():
        async with database.begin() as s:
            await service.get_ready(s, clock, session_id)
    return opened


@dataclass
class Usage:
    """CPU seconds and resident memory of named processes, children included."""

    pids: dict[str, int]

    @classmethod
    def of(cls, supervisor: Supervisor, names: Sequence[str], **others: int) -> Usage:
        """Of a supervisor's processes, and of ``others`` by id."""
        return cls({name: supervisor.pid_of(name) for name in names} | others)

    def cpu(self) -> dict[str, float]:
        """CPU seconds used so far."""
        return {name: sum(_cpu(p) for p in _family(pid, name)) for name, pid in self.pids.items()}

    def memory(self) -> dict[str, float]:
        """Resident MB now; what forked servers share is counted once."""
        return {name: sum(_private(p) for p in _family(pid, name)) / 1e6 for name, pid in self.pids.items()}


def _family(pid: int, name: str) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *(process.children(recursive=True) if name != "bench" else [])]
    return []


def _cpu(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _private(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        memory = process.memory_info()
        return float(memory.rss - memory.shared)
    return 0.0
