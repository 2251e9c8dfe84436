"""What follows an outcome: when the lead is tried again, on which phone, or that it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.models import ContactKind, ContactPoint, Debtor
from core.clock import Clock
from core.db import among
from dialer.call import Outcome
from dialer.campaigns.models import Lead, LeadState, RecyclingRule


@dataclass(frozen=True)
class Rule:
    """After ``delay_minutes`` again, at most ``max_times`` of this outcome; 0 ends the lead."""

    delay_minutes: int
    max_times: int
    other_phone: bool = False
    other_time_of_day: bool = False
    counts: bool = True  # False: a fault of the network or ours, not an attempt of the person


HOUR = 60
DAY = 24 * HOUR
ROUND_DELAY = 2 * HOUR  # least rest between two rounds through a debtor's phones

# Retry times are defaults of ours, read off the table of signals in docs/operator/outcomes.md.
DEFAULTS: Final[dict[str, Rule]] = {
    Outcome.BUSY: Rule(10, 3),
    Outcome.NO_ANSWER: Rule(2 * HOUR, 6, other_phone=True, other_time_of_day=True),
    Outcome.UNCLEAR: Rule(2 * HOUR, 6, other_phone=True),
    Outcome.PHONE_OFF: Rule(3 * HOUR, 6, other_phone=True, other_time_of_day=True),
    Outcome.REJECTED: Rule(DAY, 2),
    Outcome.UNWANTED: Rule(0, 0),
    Outcome.BLOCKED: Rule(4 * HOUR, 3),
    Outcome.DEAD_NUMBER: Rule(0, 6, other_phone=True),
    Outcome.NUMBER_CHANGED: Rule(0, 6, other_phone=True),
    Outcome.BAD_FORMAT: Rule(0, 6, other_phone=True),
    Outcome.OUT_OF_ORDER: Rule(12 * HOUR, 4, other_phone=True),
    Outcome.MACHINE: Rule(3 * HOUR, 6, other_phone=True, other_time_of_day=True),
    Outcome.MACHINE_EARLY: Rule(3 * HOUR, 6, other_phone=True, other_time_of_day=True),
    Outcome.FAX: Rule(0, 3, other_phone=True),
    Outcome.SILENCE: Rule(4 * HOUR, 3),
    Outcome.HUNG_UP_EARLY: Rule(DAY, 3),
    # Ofcom's practice: 72 h after an abandoned call, sooner only with a guaranteed agent.
    Outcome.ABANDONED: Rule(72 * HOUR, 2),
    Outcome.ANSWERED_AFTER_CANCEL: Rule(72 * HOUR, 2),
    Outcome.ROUTING_FAULT: Rule(10, 5, counts=False),
    Outcome.CONGESTION: Rule(5, 10, counts=False),
    Outcome.NETWORK_TIMEOUT: Rule(10, 5, counts=False),
    Outcome.NO_REPLY: Rule(10, 5, counts=False),
    Outcome.REDIRECTED: Rule(4 * HOUR, 2),
    Outcome.MEDIA_MISMATCH: Rule(HOUR, 3, counts=False),
    Outcome.TRUNK_ALARM: Rule(15, 10, counts=False),
    Outcome.STOPPED: Rule(15, 20, counts=False),
    Outcome.NOT_PLACED: Rule(2, 50, counts=False),
    Outcome.LOST: Rule(30, 10),
    # What an agent's disposition can add to these:
    "connected": Rule(DAY, 5),
    "callback": Rule(0, 0),
    "promise": Rule(0, 0),
    "refused": Rule(7 * DAY, 3),
    "wrong_party": Rule(0, 6, other_phone=True),
    "third_party": Rule(DAY, 5),
    "paid": Rule(0, 0),
    "disputed": Rule(0, 0),
    "do_not_call": Rule(0, 0),
    "machine_after_bridge": Rule(3 * HOUR, 6, other_phone=True, other_time_of_day=True),
}

DAY_PARTS: Final = ((8, 11), (11, 14), (14, 17), (17, 20))  # local hours; another part is chosen in turn

# Built once: building a statement takes longer than running it.
_RULE = select(RecyclingRule).where(
    RecyclingRule.campaign_id == bindparam("campaign_id"), RecyclingRule.outcome == bindparam("outcome")
)
_PHONES = (
    select(func.count())
    .where(
        ContactPoint.debtor_id == Lead.debtor_id,
        ContactPoint.kind == ContactKind.PHONE,
        col(ContactPoint.dead).is_(False),
    )
    .correlate(Lead)
    .scalar_subquery()
)
_LEADS = (
    select(Lead, Debtor.timezone, _PHONES)
    .join(Debtor, col(Debtor.id) == Lead.debtor_id)
    .where(col(Lead.id) == among("ids"))
    .order_by(col(Lead.id))
    .with_for_update(of=Lead)
    .execution_options(populate_existing=True)
)


async def rules_of(session: AsyncSession, campaign_id: UUID) -> dict[str, Rule]:
    """The campaign's rules over the shipped defaults, by outcome."""
    own = (await session.exec(select(RecyclingRule).where(RecyclingRule.campaign_id == campaign_id))).all()
    return DEFAULTS | {r.outcome: _rule(r.outcome, r) for r in own}


