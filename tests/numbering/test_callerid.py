"""Which of our numbers is shown."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from core.clock import ManualClock
from core.db import Database
from core.models import Brand
from numbering.callerid import NoCallerId, pick
from tests.support.people import pool_of, put

pytestmark = pytest.mark.db


async def test_in_turn_across_batches(database: Database, clock: ManualClock, brand: Brand) -> None:
    async with database.begin() as session:
        trunk, pool, owned = await pool_of(session, clock, brand)
    shown = []
    for _ in range(3):
        async with database.begin() as session:
            shown += [number.id for number in await pick(session, clock, pool.id, trunk.id, [None, None])]
    assert shown == [owned[n % 3].id for n in range(6)]


async def test_another_than_was_shown_last(database: Database, clock: ManualClock, brand: Brand) -> None:
    async with database.begin() as session:
        trunk, pool, owned = await pool_of(session, clock, brand)
        for number in owned:
            (picked,) = await pick(session, clock, pool.id, trunk.id, [number.id])
            assert picked.id != number.id


async def test_the_only_number_is_shown_again(database: Database, clock: ManualClock, brand: Brand) -> None:
    async with database.begin() as session:
        trunk, pool, (only,) = await pool_of(session, clock, brand, numbers=1)
        assert [n.id for n in await pick(session, clock, pool.id, trunk.id, [only.id])] == [only.id]


@pytest.mark.parametrize(
    "fault",
    [
        {"proof": None},
        {"proof": ""},
        {"resting": True},
        {"valid_from": date(2026, 11, 24)},
        {"valid_to": date(2026, 11, 22)},
    ],
    ids=lambda fault: next(iter(fault)) + str(next(iter(fault.values()))),
)
async def test_never_without_right(
    database: Database, clock: ManualClock, brand: Brand, fault: dict[str, object]
) -> None:
    async with database.begin() as session:
        trunk, pool, owned = await pool_of(session, clock, brand, numbers=2)
        for name, value in fault.items():
            setattr(owned[0], name, value)
        session.add(owned[0])
        await session.flush()
        picked = await pick(session, clock, pool.id, trunk.id, [None, None, owned[1].id])
        assert {number.id for number in picked} == {owned[1].id}


async def test_dates_are_days_of_the_brand(database: Database, clock: ManualClock, brand: Brand) -> None:
    async with database.begin() as session:
        trunk, pool, (only,) = await pool_of(session, clock, brand, numbers=1)
        only.valid_to = date(2026, 11, 23)
        session.add(only)
        await session.flush()
        clock.set(clock.now().replace(hour=22, minute=30))  # 23:30 in Warsaw, the last day
        assert await pick(session, clock, pool.id, trunk.id, [None])
        clock.advance(3600)
        with pytest.raises(NoCallerId, match="warszawa"):
            await pick(session, clock, pool.id, trunk.id, [None])


async def test_not_on_another_trunk(database: Database, clock: ManualClock, brand: Brand) -> None:
    async with database.begin() as session:
        trunk, pool, _ = await pool_of(session, clock, brand)
        other = await put(session, clock, type(trunk), brand_id=brand.id, name="inny", host="127.0.0.1")
        with pytest.raises(NoCallerId):
            await pick(session, clock, pool.id, other.id, [None])


async def test_engines_that_share_a_pool_take_turns(database: Database, clock: ManualClock, brand: Brand) -> None:
    async with database.begin() as session:
        trunk, pool, owned = await pool_of(session, clock, brand, numbers=4)

    async def engine() -> list[object]:
        async with database.begin() as session:
            return [number.id for number in await pick(session, clock, pool.id, trunk.id, [None] * 4)]

    batches = await asyncio.gather(*(engine() for _ in range(4)))
    assert all(set(batch) == {number.id for number in owned} for batch in batches)
