"""The figures of a run, against rows whose answer is known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.db import Database
from dialer.agents.models import AgentState, AgentStateLog
from dialer.call import CallState, Outcome
from dialer.campaigns.models import Lead, LeadState
from reports.figures import figures
from tests.agent_ui.world import World, attempt, ended, open_shift, stamped

pytestmark = pytest.mark.db

KEYS = {
    "attempts", "outcomes", "live", "bridged", "abandoned", "abandoned_pct", "answer_to_agent_ms",
    "decision_to_agent_ms", "utilisation", "machines_hung_up", "cancelled_before_answer", "dispositions", "rows_in",
    "rows_accounted", "attempts_without_end",
}  # fmt: skip


async def test_a_run_without_calls(database: Database, world: World) -> None:
    async with database.begin() as session:
        found = await figures(session, world.clock.now())
    assert set(found) == KEYS
    assert found["attempts"] == found["live"] == found["attempts_without_end"] == 0
    assert found["answer_to_agent_ms"] == {"p50": None, "p95": None}
    assert found["rows_in"] == found["rows_accounted"] == 16  # the campaign runs; none was tried


async def test_calls_are_counted_from_their_rows(database: Database, world: World) -> None:
    since = world.clock.now() - timedelta(minutes=30)
    made = [
        Outcome.CONNECTED,
        Outcome.CONNECTED,
        Outcome.ABANDONED,
        Outcome.MACHINE,
        Outcome.MACHINE_EARLY,
        Outcome.BUSY,
    ]
    async with database.begin() as session:
        session.add(ended(world, 15, since - timedelta(minutes=5), Outcome.BUSY))  # before the run
        for index, outcome in enumerate(made):
            session.add(ended(world, index, since + timedelta(minutes=index), outcome))
            lead = await session.get_one(Lead, world.leads[index].id)
            lead.reason = f"after_{outcome}"
            session.add(lead)
        session.add(attempt(world, 8, since + timedelta(minutes=20)))
        up = await session.get_one(Lead, world.leads[8].id)
        up.state = LeadState.IN_FLIGHT
        session.add(up)
        await session.flush()
        found = await figures(session, since)
    assert found["attempts"] == 7
    assert found["outcomes"] == {"connected": 2, "abandoned": 1, "machine": 1, "machine_early": 1, "busy": 1}
    assert (found["live"], found["bridged"], found["abandoned"], found["abandoned_pct"]) == (3, 2, 1, 33.33)
    assert found["answer_to_agent_ms"] == {"p50": 700.0, "p95": 700.0}
    assert found["decision_to_agent_ms"] == {"p50": 100.0, "p95": 100.0}
    assert (found["machines_hung_up"], found["cancelled_before_answer"]) == (1, 1)
    assert found["attempts_without_end"] == 1
    assert found["rows_in"] == 16
    assert found["rows_accounted"] == 15  # the lead tried before the run waits without a reason


async def test_a_lead_in_flight_without_a_call_is_not_accounted(database: Database, world: World) -> None:
    now = world.clock.now()
    async with database.begin() as session:
        for index in (0, 1, 2):
            lead = await session.get_one(Lead, world.leads[index].id)
            lead.state = LeadState.IN_FLIGHT
            session.add(lead)
        session.add(attempt(world, 0, now, state=CallState.RINGING))
        session.add(ended(world, 1, now - timedelta(minutes=3), Outcome.CONNECTED))  # awaits its disposition
        session.add(ended(world, 2, now - timedelta(minutes=3), Outcome.BUSY))  # forgotten in flight
        await session.flush()
        found = await figures(session, now - timedelta(minutes=10))
    assert found["rows_in"] - found["rows_accounted"] == 1


async def test_utilisation_is_work_per_time_not_paused(database: Database, world: World) -> None:
    since = world.clock.now()
    row = await open_shift(database, world, 0, AgentState.PAUSED, ago=600)
    spans = ((AgentState.READY, 0, 60), (AgentState.TALKING, 60, 150), (AgentState.WRAPUP, 150, 180))
    async with database.begin() as session:
        for state, begin, end in spans:
            session.add(
                AgentStateLog(
                    **stamped(world.clock, brand_id=world.brand.id, session_id=row.id, agent_id=row.agent_id),
                    campaign_id=row.campaign_id,
                    state=state,
                    since=since + timedelta(seconds=begin),
                    until=since + timedelta(seconds=end),
                )
            )
        await session.flush()
        assert (await figures(session, since))["utilisation"] == pytest.approx(120 / 180, abs=1e-4)
        clipped = await figures(session, since, since + timedelta(seconds=90))
    assert clipped["utilisation"] == pytest.approx(30 / 90, abs=1e-4)
