"""The hopper: the next leads of a campaign that are due, and why the others wait."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, bindparam, literal_column
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.db import among
from dialer.campaigns.models import Lead, LeadList, LeadState

# Built once: building a statement takes longer than running it.
_LISTS = select(LeadList.id).where(LeadList.campaign_id == bindparam("campaign_id"), col(LeadList.active).is_(True))
_DUE = (
    select(Lead)
    .where(
        Lead.campaign_id == bindparam("campaign_id"),
        Lead.state == LeadState.READY,
        Lead.due_at <= bindparam("now"),
        col(Lead.list_id) == among("lists"),
    )
    .order_by(col(Lead.priority).desc(), col(Lead.due_at))
    .limit(bindparam("count", type_=Integer))
    .with_for_update(skip_locked=True)
)


async def pick(session: AsyncSession, campaign_id: UUID, now: datetime, count: int) -> list[Lead]:
    """Up to ``count`` leads that are ready and due, highest priority first, then longest due, locked.

    Leads another transaction holds are passed over, so any number of engines can pick at once.
    """
    lists = (await session.exec(_LISTS, params={"campaign_id": campaign_id})).all()
    if not lists or count <= 0:
        return []
    given = {"campaign_id": campaign_id, "lists": lists, "now": now, "count": count}
    return list((await session.exec(_DUE, params=given)).all())


async def reasons(session: AsyncSession, campaign_id: UUID) -> dict[tuple[str, str], int]:
    """How many leads stand where and why: ``(state, reason) -> count``; reason ``""``: never tried."""
    reason = func.coalesce(col(Lead.reason), literal_column("''"))  # a bound value would differ between the clauses
    rows = await session.exec(
        select(Lead.state, reason, func.count())
        .where(Lead.campaign_id == campaign_id)
        .group_by(col(Lead.state), reason)
    )
    return {(str(state), str(reason)): int(count) for state, reason, count in rows.all()}
