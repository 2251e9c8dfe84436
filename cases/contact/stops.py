"""A person asks not to be contacted, or a number proves to be another's: everything that hangs on it stops."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.events import CASES, ContactStopped
from cases.models import ActionState, NextAction
from core.clock import Clock
from core.outbox import emit
from numbering.models import SuppressionKind
from numbering.suppression import suppress


async def stop_point(
    session: AsyncSession,
    clock: Clock,
    brand_id: UUID,
    kind: SuppressionKind,
    value: str,
    reason: str,
    *,
    debtor_id: UUID | None = None,
    author: str = "system",
) -> None:
    """Never contact this phone or e-mail again: for one debtor, or (None) for all of the brand."""
    await suppress(session, clock, brand_id, kind, value, reason, debtor_id=debtor_id, author=author)
    await emit(session, CASES, ContactStopped(brand_id=brand_id, debtor_id=debtor_id, value=value, reason=reason))


async def stop_person(
    session: AsyncSession, clock: Clock, brand_id: UUID, debtor_id: UUID, reason: str, *, author: str = "system"
) -> None:
    """Never contact this debtor again by any way; their planned actions are cancelled."""
    await suppress(session, clock, brand_id, SuppressionKind.DEBTOR, str(debtor_id), reason, author=author)
    await session.exec(
        update(NextAction)
        .where(col(NextAction.debtor_id) == debtor_id, col(NextAction.state) == ActionState.PLANNED)
        .values(state=ActionState.CANCELLED)
    )
    await emit(session, CASES, ContactStopped(brand_id=brand_id, debtor_id=debtor_id, reason=reason))
