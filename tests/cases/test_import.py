"""Files as agencies send them, into the database, every row accounted for."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import openpyxl
import pytest
from sqlmodel import col

from cases.importing.mappings import mapping_named, save_mapping
from cases.models import Case, CaseState, Debt, Debtor, Portfolio
from core.clock import ManualClock
from core.db import Database
from core.ids import instant_of
from core.models import Brand
from tests.support.imports import HEAD, KEYS, ROWS, Importer, account, everything, phones, rejects_of

pytestmark = pytest.mark.db


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1250", "iso8859-2", "utf-16"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
async def test_encodings_and_separators(database: Database, importer: Importer, encoding: str, separator: str) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows(csv.reader(io.StringIO(HEAD + ROWS), delimiter=";"))
    assert account(await importer(out.getvalue(), encoding)) == (2, 2, 0, 0)
    one, two = await everything(database, Debtor, col(Debtor.reference))
    assert (one.name, one.name_key, two.name) == ("Łucja Żak", "lucja zak", 'Firma "ABC" \\ Sp. z o.o.')


async def test_what_goes_in(database: Database, importer: Importer, portfolio: Portfolio, clock: ManualClock) -> None:
    batch = await importer("Raport z dnia;23.11.2026\n\n" + HEAD + ROWS)
    assert account(batch) == (2, 2, 0, 0)
    one, _ = await everything(database, Debtor, col(Debtor.reference))
    assert KEYS.unseal(one.pesel_sealed) == "44051401359"
    assert one.pesel_index == KEYS.blind_index("44051401359")
    assert (one.creditor_id, one.timezone, one.import_id) == (portfolio.creditor_id, "Europe/Warsaw", batch.id)
    assert instant_of(one.id) == pytest.approx(clock.timestamp(), abs=0.001)
    debts = await everything(database, Debt, col(Debt.reference))
    assert [(d.reference, d.amount, d.currency, str(d.due_on)) for d in debts] == [
        ("F/1", 1234_56, "PLN", "2026-11-21"),
        ("F/2", 10_50, "PLN", "2026-11-21"),
    ]
    assert sorted(await phones(database)) == ["+48221234567", "+48600700800", "+48600700801", "+48601701801"]
    cases = await everything(database, Case, col(Case.id))
    assert [(c.state, c.import_id) for c in cases] == [(CaseState.OPEN, batch.id)] * 2


async def test_english_headings_by_a_saved_mapping(
    database: Database, importer: Importer, clock: ManualClock, brand: Brand
) -> None:
    async with database.begin() as session:
        own = {"Ref A": "debtor_reference", "Who": "name", "Sum": "amount"}
        await save_mapping(session, clock, brand.id, "bank", {"Old": "name"})
        await save_mapping(session, clock, brand.id, "bank", own)
    async with database.begin() as session:
        mapping = await mapping_named(session, brand.id, "bank")
    text = 'Ref A,Who,Sum,Mobile\nA1,John Smith,"1,234.50",600700800\n'
    assert account(await importer(text, mapping=mapping)) == (1, 1, 0, 0)
    assert (await everything(database, Debt, col(Debt.id)))[0].amount == 1234_50


async def test_xlsx(database: Database, importer: Importer) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Dane")
    sheet = book["Dane"]
    sheet.append(["Zestawienie wierzytelności"])
    sheet.append([])
    sheet.append(["Nr klienta", "Nazwisko", "Imię", "Telefon", "Kwota", "Termin płatności", "PESEL"])
    sheet.append([1001, "Żak", "Łucja", 600700800, 1234.56, datetime(2026, 11, 21), 44051401359])  # noqa: DTZ001
    sheet.append([1002, "Nowak", "Jan", "600700801", "1 234,56", "21.11.2026", "02270803624"])
    sheet.append([1003, "Nowak", "Ewa", None, None, None, None])
    out = io.BytesIO()
    book.save(out)
    batch = await importer(out.getvalue(), name="plik.dat")  # told by content
    assert account(batch) == (3, 2, 1, 0)
    debtors = await everything(database, Debtor, col(Debtor.reference))
    assert [(d.reference, d.name) for d in debtors] == [("1001", "Łucja Żak"), ("1002", "Jan Nowak")]
    assert {d.amount for d in await everything(database, Debt, col(Debt.id))} == {1234_56}
    assert "6;" in rejects_of(batch)


async def test_bad_rows_with_line_and_every_reason(database: Database, importer: Importer) -> None:
    bad = (
        "K3;Jan Nowak;44051401358;112;;-5;31.02.2026;F/3\n"
        "K4;=cmd|' /C calc'!A0;;600700803;;10;;F/4\n"
        ";\n"
        ";;;;;;;\n"
        "K5;Ewa;;;;;;F/5\n"
        "K6;Ewa;;;\n"
    )
    batch = await importer(HEAD + ROWS + bad, locale="en")
    assert account(batch) == (6, 2, 4, 0)  # two rows are blank
    lines = list(csv.reader(io.StringIO(rejects_of(batch)), delimiter=";"))
    told = {int(line[0]): line[1] for line in lines[1:]}
    assert told[4].split("; ") == [
        "PESEL: PESEL is wrong",
        "Kwota zadłużenia: negative amount",
        "Termin płatności: no such day",
        "Telefon 1: short number (112)",
    ]
    assert told[5] == "Imię i nazwisko: a formula, not a value"
    assert told[8] == "Kwota zadłużenia: value is missing"
    assert told[9].startswith("not as many cells")
    assert lines[2][3] == "'=cmd|' /C calc'!A0"  # harmless when a spreadsheet opens it
    assert [d.reference for d in await everything(database, Debtor, col(Debtor.reference))] == ["K1", "K2"]


async def test_every_row_may_be_bad(database: Database, importer: Importer) -> None:
    assert account(await importer(HEAD + "K1;Jan;;;;brak;;F/1\n" * 3)) == (3, 0, 3, 0)
    assert await everything(database, Debtor, col(Debtor.id)) == []


async def test_a_mended_rejects_file_goes_in(importer: Importer) -> None:
    batch = await importer(HEAD + ROWS + "K3;Jan Nowak;;+48 600 700 803;;brak;;F/3\n")
    assert account(batch) == (3, 2, 1, 0)
    mended = rejects_of(batch).replace("brak", "100,00")
    assert account(await importer(mended)) == (1, 1, 0, 0)


async def test_a_bad_number_beside_a_good_one_is_told(database: Database, importer: Importer) -> None:
    text = HEAD + "K1;Jan;;22 123 45 67;600;1;;F/1\n" + ROWS.splitlines(keepends=True)[1]
    batch = await importer(text, locale="en")
    assert (account(batch), batch.bad_phones) == ((2, 2, 0, 0), 1)
    (line,) = list(csv.reader(io.StringIO(rejects_of(batch)), delimiter=";"))[1:]
    assert line[:3] == ["2", "row accepted without the number: Tel. kom.: short number (600)", "K1"]
    mended = rejects_of(batch).replace(";600;", ";600700800;")
    assert account(await importer(mended, name="mended.csv")) == (1, 0, 0, 1)
    assert "+48600700800" in await phones(database)


async def test_a_quotation_mark_that_swallows_a_row_makes_no_debtor(database: Database, importer: Importer) -> None:
    rest = "".join(f"K{n};Jan;;;;1;;F\n" for n in range(10, 70))
    batch = await importer(HEAD + 'K4;"x\n' + ROWS + rest, locale="en")
    assert account(batch) == (61, 60, 1, 0)
    assert "a line break within the cell" in rejects_of(batch)


async def test_progress_goes_up_to_the_end(importer: Importer) -> None:
    told: list[tuple[int, float]] = []
    text = HEAD + "".join(f"K{n};Jan;;;;1;;F\n" for n in range(5000))
    batch = await importer(text, progress=lambda rows, fraction: told.append((rows, fraction)))
    assert account(batch) == (5000, 5000, 0, 0)
    assert told == sorted(told)
    assert told[-1] == (5000, 1.0)
