"""Caller IDs: which of our numbers a call shows. Only numbers we own, with proof, within their dates.

Showing a number that is not ours is a crime in Poland (Act of 28 July 2023, Dz.U. 2023 poz. 1703, art. 31).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, or_, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.models import Brand
from numbering.models import CallerId, CallerIdPool, CallerIdPoolMember

_TICK = timedelta(microseconds=1)
_MARK = text(
    "UPDATE caller_id_pool_member m SET last_shown_at = s.shown_at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:times AS timestamptz[])) AS s(id, shown_at) WHERE m.id = s.id"
)

_USABLE = (  # built once: building a statement takes longer than running it
    select(CallerIdPoolMember, CallerId, Brand.timezone)
    .join(CallerId, col(CallerId.id) == col(CallerIdPoolMember.caller_id_id))
    .join(Brand, col(Brand.id) == col(CallerId.brand_id))
    .where(
        CallerIdPoolMember.pool_id == bindparam("pool_id"),
        col(CallerId.proof).is_not(None),
        col(CallerId.proof) != "",
        col(CallerId.resting).is_(False),
        or_(col(CallerId.trunk_id).is_(None), col(CallerId.trunk_id) == bindparam("trunk_id")),
    )
    # One order of locking for all, whatever was shown last: no deadlock.
    .order_by(col(CallerIdPoolMember.id))
    .with_for_update(of=CallerIdPoolMember, key_share=True)
    .execution_options(populate_existing=True)
)


class NoCallerId(Exception):  # noqa: N818 - a state of the pool, as its name says
    """No number of the pool may be shown now on this trunk; the text says which pool."""


async def pick(
    session: AsyncSession, clock: Clock, pool_id: UUID, trunk_id: UUID, last_shown: Sequence[UUID | None]
) -> list[CallerId]:
    """A caller ID for each call about to be placed, in turn: the one shown longest ago first. Two queries.

    The pool's numbers stay locked until the transaction ends, so engines that share a pool take turns.

    Args:
        last_shown: per call, the caller ID its debtor saw last; another one is taken when the pool has one.

    Raises:
        NoCallerId: none has proof, is within its dates, not resting and for this trunk.
    """
    usable = await _usable(session, clock, pool_id, trunk_id)
    if not usable:
        pool = await session.get(CallerIdPool, pool_id)
        name = pool.name if pool else str(pool_id)
        raise NoCallerId(f"Pool «{name}» has no number with proof that is valid today, not resting and for this trunk.")
    latest = max((m.last_shown_at for m, _ in usable if m.last_shown_at), default=None)
    moment = clock.now() if latest is None else max(clock.now(), latest + _TICK)
    turn = deque(usable)
    picked: list[CallerId] = []
    shown: dict[UUID, datetime] = {}
    for seen in last_shown:
        place = next((i for i, (_, number) in enumerate(turn) if number.id != seen), 0)
        member, number = turn[place]
        del turn[place]
        turn.append((member, number))
        picked.append(number)
        # A microsecond apart, so that the order within a batch outlives it.
        shown[member.id] = moment + len(picked) * _TICK
    if shown:
        connection = await session.connection()
        await connection.execute(_MARK, {"ids": list(shown), "times": list(shown.values())})
    return picked


async def _usable(
    session: AsyncSession, clock: Clock, pool_id: UUID, trunk_id: UUID
) -> list[tuple[CallerIdPoolMember, CallerId]]:
    """The pool's numbers that may be shown on the trunk today, the one shown longest ago first; members locked."""
    rows = await session.exec(_USABLE, params={"pool_id": pool_id, "trunk_id": trunk_id})
    now = clock.now()
    valid = []
    for member, number, zone in rows:
        today = now.astimezone(ZoneInfo(zone)).date()
        if number.valid_from <= today and (number.valid_to is None or today <= number.valid_to):
            valid.append((member, number))
    never = datetime.min.replace(tzinfo=now.tzinfo)
    return sorted(valid, key=lambda pair: (pair[0].last_shown_at or never, pair[0].position, pair[0].id))
