"""Who is not to be contacted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.models import Brand
from numbering.models import Suppression, SuppressionKind
from numbering.suppression import hits, release, suppress, suppressed

pytestmark = pytest.mark.db

PHONE = "+48600700800"


async def test_a_number_for_all_or_for_one_debtor(database: Database, clock: ManualClock, brand: Brand) -> None:
    one, other = new_id(clock), new_id(clock)
    async with database.begin() as session:
        await suppress(session, clock, brand.id, SuppressionKind.PHONE, PHONE, "wrong_party", debtor_id=one)
        assert await suppressed(session, clock, brand.id, [(one, PHONE), (other, PHONE), (one, None)]) == [
            "wrong_party",
            None,
            None,
        ]
        await suppress(session, clock, brand.id, SuppressionKind.PHONE, PHONE, "do_not_call")
        assert (await suppressed(session, clock, brand.id, [(other, PHONE)])) == ["do_not_call"]


async def test_a_person_by_any_way(database: Database, clock: ManualClock, brand: Brand) -> None:
    one, other = new_id(clock), new_id(clock)
    async with database.begin() as session:
        await suppress(session, clock, brand.id, SuppressionKind.DEBTOR, str(one), "do_not_call")
        found = await hits(session, clock, brand.id, [(one, PHONE), (one, None), (other, PHONE)])
    assert [hit and hit.kind for hit in found] == [SuppressionKind.DEBTOR, SuppressionKind.DEBTOR, None]


async def test_twice_is_once_and_none_is_shortened(database: Database, clock: ManualClock, brand: Brand) -> None:
    who, tomorrow = new_id(clock), clock.now() + timedelta(days=1)
    async with database.begin() as session:
        for until in (tomorrow, None, tomorrow):
            await suppress(session, clock, brand.id, SuppressionKind.PHONE, PHONE, "asked", until=until)
        (row,) = (await session.exec(select(Suppression))).all()
        assert row.expires_at is None
        await release(session, row.id)
        assert await suppressed(session, clock, brand.id, [(who, PHONE)]) == [None]


async def test_it_runs_out(database: Database, clock: ManualClock, brand: Brand) -> None:
    who = new_id(clock)
    async with database.begin() as session:
        until = clock.now() + timedelta(hours=1)
        await suppress(session, clock, brand.id, SuppressionKind.PHONE, PHONE, "asked", until=until)
        assert await suppressed(session, clock, brand.id, [(who, PHONE)]) == ["asked"]
        clock.advance(3600)
        assert await suppressed(session, clock, brand.id, [(who, PHONE)]) == [None]


async def test_another_brand_is_another_matter(database: Database, clock: ManualClock, brand: Brand) -> None:
    async with database.begin() as session:
        await suppress(session, clock, brand.id, SuppressionKind.PHONE, PHONE, "asked")
        assert await suppressed(session, clock, new_id(clock), [(new_id(clock), PHONE)]) == [None]
