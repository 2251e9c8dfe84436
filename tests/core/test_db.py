"""Sessions: one transaction each, bound to brands."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlmodel import col, delete, func, select, update

from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.models import Brand
from dialer.agents.models import Disposition, PauseReason

pytestmark = pytest.mark.db


async def second_brand(database: Database, clock: ManualClock) -> UUID:
    brand_id = new_id(clock)
    async with database.begin() as session:
        session.add(Brand(id=brand_id, created_at=clock.now(), name="Inna marka", callback_number="+48221230001"))
        await session.flush()
        session.add(
            PauseReason(
                id=new_id(clock), created_at=clock.now(), brand_id=brand_id, code="break", name_pl="a", name_en="b"
            )
        )
    return brand_id


async def test_a_bound_session_sees_only_its_brands(database: Database, clock: ManualClock, brand: Brand) -> None:
    other = await second_brand(database, clock)
    async with database.begin([other]) as session:
        assert {row.brand_id for row in (await session.exec(select(PauseReason))).all()} == {other}
        assert (await session.exec(select(Disposition))).all() == []
    async with database.begin() as session:
        assert {row.brand_id for row in (await session.exec(select(PauseReason))).all()} == {other, brand.id}
    async with database.begin([]) as session:
        assert (await session.exec(select(PauseReason))).all() == []


async def test_a_bound_session_changes_only_its_brands(database: Database, clock: ManualClock, brand: Brand) -> None:
    other = await second_brand(database, clock)
    async with database.begin([other]) as session:
        await session.exec(update(PauseReason).values(paid=False))
    async with database.begin() as session:
        changed = await session.exec(select(PauseReason.brand_id).where(col(PauseReason.paid).is_(False)).distinct())
        unpaid_before = await session.exec(
            select(func.count())
            .select_from(PauseReason)
            .where(PauseReason.brand_id == brand.id, col(PauseReason.paid).is_(False))
        )
        assert set(changed.all()) == {other, brand.id}
        assert unpaid_before.one() == 1  # lunch, unpaid from the first


async def test_an_exception_rolls_everything_back(database: Database, clock: ManualClock) -> None:
    async def fail() -> None:
        async with database.begin() as session:
            session.add(Brand(id=new_id(clock), created_at=clock.now(), name="Nic", callback_number="+48221230002"))
            await session.flush()
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        await fail()
    async with database.begin() as session:
        assert (await session.exec(select(Brand))).all() == []


async def test_the_bond_holds_by_key_in_joins_and_in_counts(
    database: Database, clock: ManualClock, brand: Brand
) -> None:
    other = await second_brand(database, clock)
    async with database.begin() as session:
        theirs = (await session.exec(select(PauseReason).where(PauseReason.brand_id == brand.id))).first()
    assert theirs is not None
    async with database.begin([other]) as session:
        assert await session.get(PauseReason, theirs.id) is None
        assert (await session.exec(select(func.count()).select_from(PauseReason))).one() == 1
        joined = select(Brand.name, PauseReason.code).join(PauseReason, col(PauseReason.brand_id) == Brand.id)
        assert list((await session.exec(joined)).all()) == [("Inna marka", "break")]
        await session.exec(delete(PauseReason))
    async with database.begin() as session:
        assert await session.get(PauseReason, theirs.id) is not None
