"""Payments, settlement, search and the card."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import select

from cases import search
from cases.card import NoCardError, card_of
from cases.contact.ledger import record_many
from cases.contact.models import LedgerEntry
from cases.events import CASE_EVENT, CaseSettled
from cases.models import (
    ActionKind,
    ActionState,
    CaseState,
    Channel,
    Debt,
    Debtor,
    Direction,
    Interaction,
    NextAction,
    Payment,
)
from cases.search import find
from cases.settlement import SettlementError, balance, balances, record_payment
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.models import Brand, Outbox
from core.security import Keys
from numbering.models import SuppressionKind
from numbering.suppression import suppress
from tests.support.people import Person, person_of, portfolio_of, put

pytestmark = pytest.mark.db

KEYS = Keys(bytes(32), bytes(range(32)))
PESEL = "44051401359"


@pytest.fixture
async def person(database: Database, clock: ManualClock, brand: Brand) -> Person:
    async with database.begin() as session:
        return await person_of(
            session,
            clock,
            await portfolio_of(session, clock, brand),
            phones=("+48600700800", "+48221234567"),
            amounts=(100_00, 50_00),
            name="Łucja Żak-Nowa",
            name_key="lucja zak nowa",
            pesel_sealed=KEYS.seal(PESEL),
            pesel_index=KEYS.blind_index(PESEL),
            nip="5260250995",
        )


async def test_the_last_payment_settles(database: Database, clock: ManualClock, brand: Brand, person: Person) -> None:
    async with database.begin() as session:
        values = {"brand_id": brand.id, "case_id": person.case.id, "debtor_id": person.debtor_id}
        due = clock.now() + timedelta(days=1)
        planned = await put(session, clock, NextAction, kind=ActionKind.CALLBACK, due_at=due, **values)
        await record_payment(session, clock, person.case.id, 149_99, source="bank")
        assert await balance(session, person.case.id) == 1
        assert (await session.get_one(NextAction, planned.id)).state is ActionState.PLANNED
        await record_payment(session, clock, person.case.id, 1)
        await record_payment(session, clock, person.case.id, 500)  # paid too much: settled already
    async with database.begin() as session:
        case = await session.get_one(type(person.case), person.case.id)
        assert case.state is CaseState.SETTLED
        assert (await session.get_one(NextAction, planned.id)).state is ActionState.CANCELLED
        assert await balance(session, case.id) == -500
        told = [CASE_EVENT.validate_python(row.payload) for row in (await session.exec(select(Outbox))).all()]
    assert told == [CaseSettled(**values)]


async def test_payments_that_cannot_be(database: Database, clock: ManualClock, brand: Brand, person: Person) -> None:
    async with database.begin() as session:
        for amount, currency in ((0, "PLN"), (-1, "PLN"), (1, "EUR")):
            with pytest.raises(SettlementError):
                await record_payment(session, clock, person.case.id, amount, currency=currency)
        with pytest.raises(SettlementError):
            await record_payment(session, clock, new_id(clock), 1)
        with pytest.raises(SettlementError):
            await record_payment(session, clock, person.case.id, 1, debt_id=new_id(clock))
        await put(
            session, clock, Debt, brand_id=brand.id, case_id=person.case.id, reference="E", amount=5, currency="EUR"
        )
        assert await balances(session, person.case.id) == {"PLN": 150_00, "EUR": 5}
        with pytest.raises(SettlementError):
            await balance(session, person.case.id)
        assert (await session.exec(select(Payment))).all() == []


@pytest.mark.parametrize(
    ("query", "by"),
    [
        (PESEL, "pesel"),
        ("440514-01359", "pesel"),
        ("526-025-09-95", "nip"),
        ("600 700 800", "phone"),
        ("22 123 45 67", "phone"),
        ("K1", "reference"),
        ("F/2", "reference"),
        ("żak", "name"),
        ("nowa łucja", "name"),
        ("LUCJ", "name"),
    ],
)
async def test_search(database: Database, person: Person, query: str, by: str) -> None:
    async with database.begin() as session:
        (hit,) = await find(session, KEYS, query)
    assert (hit.debtor_id, hit.case_ids, hit.by) == (person.debtor_id, (person.case.id,), by)


@pytest.mark.parametrize("query", ["", "  ", "ucja", "600700801", "44051401358", "%", "_"])
async def test_search_finds_nobody(database: Database, person: Person, query: str) -> None:
    async with database.begin() as session:
        assert await find(session, KEYS, query) == []


async def test_people_of_other_brands_take_no_place_among_those_of_a_name(
    database: Database, clock: ManualClock, brand: Brand, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST_NAMED", 1)
    async with database.begin() as session:
        other = await put(session, clock, Brand, name="Inny", callback_number="+48221230001")
        for n in range(3):
            values = {"brand_id": other.id, "reference": f"X{n}", "name": "Łucja Żak", "name_key": "lucja zak"}
            await put(session, clock, Debtor, **values)
    async with database.begin(brands=[brand.id]) as session:
        assert [hit.debtor_id for hit in await find(session, KEYS, "łucja")] == [person.debtor_id]


async def test_search_stays_within_the_brands(database: Database, clock: ManualClock, person: Person) -> None:
    async with database.begin(brands=[new_id(clock)]) as session:
        for query in (PESEL, "600700800", "K1", "żak"):
            assert await find(session, KEYS, query) == []
        with pytest.raises(NoCardError):
            await card_of(session, person.case.id, clock=clock)


async def test_the_card(database: Database, clock: ManualClock, brand: Brand, person: Person) -> None:
    now = clock.now()
    attempt, silent = new_id(clock), new_id(clock)
    async with database.begin() as session:
        base = {"brand_id": brand.id, "debtor_id": person.debtor_id}
        paid_on = date(2026, 11, 20)
        await record_payment(session, clock, person.case.id, 120_00, paid_on=paid_on, source="bank")
        await put(
            session,
            clock,
            Interaction,
            channel=Channel.CALL,
            direction=Direction.OUT,
            at=now - timedelta(hours=1),
            attempt_id=attempt,
            summary="obiecał",
            **base,
        )
        rows = [
            LedgerEntry(
                id=new_id(clock),
                created_at=now,
                case_id=person.case.id,
                channel=Channel.CALL,
                at=now - timedelta(hours=hours),
                source_id=source,
                **base,
            )
            for hours, source in ((1, attempt), (2, silent))
        ]
        await record_many(session, rows)
        await put(
            session, clock, NextAction, case_id=person.case.id, kind=ActionKind.CALL, due_at=now, note="rano", **base
        )
        await suppress(session, clock, brand.id, SuppressionKind.PHONE, "+48221234567", "wrong_party")
    async with database.begin() as session:
        card = await card_of(session, person.case.id, clock=clock, keys=KEYS, tighten={"attempts_per_day": 3})
        hidden = await card_of(session, person.case.id, clock=clock)
    assert (card.name, card.pesel_masked, hidden.pesel_masked) == ("Łucja Żak-Nowa", "•••••••••59", "•" * 11)
    assert (card.creditor, card.portfolio, dict(card.balances)) == ("Bank Przykład", "2026-11", {"PLN": 30_00})
    assert [(d.paid, d.balance) for d in card.debts] == [(100_00, 0), (20_00, 30_00)]
    assert [d.days_overdue for d in card.debts] == [53, 52]
    assert [(p.paid_on, p.amount) for p in card.payments] == [(paid_on, 120_00)]
    assert [(p.value, p.policy.reasons) for p in card.phones] == [
        ("+48600700800", ()),
        ("+48221234567", ("suppressed_phone",)),
    ]
    assert [(line.attempt_id, line.summary) for line in card.timeline] == [(attempt, "obiecał"), (silent, "")]
    assert [a.note for a in card.next_actions] == ["rano"]
    assert card.policy.allowed
    assert card.policy.figures["attempts_today"] == 2
