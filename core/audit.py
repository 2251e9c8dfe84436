"""The audit trail: who did what to which thing, written in the transaction that does it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.ids import new_id
from core.models import AuditEvent


async def record(
    session: AsyncSession,
    clock: Clock,
    *,
    actor: str,
    action: str,
    subject: str,
    brand_id: UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one audit event.

    Args:
        actor: login, or name of the process.
        action: verb, as ``campaign.start``.
        subject: ``kind:id`` of what it was done to.
        detail: JSON values; ids and figures, no personal data.
    """
    session.add(
        AuditEvent(
            id=new_id(clock),
            created_at=clock.now(),
            brand_id=brand_id,
            actor=actor,
            action=action,
            subject=subject,
            detail=detail or {},
        )
    )