async def rule_of(session: AsyncSession, campaign_id: UUID, outcome: str) -> Rule:
    """The campaign's rule for one outcome, its own or the shipped one. Raises KeyError if there is neither."""
    own = (await session.exec(_RULE, params={"campaign_id": campaign_id, "outcome": outcome})).first()
    return DEFAULTS[outcome] if own is None else _rule(outcome, own)


def _rule(outcome: str, row: RecyclingRule) -> Rule:
    counts = DEFAULTS[outcome].counts if outcome in DEFAULTS else True
    return Rule(row.delay_minutes, row.max_times, row.other_phone, row.other_time_of_day, counts)


async def recycle_leads(
    session: AsyncSession, clock: Clock, outcomes: Mapping[UUID, str], rules: Mapping[str, Rule]
) -> None:
    """Move leads on after their ``outcomes``, in one query for any number of them; they stay locked."""
    if not outcomes:
        return
    rows = await session.exec(_LEADS, params={"ids": list(outcomes)})
    for lead, zone, alive in rows.all():
        recycle(lead, outcomes[lead.id], rules, clock.now(), zone, alive)
        session.add(lead)


def recycle(lead: Lead, outcome: str, rules: Mapping[str, Rule], now: datetime, zone: str, phones: int) -> None:
    """Move ``lead`` on after ``outcome``: ready again at a later instant, or finished, with the reason.

    Args:
        phones: how many live phones the debtor has left.
    """
    rule = rules[outcome]
    lead.last_outcome = outcome
    times = lead.outcome_counts.get(outcome, 0) + 1
    lead.outcome_counts = {**lead.outcome_counts, outcome: times}
    if rule.counts:
        lead.attempts += 1
    if times >= rule.max_times:
        lead.state, lead.reason = LeadState.FINISHED, f"finished_{outcome}"
        return
    if phones == 0:
        lead.state, lead.reason = LeadState.FINISHED, "no_phone"
        return
    delay = timedelta(minutes=rule.delay_minutes)
    if rule.other_phone:
        lead.next_position += 1
        if lead.next_position % phones == 0:  # all phones were tried: not the first one again at once
            delay = max(delay, timedelta(minutes=ROUND_DELAY))
    due = now + delay
    if rule.other_time_of_day:
        due = _other_part_of_day(now, due, ZoneInfo(zone))
    lead.state, lead.due_at, lead.reason = LeadState.READY, due, f"after_{outcome}"


def _other_part_of_day(now: datetime, due: datetime, zone: ZoneInfo) -> datetime:
    """``due``, moved on to the next part of the day if it falls into the part of ``now``."""
    was, then = now.astimezone(zone), due.astimezone(zone)
    if _part(was) != _part(then):
        return due
    start = DAY_PARTS[_part(then)][1]
    moved = then.replace(hour=start % 24, minute=0, second=0, microsecond=0)
    if start >= DAY_PARTS[-1][1]:
        moved = moved.replace(hour=DAY_PARTS[0][0]) + timedelta(days=1)
    return max(due, moved)


def _part(local: datetime) -> int:
    for index, (start, end) in enumerate(DAY_PARTS):
        if start <= local.hour < end:
            return index
    return len(DAY_PARTS) - 1
