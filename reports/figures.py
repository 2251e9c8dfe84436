"""The figures of a run, all counted from the database: what the demo prints and writes to its report."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, extract, func, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from core.ids import lowest_id_at
from dialer.agents.models import AgentState, AgentStateLog
from dialer.attempts.models import Attempt
from dialer.call import Outcome
from dialer.campaigns.models import Campaign, CampaignState, Lead, LeadState
from reports.query import run

HUNG_UP_AS_MACHINE = (Outcome.MACHINE, Outcome.FAX)
BUSY_STATES = (AgentState.TALKING, AgentState.WRAPUP)


async def figures(session: AsyncSession, since: datetime, until: datetime | None = None) -> dict[str, Any]:
    """Everything that happened from ``since`` on.

    * ``attempts``, ``outcomes`` (of those that ended), ``live``, ``bridged``, ``abandoned``; ``abandoned_pct`` is
      abandoned per 100 live.
    * ``answer_to_agent_ms``: from the 200 to the bridge, detection included; ``decision_to_agent_ms``: from the
      verdict to the bridge. Each ``{"p50", "p95"}`` in milliseconds, None without a bridged call.
    * ``utilisation``: time in talk and wrap-up per time logged in and not paused, 0..1; see :func:`_utilisation`.
    * ``machines_hung_up``: answered, recognised and ended by us; ``cancelled_before_answer``: given up before the 200.
    * ``rows_in``: leads of the campaigns touched, that is with an attempt since then or launching still.
    * ``rows_accounted``: those among them whose state explains them, each counted exactly once by its one state:
      *ready* - never tried, or waiting with a reason; *in flight* - with an attempt that is up or awaits its
      disposition; *finished* - with a reason. A lead that was tried and waits without a reason, or
      is in flight without a call, is missing here, and so is the run's proof that its rows add up.

    Args:
        until: the end of agents' states that still last; default: the last change of state or end of a call on record.
    """
    when = (col(Attempt.id) >= lowest_id_at(since - timedelta(seconds=1)), col(Attempt.created_at) >= since)
    counted = (
        await run(
            session,
            select(
                func.count().label("attempts"),
                _count(col(Attempt.live).is_(True)).label("live"),
                _count(col(Attempt.bridged_at).is_not(None)).label("bridged"),
                _count(col(Attempt.abandoned).is_(True)).label("abandoned"),
                _count(and_(col(Attempt.outcome).in_(HUNG_UP_AS_MACHINE), col(Attempt.answered_at).is_not(None))).label(
                    "machines_hung_up"
                ),
                _count(col(Attempt.cancelled_before_answer).is_(True)).label("cancelled_before_answer"),
                _count(col(Attempt.disposition_id).is_not(None)).label("dispositions"),
                _count(col(Attempt.ended_at).is_(None)).label("attempts_without_end"),
            )
            .select_from(Attempt)
            .where(*when),
        )
    ).one()
    by_outcome = await run(
        session,
        select(col(Attempt.outcome), func.count())
        .where(*when, col(Attempt.ended_at).is_not(None))
        .group_by(col(Attempt.outcome))
        .order_by(func.count().desc()),
    )
    touched = await _campaigns_touched(session, since)
    rows_in, accounted = await _rows(session, touched)
    return {
        "attempts": counted.attempts,
        "outcomes": {str(outcome): number for outcome, number in by_outcome if outcome is not None},
        "live": counted.live,
        "bridged": counted.bridged,
        "abandoned": counted.abandoned,
        "abandoned_pct": percent(counted.abandoned, counted.live),
        "answer_to_agent_ms": await _delay(session, when, Attempt.answered_at),
        "decision_to_agent_ms": await _delay(session, when, Attempt.verdict_at),
        "utilisation": await _utilisation(session, since, until),
        "machines_hung_up": counted.machines_hung_up,
        "cancelled_before_answer": counted.cancelled_before_answer,
        "dispositions": counted.dispositions,
        "rows_in": rows_in,
        "rows_accounted": accounted,
        "attempts_without_end": counted.attempts_without_end,
    }


def percent(part: int, whole: int) -> float:
    """``part`` per hundred of ``whole``, two decimals; 0 of nothing."""
    return round(100 * part / whole, 2) if whole else 0.0


def _count(condition: ColumnElement[bool]) -> Any:
    return func.count().filter(condition)


async def _delay(session: AsyncSession, when: Any, start: datetime | None) -> dict[str, float | None]:
    """Median and 95th percentile of the time from ``start`` (a column of Attempt) to the bridge, in milliseconds."""
    begun: InstrumentedAttribute[datetime | None] = col(start)  # type: ignore[assignment]
    gap = extract("epoch", col(Attempt.bridged_at) - begun) * 1000
    row = (
        await run(
            session,
            select(
                func.percentile_cont(0.5).within_group(gap.asc()), func.percentile_cont(0.95).within_group(gap.asc())
            ).where(*when, col(Attempt.bridged_at).is_not(None), begun.is_not(None)),
        )
    ).one()
    p50, p95 = (None if value is None else round(float(value), 1) for value in row)
    return {"p50": p50, "p95": p95}


async def _utilisation(session: AsyncSession, since: datetime, until: datetime | None) -> float:
    """(talk + wrap-up) / (logged in and not paused), from the log of agents' states, clipped to the run."""
    if until is None:
        last_change = (
            await run(session, select(func.max(func.greatest(col(AgentStateLog.since), col(AgentStateLog.until)))))
        ).scalar()
        last_end = (
            await run(session, select(func.max(col(Attempt.ended_at))).where(col(Attempt.created_at) >= since))
        ).scalar()
        until = max(filter(None, (last_change, last_end)), default=since)
    begin = func.greatest(col(AgentStateLog.since), since)
    end = func.least(func.coalesce(col(AgentStateLog.until), until), until)
    seconds = func.greatest(extract("epoch", end - begin), 0)
    busy, present = (
        await run(
            session,
            select(
                func.sum(case((col(AgentStateLog.state).in_(BUSY_STATES), seconds), else_=0)),
                func.sum(seconds),
            ).where(
                or_(col(AgentStateLog.until).is_(None), col(AgentStateLog.until) > since),
                col(AgentStateLog.state).not_in((AgentState.PAUSED, AgentState.OUT)),
            ),
        )
    ).one()
    return round(float(busy) / float(present), 4) if present else 0.0


