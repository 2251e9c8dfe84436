"""What the database itself refuses."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select, update

from core import audit
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.models import AuditEvent, Brand
from numbering.models import CallerId, CallerIdPoolMember
from tests.support.world import make_world

pytestmark = pytest.mark.db


async def run(database: Database, statement: str) -> None:
    async with database.begin() as session:
        await (await session.connection()).execute(text(statement))


async def test_an_audit_event_is_written_with_its_act(database: Database, clock: ManualClock, brand: Brand) -> None:
    async with database.begin() as session:
        await audit.record(
            session, clock, actor="anna", action="campaign.start", subject="campaign:1", brand_id=brand.id
        )
    async with database.begin() as session:
        (found,) = (await session.exec(select(AuditEvent))).all()
    assert (found.actor, found.action, found.detail, found.created_at) == ("anna", "campaign.start", {}, clock.now())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET actor = 'nobody'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "UPDATE call_event SET kind = 'x'",
        "DELETE FROM call_event",
    ],
)
async def test_trails_are_append_only(database: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        await run(database, statement)


async def test_the_applications_role_is_no_superuser(database: Database) -> None:
    async with database.begin() as session:
        query = text("SELECT rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
        assert (await (await session.connection()).execute(query)).scalar_one() is False


@pytest.mark.parametrize("proof", [None, "", "  "])
async def test_a_number_without_proof_enters_no_pool_and_no_attempt(
    database: Database, clock: ManualClock, brand: Brand, proof: str | None
) -> None:
    world = await make_world(database, clock, brand, phones=["+48600100200"])
    async with database.begin() as session:
        await session.exec(update(CallerId).where(col(CallerId.id) == world.caller_id.id).values(proof=proof))
    member = CallerIdPoolMember(
        id=new_id(clock),
        created_at=clock.now(),
        brand_id=brand.id,
        pool_id=world.pool.id,
        caller_id_id=world.caller_id.id,
    )
    for row in (member, world.attempt(clock)):
        with pytest.raises(DBAPIError, match="without proof"):
            await add(database, row)


async def test_the_shown_number_is_the_proven_one(database: Database, clock: ManualClock, brand: Brand) -> None:
    world = await make_world(database, clock, brand, phones=["+48600100200"])
    for row in (world.attempt(clock, caller_id="+48221239999"), world.attempt(clock, caller_id_id=None)):
        with pytest.raises(DBAPIError, match="without proof"):
            await add(database, row)
    await add(database, world.attempt(clock))


async def add(database: Database, row: Any) -> None:
    async with database.begin() as session:
        session.add(row)
