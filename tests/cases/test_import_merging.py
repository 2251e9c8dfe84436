"""Rows that speak of debtors and claims that are there, or of the same ones twice: a reference is one debtor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import RFC_4122

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from cases.importing import load
from cases.importing.service import import_file
from cases.models import ActionKind, ActionState, Case, CaseState, ContactPoint, Debt, Debtor, NextAction, Portfolio
from core.clock import ManualClock
from core.db import Database
from core.ids import bulk_id_sql, instant_of
from core.models import Brand, Outbox
from tests.support.imports import HEAD, KEYS, ROWS, Importer, account, everything
from tests.support.people import portfolio_of, put

pytestmark = pytest.mark.db

WRITTEN = text("""
    SELECT d.reference, d.name, c.state,
           (SELECT string_agg(e.reference || ' ' || e.amount, ', ' ORDER BY e.id) FROM debt e WHERE e.case_id = c.id),
           (SELECT string_agg(q.position || ' ' || right(q.value, 3), ', ' ORDER BY q.position)
            FROM contact_point q WHERE q.debtor_id = d.id)
    FROM debt_case c JOIN debtor d ON d.id = c.debtor_id WHERE c.portfolio_id = :portfolio ORDER BY d.reference
""")


async def test_the_same_again_is_a_duplicate(database: Database, importer: Importer) -> None:
    assert account(await importer(HEAD + ROWS + ROWS)) == (4, 2, 0, 2)
    again = await importer(HEAD + ROWS)
    assert account(again) == (2, 0, 0, 2)
    assert len(await everything(database, Debtor, col(Debtor.id))) == 2
    assert {c.import_id for c in await everything(database, Case, col(Case.id))} == {again.id}


async def test_a_duplicate_brings_new_phones_and_wipes_nothing_out(database: Database, importer: Importer) -> None:
    await importer(HEAD + ROWS)
    assert account(await importer(HEAD + "K1;Łucja Żak;;602702802, 600700800;;1234.56;;F/1\n")) == (1, 0, 0, 1)
    (one, _) = await everything(database, Debtor, col(Debtor.reference))
    assert one.pesel_index is not None
    async with database.begin() as session:
        points = await session.exec(
            select(ContactPoint.value).where(ContactPoint.debtor_id == one.id).order_by(col(ContactPoint.position))
        )
        assert list(points) == ["+48221234567", "+48600700800", "+48602702802"]


async def test_changed_content_updates(database: Database, importer: Importer) -> None:
    await importer(HEAD + ROWS)
    changed = "K1;Łucja Żak-Nowa;;;;999,00;;F/1\nK1;Łucja Żak-Nowa;;;;5,00;;F/9\n"
    assert account(await importer(HEAD + changed)) == (2, 2, 0, 0)
    debts = await everything(database, Debt, col(Debt.reference))
    assert [(d.reference, d.amount) for d in debts] == [("F/1", 999_00), ("F/2", 10_50), ("F/9", 5_00)]
    assert str(debts[0].due_on) == "2026-11-21"
    assert (await everything(database, Debtor, col(Debtor.reference)))[0].name == "Łucja Żak-Nowa"
    assert len(await everything(database, Case, col(Case.id))) == 2


async def test_two_creditors_may_use_one_number(
    database: Database, importer: Importer, clock: ManualClock, brand: Brand
) -> None:
    async with database.begin() as session:
        other = await portfolio_of(session, clock, brand, "Telekom Przykład")
    await importer(HEAD + ROWS)
    assert account(await importer(HEAD + "K1;Adam Inny;;;;1;;F/1\n", into=other)) == (1, 1, 0, 0)
    names = [d.name for d in await everything(database, Debtor, col(Debtor.name_key)) if d.reference == "K1"]
    assert names == ["Adam Inny", "Łucja Żak"]


async def test_a_claim_fallen_to_nothing_settles_and_a_new_one_opens(
    database: Database, importer: Importer, clock: ManualClock, brand: Brand
) -> None:
    await importer(HEAD + ROWS)
    first = (await everything(database, Case, col(Case.id)))[0]
    async with database.begin() as session:
        planned = await put(
            session,
            clock,
            NextAction,
            brand_id=brand.id,
            case_id=first.id,
            debtor_id=first.debtor_id,
            kind=ActionKind.CALL,
            due_at=clock.now(),
        )
    await importer(HEAD + "K1;Łucja Żak;;;;0,00;;F/1\n")
    async with database.begin() as session:
        assert (await session.get_one(Case, first.id)).state is CaseState.SETTLED
        assert (await session.get_one(NextAction, planned.id)).state is ActionState.CANCELLED
        told = (await session.exec(select(Outbox).where(Outbox.stream == "cases"))).all()
    assert [row.payload["case_id"] for row in told] == [str(first.id)]
    await importer(HEAD + "K1;Łucja Żak;;;;50,00;;F/7\n")
    async with database.begin() as session:
        assert (await session.get_one(Case, first.id)).state is CaseState.OPEN


async def test_rows_of_a_debtor_that_lie_far_apart(
    database: Database, importer: Importer, clock: ManualClock, brand: Brand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debtors are written some lines at a time: it makes no difference to what stands there in the end."""
    rows = [f"K{n};Osoba {n};;60070080{n};;{n},00;;F/{n}\n" for n in range(1, 8)]
    far = "K1;Nowe Nazwisko;;601701802, 600700801;;5,00;;F/1\nK2;Osoba 2;;601701803;;9,00;;F/9\n" + rows[0]
    content = HEAD + "".join(rows) + far
    changed = HEAD + "".join(rows[2:]).replace("7,00", "0,00") + far.replace("701802", "701811")
    found = []
    for lines in (load.SLICE, 2):
        monkeypatch.setattr(load, "SLICE", lines)
        async with database.begin() as session:
            into = await portfolio_of(session, clock, brand, f"{lines} wierszy")
        accounts = [account(await importer(text, into=into)) for text in (content, content, changed)]
        async with database.begin() as session:
            rows_written = await (await session.connection()).execute(WRITTEN, {"portfolio": into.id})
            found.append((accounts, [tuple(row) for row in rows_written.all()]))
    assert found[0] == found[1]
    accounts, written = found[0]
    assert accounts == [(10, 10, 0, 0), (10, 2, 0, 8), (8, 3, 0, 5)]
    assert written[0] == ("K1", "Osoba 1", "open", "F/1 100", "0 801, 1 802, 2 811")
    assert [row[2] for row in written] == ["open"] * 6 + ["settled"]


async def test_two_imports_of_the_same_debtors_at_once(
    database: Database, clock: ManualClock, portfolio: Portfolio, tmp_path: Path
) -> None:
    path = tmp_path / "plik.csv"
    path.write_text(HEAD + ROWS, encoding="utf-8")
    both = await asyncio.gather(
        *(import_file(database, clock, KEYS, path, portfolio.id, rejects_dir=tmp_path / str(n)) for n in range(2))
    )
    assert sorted(account(batch) for batch in both) == [(2, 0, 0, 2), (2, 2, 0, 0)]
    assert len(await everything(database, Debtor, col(Debtor.id))) == 2


async def test_ids_of_a_bulk_insert_rise_with_its_rows(database: Database) -> None:
    made = bulk_id_sql("1700000000000", "n")
    async with database.begin() as session:
        rows = await session.exec(text(f"SELECT {made} FROM generate_series(0, 9000) n ORDER BY n"))  # type: ignore[call-overload]
        ids = [row[0] for row in rows.all()]
    assert ids == sorted(set(ids))
    assert {(one.version, one.variant, instant_of(one)) for one in ids} == {(7, RFC_4122, 1_700_000_000.0)}