async def _campaigns_touched(session: AsyncSession, since: datetime) -> list[UUID]:
    tried = exists().where(col(Attempt.campaign_id) == Campaign.id, col(Attempt.created_at) >= since)
    found = await run(session, select(col(Campaign.id)).where(or_(tried, col(Campaign.state) != CampaignState.STOPPED)))
    return list(found.scalars())


async def _rows(session: AsyncSession, campaigns: list[UUID]) -> tuple[int, int]:
    """Leads of the campaigns, and how many of them their state accounts for."""
    of_lead = col(Attempt.lead_id) == Lead.id
    never_tried = not_(exists().where(of_lead))
    at_work = exists().where(
        of_lead,
        or_(
            col(Attempt.ended_at).is_(None),
            and_(col(Attempt.bridged_at).is_not(None), col(Attempt.disposition_id).is_(None)),
        ),
    )
    explained = or_(
        and_(col(Lead.state) == LeadState.READY, or_(col(Lead.reason).is_not(None), never_tried)),
        and_(col(Lead.state) == LeadState.IN_FLIGHT, at_work),
        and_(col(Lead.state) == LeadState.FINISHED, col(Lead.reason).is_not(None)),
    )
    row = (
        await run(
            session,
            select(func.count(), _count(explained)).select_from(Lead).where(col(Lead.campaign_id).in_(campaigns)),
        )
    ).one()
    return row[0], row[1]
