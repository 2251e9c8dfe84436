"""The call log: one row per attempt, read page by page or as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.models import Debtor
from dialer.agents.models import Agent, Disposition
from dialer.attempts.models import Attempt
from dialer.campaigns.models import Campaign
from reports.query import run
from reports.statistics import Scope

PAGE: Final = 50
CHUNK: Final = 1000  # rows fetched at a time when the whole log is read


@dataclass(frozen=True)
class Call:
    """One row of the log. Seconds are None where the call never came so far."""

    id: UUID
    at: datetime
    campaign: str
    debtor: str
    reference: str
    phone: str
    caller_id: str
    outcome: str | None
    disposition: Disposition | None
    agent: str | None
    answered: bool
    live: bool
    reached: bool
    abandoned: bool
    ring_seconds: float | None
    wait_seconds: float | None
    talk_seconds: float | None
    sip_code: int | None


async def page_of(session: AsyncSession, scope: Scope, before: UUID | None = None) -> tuple[list[Call], UUID | None]:
    """The newest :data:`PAGE` calls older than ``before``, and where the next page begins (None: there is none)."""
    query = _query(scope).limit(PAGE + 1)
    if before is not None:
        query = query.where(col(Attempt.id) < before)
    calls = [_call(row) for row in await run(session, query)]
    return calls[:PAGE], calls[PAGE - 1].id if len(calls) > PAGE else None


async def every(session: AsyncSession, scope: Scope) -> AsyncIterator[Call]:
    """All calls of the scope, newest first, without holding them in memory."""
    rows = await session.stream(_query(scope).execution_options(yield_per=CHUNK))
    async for row in rows:
        yield _call(row)


def _query(scope: Scope) -> Select[*tuple[Any, ...]]:
    query: Select[*tuple[Any, ...]] = (
        select(Attempt, col(Campaign.name), col(Debtor.name), col(Debtor.reference), Disposition, col(Agent.name))
        .join(Campaign, col(Campaign.id) == col(Attempt.campaign_id))
        .join(Debtor, col(Debtor.id) == col(Attempt.debtor_id))
        .outerjoin(Disposition, col(Disposition.id) == col(Attempt.disposition_id))
        .outerjoin(Agent, col(Agent.id) == col(Attempt.agent_id))
        .where(*scope.conditions())
        .order_by(col(Attempt.id).desc())
    )
    return query


def _call(row: Any) -> Call:
    attempt, campaign, debtor, reference, disposition, agent = row
    return Call(
        id=attempt.id,
        at=attempt.created_at,
        campaign=campaign,
        debtor=debtor,
        reference=reference,
        phone=attempt.phone,
        caller_id=attempt.caller_id,
        outcome=str(attempt.outcome) if attempt.outcome else None,
        disposition=disposition,
        agent=agent,
        answered=attempt.answered_at is not None,
        live=attempt.live,
        reached=attempt.bridged_at is not None,
        abandoned=attempt.abandoned,
        ring_seconds=_gap(attempt.ringing_at, attempt.answered_at or attempt.ended_at),
        wait_seconds=_gap(attempt.answered_at, attempt.bridged_at),
        talk_seconds=_gap(attempt.bridged_at, attempt.ended_at),
        sip_code=attempt.sip_code,
    )


def _gap(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 2) if start and end else None
