"""Crashes of engines and media processes: every attempt gets its end, nobody is called twice, limits hold."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import col, func, select

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.models import Brand
from dialer.agents.models import AgentSession, AgentState
from dialer.attempts.models import Attempt, PersonInFlight
from dialer.call import CallState, Outcome, Verdict
from dialer.media import messages as m
from tests.engine.steps import attempts, ended, shift, state_of
from tests.support.processes import Processes
from tests.support.scripted_media import ScriptedMedia
from tests.support.until import until
from tests.support.world import make_world

pytestmark = pytest.mark.db

PHONES = [f"+4860100{n:04d}" for n in range(200, 220)]


def ringing(media: ScriptedMedia, call: m.PlaceCall) -> None:
    media.of(m.CallProgress, call.attempt_id, sip_code=180)


def talking(media: ScriptedMedia, call: m.PlaceCall) -> None:
    ringing(media, call)
    media.of(m.CallAnswered, call.attempt_id, sip_call_id="x")
    media.hear(call.attempt_id, Verdict.HUMAN)


async def test_another_engine_takes_over_with_the_calls_that_are_up(
    database: Database, bus: Bus, brand: Brand, clock: Clock, processes: Processes
) -> None:
    world = await make_world(database, clock, brand, phones=PHONES, agents=2)
    async with ScriptedMedia(bus, clock, "n1", talking) as media:
        first = processes.start("engine")
        (one, two) = await shift(database, clock, world)
        await until(lambda: state_of(database, one, AgentState.TALKING))
        await until(lambda: state_of(database, two, AgentState.TALKING))
        first.kill()
        ending, staying = sorted(media.up, key=str)
        media.end(ending, 200, by="debtor")  # while no engine listens
        processes.start("engine", name="second")
        rows = {a.id: a for a in await ended(database, world, 1, seconds=60)}
        assert rows[ending].outcome is Outcome.CONNECTED
        assert staying in media.up, "a conversation is not touched by the change of engines"
        media.end(staying, 200, by="debtor")
        await ended(database, world, 2)
        await until(lambda: state_of(database, one, AgentState.WRAPUP))
        await until(lambda: state_of(database, two, AgentState.WRAPUP))
    assert {a.state for a in await attempts(database, world)} == {CallState.ENDED}


async def test_two_engines_on_one_campaign_keep_its_limits(
    database: Database, bus: Bus, brand: Brand, clock: Clock, processes: Processes
) -> None:
    world = await make_world(
        database, clock, brand, phones=PHONES, mode="fixed_ratio", ratio=9.0, max_lines=3, trunk={"max_cps": 50.0}
    )
    async with ScriptedMedia(bus, clock, "n1", ringing) as media:
        engines = [processes.start("engine", name=name) for name in ("one", "two")]
        await shift(database, clock, world)

        async def placed(count: int) -> bool:
            return len(media.placed) >= count

        await until(lambda: placed(3))
        for _ in range(3):
            before = len(media.placed)
            for attempt_id in list(media.up):
                media.end(attempt_id, 486)
            await until(lambda before=before: placed(before + 3))
        assert media.most_up <= 3
        assert all(engine.alive for engine in engines)
    numbers = [c.number for c in media.placed.values()]
    assert len(numbers) == len(set(numbers))


async def test_a_killed_media_process_ends_its_calls_and_its_people_rest(
    database: Database, bus: Bus, brand: Brand, clock: Clock, processes: Processes
) -> None:
    world = await make_world(database, clock, brand, phones=PHONES[:3], agents=3, mode="fixed_ratio", ratio=1.0)
    processes.start("engine")
    async with ScriptedMedia(bus, clock, "n1", ringing, "1") as media:
        sessions = await shift(database, clock, world)

        async def three() -> bool:
            return len(media.up) == 3

        await until(three)
        await media.kill()
    async with ScriptedMedia(bus, clock, "n1", ringing, "2") as again:
        rows = await ended(database, world, 3, seconds=8)
        assert {a.outcome for a in rows} == {Outcome.LOST}
        for session_id in sessions:
            await until(lambda id_=session_id: state_of(database, id_, AgentState.READY))
        assert not again.placed, "whoever's end is not proven rests"
    async with database.begin() as s:
        resting = (await s.exec(select(PersonInFlight))).all()
        assert len(resting) == 3
        assert all(p.rests_until and p.rests_until - clock.now() > timedelta(seconds=100) for p in resting)


async def test_a_media_process_that_stays_away_is_given_up(
    database: Database, bus: Bus, brand: Brand, clock: Clock, processes: Processes
) -> None:
    world = await make_world(database, clock, brand, phones=PHONES[:1])
    processes.start("engine")
    async with ScriptedMedia(bus, clock, "n1", talking) as media:
        (session_id,) = await shift(database, clock, world)
        await until(lambda: state_of(database, session_id, AgentState.TALKING))
        await media.kill()
        (row,) = await ended(database, world, 1, seconds=12)
        assert row.outcome is Outcome.CONNECTED
        await until(lambda: state_of(database, session_id, AgentState.WRAPUP))
    async with database.begin() as s:
        assert not (await s.get_one(AgentSession, session_id)).leg_up


async def test_redis_forgets_everything_and_nothing_is_lost(
    database: Database, bus: Bus, brand: Brand, clock: Clock, processes: Processes
) -> None:
    world = await make_world(database, clock, brand, phones=PHONES[:2], agents=2)
    processes.start("engine")
    async with ScriptedMedia(bus, clock, "n1", talking) as media:
        sessions = await shift(database, clock, world)
        for session_id in sessions:
            await until(lambda id_=session_id: state_of(database, id_, AgentState.TALKING))
        await bus.redis.flushdb()
        for attempt_id in list(media.up):
            media.end(attempt_id, 200, by="debtor")
        rows = await ended(database, world, 2)
        assert {a.outcome for a in rows} == {Outcome.CONNECTED}
    async with database.begin() as s:
        assert (
            await s.exec(select(func.count()).select_from(Attempt).where(col(Attempt.ended_at).is_(None)))
        ).one() == 0
