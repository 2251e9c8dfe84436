"""How long a person who has said "halo" waits until the agent hears them: from the verdict to the bridge.

The verdict is the detector's own, on real audio; the bridge's instant is what media tells in ``CallBridged``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, func, select

from benchmarks.desk import Desk
from benchmarks.place import campaign, connected, installation, open_shifts, peer, running
from benchmarks.table import Figure, at_most, percentile
from cli.up import house
from core.db import Database
from core.settings import Settings
from dialer.attempts.models import Attempt
from dialer.call import Verdict
from dialer.campaigns import service
from tests.support.world import World

NAME = "decision_to_agent"


@dataclass(frozen=True)
class Size:
    """``calls`` are up side by side and talk for ``talk`` seconds on average; ``warm``: until they are out of step."""

    calls: int = 50
    warm: float = 15.0
    seconds: float = 30.0
    talk: float = 8.0
    leads: int = 2000


def bench(size: Size | None = None) -> list[Figure]:
    """Run calls for a while; figures of those a verdict of the detector sent to an agent."""
    size = size or Size()
    with installation() as settings:
        waits, up = asyncio.run(_measure(settings, size))
    return [
        Figure(NAME, "calls up, mean", up),
        Figure(NAME, "calls measured", len(waits)),
        Figure(NAME, "verdict to agent, p50", percentile(waits, 0.5), "ms"),
        at_most(NAME, "verdict to agent, p95", percentile(waits, 0.95), "ms", 150.0),
    ]


async def _measure(settings: Settings, size: Size) -> tuple[list[float], float]:
    """Milliseconds from verdict to bridge of each call, and how many calls were up on average."""
    specs = [
        *house(settings),
        peer(settings, "debtors", settings.carrier_sip_port, settings.carrier_rtp_port, "person-a", 200),
        peer(settings, "phones", settings.agents_sip_port, settings.agents_rtp_port),
    ]
    with running(settings, specs):
        async with connected(settings, pool=16) as database:
            world = await campaign(
                settings, database, leads=size.leads, agents=size.calls, mode="progressive", max_decision_ms=5000
            )
            clock = settings.clock()
            await open_shifts(database, clock, world)
            async with database.begin() as s:
                await service.start(s, clock, world.id, actor="bench")
            desk = asyncio.create_task(Desk(database, clock, world.id, size.talk).run())
            await asyncio.sleep(size.warm)
            begin = clock.now()
            seen = []
            for _ in range(round(size.seconds)):
                await asyncio.sleep(1.0)
                seen.append(await _up(database, world))
            desk.cancel()
            await asyncio.gather(desk, return_exceptions=True)
            waits = await _waits(database, world, begin)
    return waits, sum(seen) / max(1, len(seen))


async def _up(database: Database, world: World) -> int:
    async with database.begin() as s:
        query = (
            select(func.count())
            .select_from(Attempt)
            .where(Attempt.campaign_id == world.id, col(Attempt.ended_at).is_(None))
        )
        return int((await s.exec(query)).one())


async def _waits(database: Database, world: World, since: datetime) -> list[float]:
    async with database.begin() as s:
        rows = await s.exec(
            select(Attempt.verdict_at, Attempt.bridged_at).where(
                Attempt.campaign_id == world.id,
                Attempt.verdict == Verdict.HUMAN,
                col(Attempt.verdict_at) >= since,
                col(Attempt.bridged_at).is_not(None),
            )
        )
        return [(bridged - at).total_seconds() * 1000 for at, bridged in rows.all() if at and bridged]
