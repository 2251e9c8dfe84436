"""The ledger under the lock on the debtor: no cap is overshot, by any number of engines."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlmodel import select

from cases.contact.ledger import discount, mark_conversation, record_many
from cases.contact.models import LedgerEntry
from cases.contact.policy import Request, decide, decide_many
from cases.contact.stops import stop_person, stop_point
from cases.events import CASE_EVENT, ContactStopped
from cases.models import ActionKind, ActionState, CaseState, Channel, Debtor, NextAction
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.models import Brand, Outbox
from numbering.models import SuppressionKind
from tests.support.people import Person, person_of, portfolio_of, put

pytestmark = pytest.mark.db


@pytest.fixture
async def person(database: Database, clock: ManualClock, brand: Brand) -> Person:
    async with database.begin() as session:
        return await person_of(session, clock, await portfolio_of(session, clock, brand))


def request_of(person: Person) -> Request:
    return Request(person.debtor_id, person.case.id, person.debtor.timezone, "+48600700800")


def entry(clock: ManualClock, person: Person) -> LedgerEntry:
    return LedgerEntry(
        id=new_id(clock),
        created_at=clock.now(),
        brand_id=person.case.brand_id,
        debtor_id=person.debtor_id,
        case_id=person.case.id,
        channel=Channel.CALL,
        at=clock.now(),
        source_id=new_id(clock),
    )


async def test_twenty_engines_and_a_cap_of_three(
    database: Database, clock: ManualClock, brand: Brand, person: Person
) -> None:
    async def engine() -> bool:
        async with database.begin() as session:
            await session.exec(select(Debtor).where(Debtor.id == person.debtor_id).with_for_update())
            told = await decide(session, clock, brand, Channel.CALL, request_of(person), {})
            if told.allowed:
                await record_many(session, [entry(clock, person)])
            return told.allowed

    allowed = await asyncio.gather(*(engine() for _ in range(20)))
    assert sum(allowed) == 3


async def test_what_never_reached_the_network_is_given_back(
    database: Database, clock: ManualClock, brand: Brand, person: Person
) -> None:
    rows = [entry(clock, person) for _ in range(3)]
    async with database.begin() as session:
        await record_many(session, rows)
        await record_many(session, rows)  # a repeated message: once
        assert len((await session.exec(select(LedgerEntry))).all()) == 3
        assert not (await decide(session, clock, brand, Channel.CALL, request_of(person), {})).allowed
        await discount(session, [rows[0].source_id, new_id(clock)])
        assert (await decide(session, clock, brand, Channel.CALL, request_of(person), {})).allowed


async def test_a_conversation_begins_the_quiet(
    database: Database, clock: ManualClock, brand: Brand, person: Person
) -> None:
    row = entry(clock, person)
    async with database.begin() as session:
        await record_many(session, [row])
        await mark_conversation(session, row.source_id)
        told = await decide(session, clock, brand, Channel.CALL, request_of(person), {})
        assert told.reasons == ("quiet_period",)
        clock.advance(2 * 86400)
        assert (await decide(session, clock, brand, Channel.CALL, request_of(person), {})).allowed


async def test_as_many_queries_for_many_as_for_one(database: Database, clock: ManualClock, brand: Brand) -> None:
    async with database.begin() as session:
        portfolio = await portfolio_of(session, clock, brand)
        people = [await person_of(session, clock, portfolio, f"K{n}") for n in range(30)]
        people[4].case.state = CaseState.SETTLED
        session.add(people[4].case)
        await record_many(session, [entry(clock, people[7]) for _ in range(3)])
        await stop_point(session, clock, brand.id, SuppressionKind.PHONE, "+48600700801", "asked")
    asked: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *facts: asked.append(facts[2]))
    counts = []
    for size in (1, 30):
        async with database.begin() as session:
            asked.clear()
            told = await decide_many(
                session, clock, brand, Channel.CALL, [request_of(p) for p in people[:size]], {"attempts_per_day": 3}
            )
            counts.append(len(asked))
    assert counts == [3, 3]
    refused = {n: decision.reasons for n, decision in enumerate(told) if not decision.allowed}
    assert refused == {4: ("case_settled",), 7: ("attempts_today",)}


async def test_a_person_who_wants_peace(database: Database, clock: ManualClock, brand: Brand, person: Person) -> None:
    async with database.begin() as session:
        planned = await put(
            session,
            clock,
            NextAction,
            brand_id=brand.id,
            case_id=person.case.id,
            debtor_id=person.debtor_id,
            kind=ActionKind.CALLBACK,
            due_at=clock.now() + timedelta(hours=1),
        )
        await stop_person(session, clock, brand.id, person.debtor_id, "do_not_call")
    async with database.begin() as session:
        assert (await decide(session, clock, brand, Channel.CALL, request_of(person), {})).reasons == (
            "suppressed_debtor",
        )
        assert (await session.get_one(NextAction, planned.id)).state is ActionState.CANCELLED
        told = [CASE_EVENT.validate_python(row.payload) for row in (await session.exec(select(Outbox))).all()]
    assert told == [ContactStopped(brand_id=brand.id, debtor_id=person.debtor_id, reason="do_not_call")]
