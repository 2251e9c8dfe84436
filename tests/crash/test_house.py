"""kill -9 of each process of the house under running calls: real SIP, real servers, simulated carrier and agents.

One house serves all tests of this file; each brings it to life with running calls by itself and kills one process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, func, select

from cli.demo import Size, specs
from cli.sample import CAMPAIGN
from cli.supervisor import Supervisor
from core import embedded
from core.bus import Bus
from core.db import Database
from core.settings import Settings
from dialer.agents.models import AgentSession
from dialer.attempts.models import Attempt
from dialer.call import CallState, Outcome
from dialer.campaigns import service
from dialer.campaigns.models import Campaign
from dialer.media import messages as m
from tests.conftest import RTP_PORTS, START
from tests.support.alone import alone
from tests.support.ports import Ports
from tests.support.until import until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]  # the wait for its turn included

BACK_WITHIN = 60.0  # s in which the process works again: loading takes 1 to 4 s of CPU, many times that when busy
WITHIN = 10.0  # s after that in which every attempt has its end or is proven still up
SIDE = ("web", "worker", "detector")  # no call hangs on these: the 10 s run from their death
REST = timedelta(minutes=2)
SIZE = Size(agents=4, lines=12, ratio=2.0, debtors=1500)


class House:
    """A running house and a way to look into its database."""

    def __init__(self, settings: Settings, supervisor: Supervisor) -> None:
        self.settings = settings
        self.supervisor = supervisor
        self.clock = settings.clock()

    def kill(self, name: str) -> int:
        """kill -9 of a process; its id."""
        pid = self.supervisor.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        return pid


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """The house, started once."""
    ports = Ports()
    with alone(), tempfile.TemporaryDirectory(prefix="callfloor-crash-") as folder:
        settings = Settings(
            data_dir=Path(folder) / "var",
            keys_file=Path(folder) / "keys",
            clock_start=START,
            clock_epoch=time.time(),
            web_port=ports.take(),
            media_sip_port=ports.take(2),
            media_rtp_port=ports.take(RTP_PORTS),
            media_rtp_ports=RTP_PORTS,
            carrier_sip_port=ports.take(2),
            carrier_rtp_port=ports.take(RTP_PORTS),
            agents_sip_port=ports.take(2),
            agents_rtp_port=ports.take(RTP_PORTS),
        )
        try:
            with Supervisor(specs(settings, SIZE), settings.run_dir()) as supervisor:
                yield House(settings, supervisor)
        finally:
            ports.close()


@pytest.fixture
async def database(house: House) -> AsyncIterator[Database]:
    """The house's database."""
    opened = Database(embedded.postgres_url(house.settings), pool=2)
    yield opened
    await opened.close()


@pytest.fixture
async def campaign_id(house: House, database: Database) -> UUID:
    """The campaign, running, with several calls up: some ringing and at least one with an agent."""
    async with database.begin() as s:
        campaign = (await s.exec(select(Campaign).where(Campaign.name == CAMPAIGN))).one()
        await service.start(s, house.clock, campaign.id, actor="test")

    async def busy() -> bool:
        states = [a.state for a in await open_attempts(database)]
        ringing = sum(s in (CallState.DIALING, CallState.RINGING) for s in states)
        return ringing >= 2 and CallState.BRIDGED in states

    await until(busy, 60.0)
    return campaign.id


async def open_attempts(database: Database) -> list[Attempt]:
    async with database.begin() as s:
        return list((await s.exec(select(Attempt).where(col(Attempt.ended_at).is_(None)))).all())


async def dispositions(database: Database) -> set[UUID]:
    async with database.begin() as s:
        return set((await s.exec(select(Attempt.id).where(col(Attempt.disposition_id).is_not(None)))).all())


