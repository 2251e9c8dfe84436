"""The engine against a scripted media process: who is called, who gets an agent, what is written."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import col, func, select

from cases.contact.models import LedgerEntry
from cases.models import ActionKind, ActionState, Case, CaseState, ContactPoint, NextAction
from cases.settlement import record_payment
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.models import Brand
from dialer.agents.dispositions import dispose
from dialer.agents.models import AgentState
from dialer.agents.service import pause, request_hangup
from dialer.attempts.models import CallEvent, CallLeg, PersonInFlight
from dialer.call import Outcome, Verdict
from dialer.campaigns.models import Campaign, CampaignState, Lead, LeadState
from dialer.engine.process import Engine
from dialer.media import messages as m
from tests.engine.steps import attempts, ended, shift, state_of
from tests.support.scripted_media import ScriptedMedia
from tests.support.until import until
from tests.support.world import make_world

pytestmark = pytest.mark.db

PERSON, MACHINE, BUSY, SILENT, QUIET = "+48601000001", "+48601000002", "+48601000003", "+48601000004", "+48601000005"


def carrier(media: ScriptedMedia, call: m.PlaceCall) -> None:
    """What each number does."""
    if call.number == QUIET:
        return
    if call.number == BUSY:
        media.end(call.attempt_id, 486, q850=17)
        return
    media.of(m.CallProgress, call.attempt_id, sip_code=180)
    media.of(m.CallAnswered, call.attempt_id, sip_call_id="x")
    if call.number == MACHINE:
        media.hear(call.attempt_id, Verdict.MACHINE_VM)
    elif call.number != SILENT:
        media.hear(call.attempt_id, Verdict.HUMAN)


async def test_each_number_comes_to_its_end(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine
) -> None:
    world = await make_world(database, clock, brand, phones=[MACHINE, BUSY, PERSON])
    async with ScriptedMedia(bus, clock, "n1", carrier) as media:
        (session_id,) = await shift(database, clock, world)
        await until(lambda: state_of(database, session_id, AgentState.TALKING))
        async with database.begin() as s:
            await request_hangup(s, session_id)
        rows = {a.phone: a for a in await ended(database, world, 3)}
        await until(lambda: state_of(database, session_id, AgentState.WRAPUP))
        async with database.begin() as s:
            await dispose(s, clock, session_id, rows[PERSON].id, "promise", note="zapłaci w piątek")
        await until(lambda: state_of(database, session_id, AgentState.READY))
    assert rows[MACHINE].outcome is Outcome.MACHINE
    assert rows[BUSY].outcome is Outcome.BUSY
    assert (rows[BUSY].sip_code, rows[BUSY].q850) == (486, 17)
    assert rows[PERSON].outcome is Outcome.CONNECTED
    assert rows[PERSON].agent_session_id == session_id
    assert rows[PERSON].live
    assert not media.up
    async with database.begin() as s:
        leads = {lead.last_outcome: lead for lead in (await s.exec(select(Lead))).all()}
        assert leads["busy"].due_at - clock.now() < timedelta(minutes=11)
        assert leads["promise"].state is LeadState.FINISHED
        assert (await s.exec(select(func.count()).select_from(PersonInFlight))).one() == 0
        kinds = (
            await s.exec(
                select(CallEvent.kind).where(CallEvent.attempt_id == rows[PERSON].id).order_by(col(CallEvent.id))
            )
        ).all()
        assert list(kinds) == [
            "created", "dialing", "ringing", "answered", "heard_human", "agent_reserved", "bridged", "hang_up", "ended",
        ]  # fmt: skip
        legs = (await s.exec(select(CallLeg).where(CallLeg.attempt_id == rows[PERSON].id))).all()
        assert [leg.ended_at is not None for leg in legs] == [True]


async def test_nobody_free_in_time_hears_the_message(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine
) -> None:
    world = await make_world(
        database, clock, brand, phones=[PERSON, "+48601000011"], mode="fixed_ratio", ratio=2.0, patience_ms=300
    )

    def ringing(media: ScriptedMedia, call: m.PlaceCall) -> None:
        media.of(m.CallProgress, call.attempt_id, sip_code=180)

    async with ScriptedMedia(bus, clock, "n1", ringing) as media:
        await shift(database, clock, world)

        async def two() -> bool:
            return len(media.up) == 2

        await until(two)
        for attempt_id in media.up:
            media.of(m.CallAnswered, attempt_id, sip_call_id="x")
            media.hear(attempt_id, Verdict.HUMAN)
        (row,) = await ended(database, world, 1)
    assert row.outcome is Outcome.ABANDONED
    assert row.abandoned
    assert [c for c in media.commands if isinstance(c, m.PlayMessage)]
    assert row.verdict_at is not None
    assert row.ended_at is not None
    assert row.ended_at - row.verdict_at >= timedelta(milliseconds=300)


async def test_an_undecided_call_is_bridged_in_time(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine
) -> None:
    world = await make_world(database, clock, brand, phones=[SILENT], max_decision_ms=400)
    async with ScriptedMedia(bus, clock, "n1", carrier):
        (session_id,) = await shift(database, clock, world)
        await until(lambda: state_of(database, session_id, AgentState.TALKING))
    (row,) = await attempts(database, world)
    assert row.verdict is Verdict.UNCERTAIN
    assert row.bridged_at is not None
    assert row.answered_at is not None
    assert row.bridged_at - row.answered_at >= timedelta(milliseconds=400)


async def test_a_settled_case_stops_the_ringing_call(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine
) -> None:
    world = await make_world(database, clock, brand, phones=[QUIET])
    async with ScriptedMedia(bus, clock, "n1", carrier):
        await shift(database, clock, world)
        await until(lambda: attempts(database, world))
        async with database.begin() as s:
            await record_payment(
                s, clock, world.leads[0].case_id, 12345, paid_on=clock.now().date(), source="bank transfer"
            )
        (row,) = await ended(database, world, 1)
    assert row.outcome is Outcome.STOPPED
    assert row.cancelled_before_answer
    async with database.begin() as s:
        assert (await s.get_one(Case, world.leads[0].case_id)).state is CaseState.SETTLED


async def test_a_pause_asked_for_in_a_call_begins_after_its_disposition(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine
) -> None:
    world = await make_world(database, clock, brand, phones=[PERSON])
    async with ScriptedMedia(bus, clock, "n1", carrier) as media:
        (session_id,) = await shift(database, clock, world)
        await until(lambda: state_of(database, session_id, AgentState.TALKING))
        async with database.begin() as s:
            await pause(s, clock, session_id, "break")
        (attempt_id,) = media.up
        media.end(attempt_id, 200, by="debtor")
        await until(lambda: state_of(database, session_id, AgentState.WRAPUP))
        async with database.begin() as s:
            await dispose(s, clock, session_id, attempt_id, "refused")
        await until(lambda: state_of(database, session_id, AgentState.PAUSED))


async def test_wrapup_has_a_limit(database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine) -> None:
    world = await make_world(database, clock, brand, phones=[PERSON], wrapup_seconds=0)
    async with ScriptedMedia(bus, clock, "n1", carrier) as media:
        (session_id,) = await shift(database, clock, world)
        await until(lambda: state_of(database, session_id, AgentState.TALKING))
        media.end(next(iter(media.up)), 200, by="debtor")
        await until(lambda: state_of(database, session_id, AgentState.READY))
    (row,) = await attempts(database, world)
    assert row.disposition_id is not None


async def test_a_due_callback_rings_for_its_own_agent(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine
) -> None:
    world = await make_world(database, clock, brand, phones=[PERSON], agents=2, mode="manual")
    lead = world.leads[0]
    async with ScriptedMedia(bus, clock, "n1", carrier):
        sessions = await shift(database, clock, world)
        async with database.begin() as s:
            point = (await s.exec(select(ContactPoint).where(ContactPoint.debtor_id == lead.debtor_id))).one()
            action = NextAction(
                id=lead.id,
                created_at=clock.now(),
                brand_id=brand.id,
                case_id=lead.case_id,
                debtor_id=lead.debtor_id,
                kind=ActionKind.CALLBACK,
                due_at=clock.now(),
                campaign_id=world.id,
                agent_id=world.agents[1].id,
                contact_point_id=point.id,
            )
            s.add(action)
        await until(lambda: state_of(database, sessions[1], AgentState.TALKING))
        assert await state_of(database, sessions[0], AgentState.READY)
    (row,) = await attempts(database, world)
    assert row.agent_session_id == sessions[1]
    async with database.begin() as s:
        assert (await s.get_one(NextAction, action.id)).state is ActionState.TAKEN


async def test_refused_by_policy_waits_with_the_reason(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine
) -> None:
    world = await make_world(database, clock, brand, phones=[PERSON, QUIET], policy={"attempts_per_day": 0})
    async with ScriptedMedia(bus, clock, "n1", carrier):
        await shift(database, clock, world)

        async def reasons() -> set[str | None]:
            async with database.begin() as s:
                found = set((await s.exec(select(Lead.reason))).all())
            return found if None not in found else set()

        assert await until(reasons) == {"attempts_today"}
    assert not await attempts(database, world)


async def test_limits_hold_and_a_person_is_never_called_twice_at_once(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine
) -> None:
    phones = [f"+4860100{n:04d}" for n in range(100, 130)]
    world = await make_world(
        database, clock, brand, phones=phones, agents=1, mode="fixed_ratio", ratio=10.0, max_lines=4,
        trunk={"max_cps": 50.0},
    )  # fmt: skip

    def ringing(media: ScriptedMedia, call: m.PlaceCall) -> None:
        media.of(m.CallProgress, call.attempt_id, sip_code=180)

    async with ScriptedMedia(bus, clock, "n1", ringing) as media:
        await shift(database, clock, world)

        async def four() -> bool:
            return len(media.up) == 4

        await until(four)
        for attempt_id in list(media.up):
            media.end(attempt_id, 480, q850=19)

        async def eight() -> bool:
            return len(media.placed) >= 8

        await until(eight)
        assert media.most_up == 4
        called = [c.number for c in media.placed.values()]
        assert len(called) == len(set(called))
    async with database.begin() as s:
        entries = (await s.exec(select(func.count()).select_from(LedgerEntry))).one()
    assert entries == len(await attempts(database, world))


async def test_a_stopped_campaign_drains(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine
) -> None:
    world = await make_world(database, clock, brand, phones=[QUIET, BUSY])
    async with ScriptedMedia(bus, clock, "n1", carrier) as media:
        await shift(database, clock, world)

        async def up() -> bool:
            return bool(media.up)

        await until(up)
        async with database.begin() as s:
            campaign = await s.get_one(Campaign, world.id)
            campaign.state = CampaignState.DRAINING
            s.add(campaign)
        media.end(next(iter(media.up)), 486)

        async def stopped() -> bool:
            async with database.begin() as s:
                return (await s.get_one(Campaign, world.id)).state is CampaignState.STOPPED

        await until(stopped)


@pytest.mark.parametrize("verdict", [Verdict.HUMAN, Verdict.MACHINE_VM])
async def test_lost_leg_puts_the_person_back_to_the_queue_or_ends_the_call(
    database: Database, bus: Bus, brand: Brand, clock: Clock, engine: Engine, verdict: Verdict
) -> None:
    world = await make_world(database, clock, brand, phones=[SILENT])
    async with ScriptedMedia(bus, clock, "n1", carrier) as media:
        (session_id,) = await shift(database, clock, world)

        async def up() -> bool:
            return bool(media.up)

        await until(up)
        media.hear(next(iter(media.up)), verdict)
        if verdict is Verdict.HUMAN:
            await until(lambda: state_of(database, session_id, AgentState.TALKING))
            media.drop_leg(session_id)
        (row,) = await ended(database, world, 1)
        assert row.outcome is (Outcome.CONNECTED if verdict is Verdict.HUMAN else Outcome.MACHINE)
        if verdict is Verdict.HUMAN:
            await until(lambda: state_of(database, session_id, AgentState.WRAPUP))
