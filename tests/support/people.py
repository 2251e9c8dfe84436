"""Rows that tests of cases and campaigns start from; all data invented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from cases.models import Case, ContactKind, ContactPoint, Creditor, Debt, Debtor, Portfolio
from core.clock import Clock
from core.db import Row
from core.ids import new_id
from core.models import Brand
from dialer.trunks.models import Trunk
from numbering.models import CallerId, CallerIdPool, CallerIdPoolMember

R = TypeVar("R", bound=Row)


async def put(session: AsyncSession, clock: Clock, table: type[R], /, **values: Any) -> R:
    """A row with id and time of creation, in the database at once."""
    row = table(id=new_id(clock), created_at=clock.now(), **values)
    session.add(row)
    await session.flush()
    return row


async def portfolio_of(session: AsyncSession, clock: Clock, brand: Brand, creditor: str = "Bank Przykład") -> Portfolio:
    """A portfolio of a creditor of that name."""
    owner = await put(session, clock, Creditor, brand_id=brand.id, name=creditor)
    return await put(session, clock, Portfolio, brand_id=brand.id, creditor_id=owner.id, name="2026-11")


@dataclass(frozen=True)
class Person:
    """A debtor with one case."""

    debtor: Debtor
    case: Case
    phones: tuple[ContactPoint, ...]

    @property
    def debtor_id(self) -> UUID:
        return self.debtor.id


async def person_of(
    session: AsyncSession,
    clock: Clock,
    portfolio: Portfolio,
    reference: str = "K1",
    phones: tuple[str, ...] = ("+48600700800",),
    amounts: tuple[int, ...] = (100_00,),
    **debtor: Any,
) -> Person:
    """A debtor with phones, and a case with a debt for each amount."""
    brand_id = portfolio.brand_id
    values = {"name": "Jan Kowalski", "name_key": "jan kowalski", **debtor}
    who = await put(
        session, clock, Debtor, brand_id=brand_id, creditor_id=portfolio.creditor_id, reference=reference, **values
    )
    case = await put(session, clock, Case, brand_id=brand_id, portfolio_id=portfolio.id, debtor_id=who.id)
    for n, amount in enumerate(amounts, start=1):
        due = date(2026, 10, n)
        reference_ = f"F/{n}"
        await put(
            session, clock, Debt, brand_id=brand_id, case_id=case.id, reference=reference_, amount=amount, due_on=due
        )
    points = [
        await put(
            session,
            clock,
            ContactPoint,
            brand_id=brand_id,
            debtor_id=who.id,
            kind=ContactKind.PHONE,
            value=phone,
            position=n,
        )
        for n, phone in enumerate(phones)
    ]
    return Person(who, case, tuple(points))


async def pool_of(
    session: AsyncSession, clock: Clock, brand: Brand, numbers: int = 3
) -> tuple[Trunk, CallerIdPool, list[CallerId]]:
    """A trunk and a pool of so many numbers that may be shown on it."""
    trunk = await put(session, clock, Trunk, brand_id=brand.id, name="operator", host="127.0.0.1")
    pool = await put(session, clock, CallerIdPool, brand_id=brand.id, name="warszawa")
    owned = []
    for n in range(numbers):
        row = await put(
            session,
            clock,
            CallerId,
            brand_id=brand.id,
            number=f"+4822123000{n}",
            trunk_id=trunk.id,
            proof="umowa 1/2026",
            valid_from=date(2026, 1, 1),
        )
        await put(
            session, clock, CallerIdPoolMember, brand_id=brand.id, pool_id=pool.id, caller_id_id=row.id, position=n
        )
        owned.append(row)
    return trunk, pool, owned