async def inventory(house: House, campaign_id: UUID) -> set[UUID]:
    """What media says is up."""
    bus = Bus(embedded.redis_url(house.settings))
    try:
        stream = m.events_stream(campaign_id)
        after = await bus.last_id(stream)
        ask = m.ResendEvents(stream=stream, campaign_id=campaign_id, fence=0)
        await bus.publish(m.commands_stream(house.settings.node), ask)

        async def told() -> set[UUID] | None:
            nonlocal after
            for entry in await bus.read({stream: after}, block_ms=100):
                after = entry.id
                event = m.EVENT.validate_json(entry.json)
                if isinstance(event, m.Inventory):
                    return {*event.attempts, UUID(int=0)}
            return None

        return await until(told) or set()
    finally:
        await bus.close()


async def settled(house: House, database: Database, campaign_id: UUID, before: list[Attempt]) -> None:
    """Wait until every attempt that was up at the crash has an end or is proven still up."""
    ids = [a.id for a in before]

    async def proven() -> bool:
        try:
            async with database.begin() as s:
                query = select(Attempt.id).where(col(Attempt.id).in_(ids), col(Attempt.ended_at).is_(None))
                still = set((await s.exec(query)).all())
            return not still or still <= await inventory(house, campaign_id)
        except (SQLAlchemyError, OSError):
            return False

    await until(proven, WITHIN)


async def nobody_called_twice(database: Database) -> None:
    """No two calls to one person overlap, and whose call was lost is left alone for two minutes."""
    async with database.begin() as s:
        rows = (await s.exec(select(Attempt).order_by(col(Attempt.debtor_id), col(Attempt.id)))).all()
    far = datetime.max.replace(tzinfo=UTC)
    for earlier, later in pairwise(rows):
        if earlier.debtor_id != later.debtor_id:
            continue
        rest = REST if earlier.outcome is Outcome.LOST else timedelta()
        assert later.created_at >= (earlier.ended_at or far) + rest, (earlier, later)


async def goes_on(house: House, database: Database, since: datetime) -> None:
    """New calls are made and reach agents again."""

    async def bridged() -> bool:
        try:
            async with database.begin() as s:
                query = select(func.count()).where(Attempt.created_at > since, col(Attempt.bridged_at).is_not(None))
                return bool((await s.exec(query)).one())
        except (SQLAlchemyError, OSError):
            return False

    await until(bridged, 60.0)


@pytest.mark.parametrize("name", ["media", "engine", "web", "worker", "detector", "redis", "postgres"])
async def test_killed_process(house: House, database: Database, campaign_id: UUID, name: str) -> None:
    saved = await dispositions(database)
    before = await open_attempts(database)
    killed_at = house.clock.now()
    old = house.kill(name)
    began = time.monotonic()

    async def back() -> bool:
        return house.supervisor.is_ready(name) and house.supervisor.pid_of(name) != old

    if name in SIDE:
        await settled(house, database, campaign_id, before)
    await until(back, BACK_WITHIN)
    await settled(house, database, campaign_id, before)
    took = time.monotonic() - began
    if name == "media":
        ids = [a.id for a in before]
        async with database.begin() as s:
            query = select(func.count()).where(col(Attempt.id).in_(ids), col(Attempt.ended_at).is_(None))
            assert (await s.exec(query)).one() == 0, "no call outlives its media process"
    assert saved <= await dispositions(database)
    await goes_on(house, database, killed_at + timedelta(seconds=took))
    await nobody_called_twice(database)


async def test_the_killed_supervisor_takes_all_with_it(house: House, database: Database) -> None:
    async with database.begin() as s:
        assert (await s.exec(select(func.count()).select_from(AgentSession))).one() >= SIZE.agents
    pids = [house.supervisor.pid_of(n) for n in ("web", "engine", "media", "detector", "worker", "carrier", "agents")]
    parents = await asyncio.gather(*(asyncio.to_thread(_death_signal, pid) for pid in pids))
    assert set(parents) == {os.getpid()}


def _death_signal(pid: int) -> int:
    """Parent of a process: children are direct ones, so the kernel ends them with it (tests/cli shows the killing)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[1])
