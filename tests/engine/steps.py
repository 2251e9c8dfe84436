"""Steps that tests of the engine share."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from core.clock import Clock
from core.db import Database
from dialer.agents.models import AgentSession, AgentState
from dialer.agents.service import get_ready, open_session
from dialer.attempts.models import Attempt
from tests.support.until import until
from tests.support.world import World


async def shift(database: Database, clock: Clock, world: World, *, ready: bool = True) -> list[UUID]:
    """All agents of the world begin their shift and ask for calls."""
    ids = []
    for agent in world.agents:
        async with database.begin() as s:
            row = await open_session(s, clock, agent.id, world.id)
            ids.append(row.id)
    for id_ in ids:
        await until(lambda id_=id_: state_of(database, id_, AgentState.PAUSED), 60.0)
        if ready:
            async with database.begin() as s:
                await get_ready(s, clock, id_)
    return ids


async def state_of(database: Database, session_id: UUID, *states: AgentState) -> bool:
    async with database.begin() as s:
        return (await s.get_one(AgentSession, session_id)).state in states


async def attempts(database: Database, world: World) -> Sequence[Attempt]:
    async with database.begin() as s:
        return (await s.exec(select(Attempt).where(Attempt.campaign_id == world.id).order_by(col(Attempt.id)))).all()


async def ended(database: Database, world: World, count: int, seconds: float = 10.0) -> Sequence[Attempt]:
    async def ask() -> Sequence[Attempt]:
        rows = [a for a in await attempts(database, world) if a.ended_at is not None]
        return rows if len(rows) >= count else []

    return await until(ask, seconds)
