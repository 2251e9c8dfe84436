"""Suppression: numbers, addresses and people that are not to be contacted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, any_, bindparam, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.ids import new_id
from numbering.models import Suppression, SuppressionKind

_UNIQUE = ["brand_id", "kind", "value", "debtor_id"]

_ROW: Any = Suppression
_HITS = select(_ROW.kind, _ROW.value, _ROW.debtor_id, _ROW.reason, _ROW.expires_at).where(
    _ROW.brand_id == bindparam("brand_id"),
    _ROW.value == any_(bindparam("of", type_=ARRAY(Text))),
    or_(_ROW.expires_at.is_(None), _ROW.expires_at > bindparam("now")),
)


@dataclass(frozen=True)
class Hit:
    """Why a pair of debtor and value is suppressed. ``expires_at`` None: for good."""

    kind: SuppressionKind
    reason: str
    expires_at: datetime | None


async def suppress(
    session: AsyncSession,
    clock: Clock,
    brand_id: UUID,
    kind: SuppressionKind,
    value: str,
    reason: str,
    *,
    debtor_id: UUID | None = None,
    author: str = "system",
    until: datetime | None = None,
) -> None:
    """Never contact ``value`` again, or not before ``until``. Saying it twice changes nothing.

    An entry that runs out earlier than the new one is prolonged; none is ever shortened.

    Args:
        value: E.164 number, e-mail address or debtor id, by ``kind``.
        debtor_id: only for this debtor (a wrong party's number may belong to another debtor); None: for all.
    """
    row = insert(Suppression).values(
        id=new_id(clock),
        created_at=clock.now(),
        brand_id=brand_id,
        kind=kind,
        value=value,
        debtor_id=debtor_id,
        reason=reason,
        author=author,
        expires_at=until,
    )
    new = row.excluded
    longer = or_(new.expires_at.is_(None), new.expires_at > col(Suppression.expires_at))
    await session.exec(
        row.on_conflict_do_update(
            index_elements=_UNIQUE,
            set_={"reason": new.reason, "author": new.author, "expires_at": new.expires_at},
            where=col(Suppression.expires_at).is_not(None) & longer,
        )
    )


async def release(session: AsyncSession, suppression_id: UUID) -> None:
    """Lift a suppression, by its id. One that is gone already is no error."""
    row = await session.get(Suppression, suppression_id)
    if row is not None:
        await session.delete(row)
        await session.flush()


async def hits(
    session: AsyncSession, clock: Clock, brand_id: UUID, pairs: Sequence[tuple[UUID, str | None]]
) -> list[Hit | None]:
    """What suppresses each pair of (debtor id, phone or e-mail), None where nothing does. One query.

    Of several hits the one that lasts longest is told.
    """
    if not pairs:
        return []
    values = {v for _, v in pairs if v} | {str(d) for d, _ in pairs}
    connection = await session.connection()
    found = await connection.execute(_HITS, {"brand_id": brand_id, "of": sorted(values), "now": clock.now()})
    by_value: dict[str, list[tuple[UUID | None, Hit]]] = {}
    for kind, value, only_for, reason, expires_at in found:
        by_value.setdefault(value, []).append((only_for, Hit(kind, reason, expires_at)))

    def of(debtor_id: UUID, value: str | None) -> Hit | None:
        person = [h for _, h in by_value.get(str(debtor_id), []) if h.kind is SuppressionKind.DEBTOR]
        point = [
            h
            for only_for, h in (by_value.get(value, []) if value else [])
            if h.kind is not SuppressionKind.DEBTOR and only_for in (None, debtor_id)
        ]
        return max(person + point, key=_lasting, default=None)

    return [of(debtor_id, value) for debtor_id, value in pairs]


async def suppressed(
    session: AsyncSession, clock: Clock, brand_id: UUID, pairs: Sequence[tuple[UUID, str | None]]
) -> list[str | None]:
    """The reason each pair of (debtor id, phone or e-mail) is suppressed, None where it is not. One query."""
    return [hit.reason if hit else None for hit in await hits(session, clock, brand_id, pairs)]


def _lasting(hit: Hit) -> tuple[bool, float]:
    return hit.expires_at is None, hit.expires_at.timestamp() if hit.expires_at else 0.0
