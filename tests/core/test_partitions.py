"""Month partitions follow the shared clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from core import partitions
from core.clock import ManualClock
from core.db import Database
from core.models import Brand
from dialer.attempts.models import Attempt
from tests.support.world import World, make_world

pytestmark = pytest.mark.db


async def ensure(database: Database, clock: ManualClock) -> list[str]:
    async with database.begin() as session:
        return await partitions.ensure(session, clock)


async def partition_of(database: Database, attempt: Attempt) -> str:
    async with database.begin() as session:
        query = text("SELECT tableoid::regclass::text FROM attempt WHERE id = :id")
        return str((await (await session.connection()).execute(query, {"id": attempt.id})).scalar_one())


async def insert(database: Database, clock: ManualClock, world: World) -> Attempt:
    row = world.attempt(clock)
    async with database.begin() as session:
        session.add(row)
        await session.flush()
        session.add(world.event(clock, row))
    return row


async def test_the_migrated_house_has_this_month_and_three_ahead(database: Database, clock: ManualClock) -> None:
    assert await ensure(database, clock) == []
    async with database.begin() as session:
        names = set((await (await session.connection()).execute(text(partitions.PRESENT))).scalars())
    months = ("2026_11", "2026_12", "2027_01", "2027_02")
    assert names == {f"{table}_{month}" for table in ("attempt", "call_event") for month in months}


async def test_over_the_months_end(database: Database, clock: ManualClock, brand: Brand) -> None:
    world = await make_world(database, clock, brand, phones=["+48600100200"])
    clock.set(datetime(2026, 11, 30, 23, 59, 59, 999_000, tzinfo=UTC))
    before = await insert(database, clock, world)
    clock.advance(0.002)
    after = await insert(database, clock, world)
    assert await partition_of(database, before) == "attempt_2026_11"
    assert await partition_of(database, after) == "attempt_2026_12"
    assert await ensure(database, clock) == ["attempt_2027_03", "call_event_2027_03"]
    assert await ensure(database, clock) == []
    async with database.begin() as session:
        found = await session.exec(select(Attempt.id).order_by(col(Attempt.id)))
        assert list(found.all()) == [before.id, after.id]


async def test_a_year_of_daily_jobs_never_lacks_a_partition(
    database: Database, clock: ManualClock, brand: Brand
) -> None:
    world = await make_world(database, clock, brand, phones=["+48600100200"])
    for _ in range(13):
        await insert(database, clock, world)
        await ensure(database, clock)
        clock.advance(30 * 86_400)


async def test_without_a_partition_the_database_refuses(database: Database, clock: ManualClock, brand: Brand) -> None:
    world = await make_world(database, clock, brand, phones=["+48600100200"])
    clock.set(datetime(2027, 3, 1, tzinfo=UTC))
    with pytest.raises(IntegrityError, match="no partition"):
        await insert(database, clock, world)
