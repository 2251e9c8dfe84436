"""Our own numbers: taking one in with its proof, putting it into a pool, resting it.

What may be shown when is decided in :mod:`numbering.callerid`.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core import audit
from core.clock import Clock
from core.ids import new_id
from numbering.models import CallerId, CallerIdPool, CallerIdPoolMember
from numbering.normalise import e164


class CallerIdError(ValueError):
    """A number or pool can't be as asked; the text says why."""


async def add_caller_id(
    session: AsyncSession,
    clock: Clock,
    brand_id: UUID,
    number: str,
    *,
    pool: str,
    proof: str,
    valid_from: date,
    valid_to: date | None = None,
    trunk_id: UUID | None = None,
    actor: str = "system",
) -> CallerId:
    """Take a number in, or change what is known of it, and put it at the end of ``pool``, which is made if new.

    Args:
        number: in any spelling.
        proof: the contract that gives us the number; without one it may never be shown.
        trunk_id: the only trunk it may be shown on; None: any.

    Raises:
        CallerIdError: no valid number, no proof, dates in the wrong order or no name of a pool.
    """
    normal = e164(number)
    if normal is None:
        raise CallerIdError(f"«{number}» is no valid telephone number: write it as +48 22 123 45 67.")
    if not proof.strip():
        raise CallerIdError("A number needs proof that it is ours: the contract. Showing another's number is a crime.")
    if valid_to is not None and valid_to < valid_from:
        raise CallerIdError("The number would end to be ours before it begins.")
    row = await _number(session, brand_id, normal)
    if row is None:
        row = CallerId(
            id=new_id(clock), created_at=clock.now(), brand_id=brand_id, number=normal, valid_from=valid_from
        )
    row.proof, row.trunk_id = proof.strip(), trunk_id
    row.valid_from, row.valid_to = valid_from, valid_to
    session.add(row)
    await session.flush()
    await _put_in(session, clock, row, await pool_named(session, clock, brand_id, pool))
    await audit.record(
        session,
        clock,
        actor=actor,
        action="caller_id.add",
        subject=f"caller_id:{row.id}",
        brand_id=brand_id,
        detail={"pool": pool, "valid_from": valid_from.isoformat(), "valid_to": valid_to and valid_to.isoformat()},
    )
    return row


async def rest_caller_id(
    session: AsyncSession, clock: Clock, brand_id: UUID, number: str, *, resting: bool, actor: str = "system"
) -> CallerId:
    """Show a number no more for a while (``resting``), or again.

    Raises:
        CallerIdError: the brand has no such number.
    """
    row = await _number(session, brand_id, e164(number) or number)
    if row is None:
        raise CallerIdError(f"No caller ID {number}.")
    if row.resting is not resting:
        row.resting = resting
        session.add(row)
        action = "caller_id.rest" if resting else "caller_id.wake"
        await audit.record(session, clock, actor=actor, action=action, subject=f"caller_id:{row.id}", brand_id=brand_id)
    return row


async def pool_named(session: AsyncSession, clock: Clock, brand_id: UUID, name: str) -> CallerIdPool:
    """The brand's pool of that name, made if there is none.

    Raises:
        CallerIdError: an empty name.
    """
    name = name.strip()
    if not name:
        raise CallerIdError("Give the pool a name.")
    query = select(CallerIdPool).where(CallerIdPool.brand_id == brand_id, CallerIdPool.name == name)
    found = (await session.exec(query)).first()
    if found is None:
        found = CallerIdPool(id=new_id(clock), created_at=clock.now(), brand_id=brand_id, name=name)
        session.add(found)
        await session.flush()
    return found


async def _number(session: AsyncSession, brand_id: UUID, number: str) -> CallerId | None:
    query = select(CallerId).where(CallerId.brand_id == brand_id, CallerId.number == number)
    return (await session.exec(query.with_for_update())).first()


async def _put_in(session: AsyncSession, clock: Clock, row: CallerId, pool: CallerIdPool) -> None:
    members = select(CallerIdPoolMember).where(CallerIdPoolMember.pool_id == pool.id)
    if (await session.exec(members.where(CallerIdPoolMember.caller_id_id == row.id))).first() is not None:
        return
    last = await session.exec(
        select(func.coalesce(func.max(col(CallerIdPoolMember.position)), -1)).where(
            CallerIdPoolMember.pool_id == pool.id
        )
    )
    session.add(
        CallerIdPoolMember(
            id=new_id(clock),
            created_at=clock.now(),
            brand_id=row.brand_id,
            pool_id=pool.id,
            caller_id_id=row.id,
            position=last.one() + 1,
        )
    )
    await session.flush()
