"""Leases and their fencing tokens."""

from __future__ import annotations

import asyncio

import pytest

from core import leases
from core.db import Database
from core.leases import LeaseLost
from tests.support.until import until

pytestmark = pytest.mark.db
NAME = "campaign:1"


async def acquire(database: Database, holder: str, seconds: float = 30.0) -> int | None:
    async with database.begin() as session:
        return await leases.acquire(session, NAME, holder, seconds)


async def test_of_two_holders_one_gets_it(database: Database) -> None:
    tokens = await asyncio.gather(*(acquire(database, f"engine-{n}") for n in range(4)))
    assert sorted(t for t in tokens if t is not None) == [1]


async def test_it_passes_on_after_release_under_a_higher_token(database: Database) -> None:
    assert await acquire(database, "a") == 1
    assert await acquire(database, "b") is None
    async with database.begin() as session:
        await leases.release(session, NAME, "b", 1)  # not the holder: nothing happens
    assert await acquire(database, "b") is None
    async with database.begin() as session:
        await leases.release(session, NAME, "a", 1)
    assert await acquire(database, "b") == 2


async def test_it_expires_by_the_databases_clock(database: Database) -> None:
    assert await acquire(database, "a", seconds=0.0) == 1
    async with database.begin() as session:
        assert not await leases.renew(session, NAME, "a", 1, 30.0)
        with pytest.raises(LeaseLost):
            await leases.check(session, NAME, 1)
    assert await acquire(database, "b") == 2


async def test_renewing_keeps_the_token(database: Database) -> None:
    assert await acquire(database, "a") == 1
    async with database.begin() as session:
        assert await leases.renew(session, NAME, "a", 1, 30.0)
        assert not await leases.renew(session, NAME, "b", 1, 30.0)
        assert not await leases.renew(session, NAME, "a", 2, 30.0)
        await leases.check(session, NAME, 1)


async def test_an_older_token_is_refused_even_to_the_same_holder(database: Database) -> None:
    assert await acquire(database, "a") == 1
    assert await acquire(database, "a") == 2
    async with database.begin() as session:
        with pytest.raises(LeaseLost):
            await leases.check(session, NAME, 1)


async def test_a_checked_lease_cannot_be_taken_before_the_commit(database: Database) -> None:
    """The holder checks just before expiry; the taker has to wait for the holder's commit."""

    async def takes_over() -> bool:
        return await acquire(database, "b") == 2

    assert await acquire(database, "a", seconds=0.3) == 1
    async with database.begin() as session:
        await leases.check(session, NAME, 1)
        taker = asyncio.create_task(until(takes_over))
        done, _ = await asyncio.wait({taker}, timeout=0.6)
        assert not done, "another took the lease while its holder was at work under it"
    await taker
