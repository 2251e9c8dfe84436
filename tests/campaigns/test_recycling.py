"""What follows an outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.call import Outcome
from dialer.campaigns.models import Lead, LeadState
from dialer.campaigns.recycling import DEFAULTS, Rule, recycle

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # 10:00 in Warsaw
ZONE = "Europe/Warsaw"


def lead() -> Lead:
    ids = {name: UUID(int=1) for name in ("id", "brand_id", "campaign_id", "list_id", "case_id", "debtor_id")}
    return Lead(**ids, created_at=NOW, due_at=NOW, state=LeadState.IN_FLIGHT)


def test_every_outcome_has_a_rule() -> None:
    assert set(Outcome) <= set(DEFAULTS)


def test_later_again_until_it_has_been_often_enough() -> None:
    row, rules = lead(), {"busy": Rule(10, 2)}
    recycle(row, "busy", rules, NOW, ZONE, phones=1)
    assert (row.state, row.due_at, row.reason) == (LeadState.READY, NOW + timedelta(minutes=10), "after_busy")
    recycle(row, "busy", rules, NOW, ZONE, phones=1)
    assert (row.state, row.reason, row.attempts) == (LeadState.FINISHED, "finished_busy", 2)
    assert row.outcome_counts == {"busy": 2}


def test_the_next_phone_at_once_but_a_round_rests() -> None:
    row, rules = lead(), {"dead_number": Rule(0, 6, other_phone=True)}
    recycle(row, "dead_number", rules, NOW, ZONE, phones=2)
    assert (row.next_position, row.due_at) == (1, NOW)
    recycle(row, "dead_number", rules, NOW, ZONE, phones=2)
    assert (row.next_position, row.due_at) == (2, NOW + timedelta(hours=2))


def test_no_phone_left_ends_the_lead() -> None:
    row = lead()
    recycle(row, Outcome.DEAD_NUMBER, DEFAULTS, NOW, ZONE, phones=0)
    assert (row.state, row.reason) == (LeadState.FINISHED, "no_phone")


def test_a_fault_of_the_network_is_no_attempt() -> None:
    row = lead()
    recycle(row, Outcome.CONGESTION, DEFAULTS, NOW, ZONE, phones=1)
    assert (row.attempts, row.state) == (0, LeadState.READY)


@given(
    st.integers(1767225600, 1830211200).map(lambda second: datetime.fromtimestamp(second, UTC)),  # 2026 and 2027
    st.integers(0, 48 * 60),
    st.sampled_from([ZONE, "America/New_York", "Asia/Kolkata"]),
)
def test_another_time_of_day_is_another_and_never_sooner(now: datetime, delay: int, zone: str) -> None:
    row = lead()
    recycle(row, "no_answer", {"no_answer": Rule(delay, 9, other_time_of_day=True)}, now, zone, phones=1)
    assert row.due_at >= now + timedelta(minutes=delay)
    assert row.due_at <= now + timedelta(minutes=delay, days=2)

    def part(at: datetime) -> int:
        hour = at.astimezone(ZoneInfo(zone)).hour
        return 3 if hour < 8 or hour >= 17 else (hour - 8) // 3

    assert part(row.due_at) != part(now)
