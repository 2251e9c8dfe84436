"""Preview and manual dialing: an agent asks, the dialer's rules decide."""

from __future__ import annotations

import pytest
from sqlmodel import select

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.models import Brand
from dialer.agents.models import AgentState
from dialer.agents.requests import OFFERED, SKIPPED, offer, request_call, skip
from dialer.agents.states import SessionError
from dialer.attempts.models import Attempt
from dialer.call import Verdict
from dialer.campaigns.models import Lead
from dialer.engine.process import Engine
from dialer.media import messages as m
from tests.engine.steps import attempts, shift, state_of
from tests.support.scripted_media import ScriptedMedia
from tests.support.until import until
from tests.support.world import make_world

pytestmark = pytest.mark.db


def talking(media: ScriptedMedia, call: m.PlaceCall) -> None:
    media.of(m.CallProgress, call.attempt_id, sip_code=180)
    media.of(m.CallAnswered, call.attempt_id, sip_call_id="x")
    media.hear(call.attempt_id, Verdict.HUMAN)


async def test_preview(database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine) -> None:
    world = await make_world(database, clock, brand, phones=["+48601000301", "+48601000302"], agents=2, mode="preview")
    async with ScriptedMedia(bus, clock, "n1", talking):
        one, two = await shift(database, clock, world)
        async with database.begin() as s:
            first, second = await offer(s, clock, one), await offer(s, clock, two)
            assert first is not None
            assert second is not None
            assert first.id != second.id
            assert first.reason == OFFERED
            assert await offer(s, clock, one) == first, "it is held"
        async with database.begin() as s:
            await skip(s, clock, two, second.id)
            await request_call(s, clock, one, first.id)
        await until(lambda: state_of(database, one, AgentState.TALKING))
        assert await state_of(database, two, AgentState.READY)
    (row,) = await attempts(database, world)
    assert row.lead_id == first.id
    async with database.begin() as s:
        assert (await s.get_one(Lead, second.id)).reason == SKIPPED


async def test_a_refused_call_gives_the_agent_back_with_the_reason(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine
) -> None:
    world = await make_world(
        database, clock, brand, phones=["+48601000303"], mode="manual", policy={"attempts_per_day": 0}
    )
    async with ScriptedMedia(bus, clock, "n1", talking) as media:
        (session_id,) = await shift(database, clock, world)
        async with database.begin() as s:
            await request_call(s, clock, session_id, world.leads[0].id)

        async def refused() -> bool:
            async with database.begin() as s:
                return (await s.get_one(Lead, world.leads[0].id)).reason == "attempts_today"

        await until(refused)
        await until(lambda: state_of(database, session_id, AgentState.READY))
        assert not media.placed
    async with database.begin() as s:
        assert (await s.exec(select(Attempt))).all() == []


async def test_only_who_is_ready_may_ask(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine
) -> None:
    world = await make_world(database, clock, brand, phones=["+48601000304"], mode="manual")
    async with ScriptedMedia(bus, clock, "n1", talking):
        (session_id,) = await shift(database, clock, world, ready=False)
        async with database.begin() as s:
            with pytest.raises(SessionError, match="ready"):
                await request_call(s, clock, session_id, world.leads[0].id)
            with pytest.raises(SessionError):
                await offer(s, clock, session_id)
