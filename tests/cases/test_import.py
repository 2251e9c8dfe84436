"""Files as agencies send them, into the database: whole, accounted for, or not at all."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import zipfile
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import RFC_4122

import openpyxl
import psycopg
import pytest
from sqlalchemy import text
from sqlmodel import col, select

from cases.importing.abandoned import REASON, close_abandoned
from cases.importing.mappings import mapping_named, save_mapping
from cases.importing.service import import_file
from cases.models import (
    ActionKind,
    ActionState,
    Case,
    CaseState,
    ContactKind,
    ContactPoint,
    Debt,
    Debtor,
    ImportBatch,
    ImportState,
    NextAction,
    Portfolio,
)
from core.clock import ManualClock
from core.db import Database
from core.ids import bulk_id_sql, instant_of
from core.jobs import app
from core.models import Brand, Outbox
from core.security import Keys
from core.settings import Settings
from tests.support.people import portfolio_of, put
from tests.support.processes import Processes
from tests.support.until import until

pytestmark = pytest.mark.db

HEAD = "Nr klienta;Imię i nazwisko;PESEL;Telefon 1;Tel. kom.;Kwota zadłużenia;Termin płatności;Nr faktury\n"
ROWS = (
    "K1;Łucja Żak;44051401359;22 123 45 67;600700800;1 234,56;21.11.2026;F/1\n"
    'K2;"Firma ""ABC"" \\ Sp. z o.o.";;600 700 801 lub 601701801;;10,5 zł;2026-11-21;F/2\n'
)
KEYS = Keys(bytes(32), bytes(range(32)))
Importer = Callable[..., Awaitable[ImportBatch]]


@pytest.fixture
async def portfolio(database: Database, clock: ManualClock, brand: Brand) -> Portfolio:
    async with database.begin() as session:
        return await portfolio_of(session, clock, brand)


@pytest.fixture
def importer(database: Database, clock: ManualClock, portfolio: Portfolio, tmp_path: Path) -> Importer:
    """Writes a file and imports it."""

    async def run(content: str | bytes, encoding: str = "utf-8", **options: Any) -> ImportBatch:
        path = tmp_path / options.pop("name", "plik.csv")
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        into = options.pop("into", portfolio)
        return await import_file(database, clock, KEYS, path, into.id, **options)

    return run


def account(batch: ImportBatch) -> tuple[int, int, int, int]:
    assert batch.state is ImportState.DONE, batch.error
    assert batch.rows_in == batch.accepted + batch.rejected + batch.duplicates
    return batch.rows_in, batch.accepted, batch.rejected, batch.duplicates


def rejects_of(batch: ImportBatch) -> str:
    """Text of the rejects file, which only its owner may read."""
    path = Path(str(batch.rejects_file))
    assert path.stat().st_mode & 0o077 == 0
    return path.read_text("utf-8-sig")


def any_rejects(folder: Path) -> bool:
    """Whether a rejects file stands in the folder."""
    return any(folder.glob("rejects-*"))


async def everything(database: Database, table: Any, order: Any) -> list[Any]:
    async with database.begin() as session:
        return list((await session.exec(select(table).order_by(order))).all())


async def phones(database: Database) -> list[str]:
    points = await everything(database, ContactPoint, col(ContactPoint.position))
    return [p.value for p in points if p.kind is ContactKind.PHONE]


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


async def test_a_mended_rejects_file_goes_in(importer: Importer) -> None:
    batch = await importer(HEAD + ROWS + "K3;Jan Nowak;;+48 600 700 803;;brak;;F/3\n")
    assert account(batch) == (3, 2, 1, 0)
    mended = rejects_of(batch).replace("brak", "100,00")
    assert account(await importer(mended)) == (1, 1, 0, 0)


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


def _xlsx() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["Nr klienta", "Nazwisko", "Kwota"])
    for n in range(2000):
        sheet.append([n, "Nowak", n])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _bomb() -> bytes:
    """Declares nothing unusual but unpacks to hundreds of megabytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("xl/sharedStrings.xml", "w", force_zip64=True) as part:
            for _ in range(200):
                part.write(bytes(1 << 20))
    return out.getvalue()


def _damaged_sheet() -> bytes:
    data = _xlsx()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            new.writestr(part.filename, content[: len(content) // 2] if "worksheets" in part.filename else content)
    return out.getvalue()


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "binary": (lambda: bytes(range(256)) * 40, "binary"),
    "random": (lambda: b"\x7fELF" + os.urandom(4000) + bytes(10), "binary"),
    "empty": (bytes, "empty"),
    "blank": (lambda: b"\xef\xbb\xbf\r\n ;;\r\n", "empty"),
    "headings only": (HEAD.encode, "no rows"),
    "no headings": (lambda: b"a;b;c\n1;2;3\n", "headings"),
    "one column": (lambda: b"Kwota\n1\n2\n", "columns"),
    "amount missing": ("Nr klienta;Nazwisko\n1;Żak\n".encode, "amount"),
    "ten thousand columns": (lambda: b";".join(b"c%d" % n for n in range(10_000)) + b"\n", "10000 columns"),
    "ten thousand cells in a row": (lambda: HEAD.encode() + b";" * 20 + b"x;" * 10_000 + b"\n", "columns"),
    "endless line": (lambda: HEAD.encode() + b"a" * (3 << 20), "million characters"),
    "quotation mark never closed": ((HEAD + 'K1;"Jan;1\n' + ROWS * 5).encode, "quotation mark"),
    "cut within a character": (lambda: (HEAD + ROWS).encode() + "K3;Ł".encode()[:-1], "cut off"),
    "mixed encodings": (lambda: (HEAD + ROWS).encode() + "K3;Żółć".encode("cp1250"), "another encoding"),
    "cut XLSX": (lambda: _xlsx()[:-2000], "cut off"),
    "damaged XLSX": (_damaged_sheet, "damaged"),
    "bomb": (_bomb, "refused"),
    "some ZIP": (lambda: _zip_of("a.csv"), "ZIP archive"),
    "old Excel": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel"),
}


def _zip_of(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_file_says_why_and_changes_nothing(
    database: Database, importer: Importer, kind: str, tmp_path: Path
) -> None:
    make, told = BROKEN[kind]
    batch = await importer(make())
    assert batch.state is ImportState.FAILED
    assert told.lower() in str(batch.error).lower()
    assert (batch.rows_in, batch.rejects_file) == (0, None)
    assert await everything(database, Debtor, col(Debtor.id)) == []
    assert not any_rejects(tmp_path)


async def test_a_row_that_breaks_late_takes_all_rows_back(database: Database, importer: Importer) -> None:
    batch = await importer(HEAD + ROWS + "K3;;;;;;;\n" + 'K4;"x\n' + "K5;Jan;;;;1;;F\n" * 200)
    assert batch.state is ImportState.FAILED
    assert await everything(database, Debtor, col(Debtor.id)) == []


async def test_a_quotation_mark_that_swallows_a_row_makes_no_debtor(database: Database, importer: Importer) -> None:
    rest = "".join(f"K{n};Jan;;;;1;;F\n" for n in range(10, 70))
    batch = await importer(HEAD + 'K4;"x\n' + ROWS + rest, locale="en")
    assert account(batch) == (61, 60, 1, 0)
    assert "a line break within the cell" in rejects_of(batch)


async def test_calling_it_off_changes_nothing(
    database: Database, clock: ManualClock, portfolio: Portfolio, tmp_path: Path
) -> None:
    path = tmp_path / "plik.csv"
    path.write_text(HEAD + "".join(f"K{n};Jan;;;;1;;F\n" for n in range(20_000)))
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(rows: int, fraction: float) -> None:
        loop.call_soon_threadsafe(begun.set)

    work = asyncio.ensure_future(import_file(database, clock, KEYS, path, portfolio.id, progress=tell))
    await asyncio.wait_for(begun.wait(), 60)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    (batch,) = await everything(database, ImportBatch, col(ImportBatch.id))
    assert batch.state is ImportState.FAILED
    assert await everything(database, Debtor, col(Debtor.id)) == []


async def test_a_killed_import_is_marked_failed_and_can_be_done_again(
    database: Database,
    settings: Settings,
    portfolio: Portfolio,
    importer: Importer,
    processes: Processes,
    tmp_path: Path,
) -> None:
    path = tmp_path / "plik.csv"
    path.write_text(HEAD + ROWS + "K3;;;;;;;\n", encoding="utf-8")
    assert settings.database_url is not None
    async with await psycopg.AsyncConnection.connect(settings.database_url) as other:
        # As another import of the brand at work would: the child has read its file and waits to merge it.
        lock = "SELECT pg_advisory_xact_lock(hashtextextended('import:' || %s, 0))"
        await other.execute(lock, [str(portfolio.brand_id)])
        child = processes.start("import", str(path), "--portfolio", str(portfolio.id))
        waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

        async def waiting() -> bool:
            assert child.alive, child.tail()
            return bool(await (await other.execute(waits)).fetchall())

        await until(waiting, 60)
        assert any_rejects(tmp_path)
        assert await close_abandoned(database) == [], "it is at work"
        child.kill()
        assert len(await until(lambda: close_abandoned(database), 30)) == 1
    (batch,) = await everything(database, ImportBatch, col(ImportBatch.id))
    assert (batch.state, batch.error, batch.rows_in) == (ImportState.FAILED, REASON, 0)
    assert not any_rejects(tmp_path)
    assert await everything(database, Debtor, col(Debtor.id)) == []
    assert await close_abandoned(database) == []
    assert account(await importer(HEAD + ROWS)) == (2, 2, 0, 0)
    assert account(await importer(HEAD + ROWS)) == (2, 0, 0, 2)


async def test_the_next_import_and_the_worker_close_abandoned_ones(
    database: Database, clock: ManualClock, portfolio: Portfolio, importer: Importer
) -> None:
    left = {"brand_id": portfolio.brand_id, "portfolio_id": portfolio.id, "file_name": "a", "state": "running"}
    async with database.begin() as session:
        abandoned = await put(session, clock, ImportBatch, **left)
    await importer(HEAD + ROWS)
    async with database.begin() as session:
        assert (await session.get_one(ImportBatch, abandoned.id)).state is ImportState.FAILED
    app.perform_import_paths()  # type: ignore[no-untyped-call]
    assert "cases.close_abandoned_imports" in {task.task.name for task in app.periodic_registry.periodic_tasks.values()}


async def test_a_bad_number_beside_a_good_one_is_told(database: Database, importer: Importer) -> None:
    text = HEAD + "K1;Jan;;22 123 45 67;600;1;;F/1\n" + ROWS.splitlines(keepends=True)[1]
    batch = await importer(text, locale="en")
    assert (account(batch), batch.bad_phones) == ((2, 2, 0, 0), 1)
    (line,) = list(csv.reader(io.StringIO(rejects_of(batch)), delimiter=";"))[1:]
    assert line[:3] == ["2", "row accepted without the number: Tel. kom.: short number (600)", "K1"]
    mended = rejects_of(batch).replace(";600;", ";600700800;")
    assert account(await importer(mended, name="mended.csv")) == (1, 0, 0, 1)
    assert "+48600700800" in await phones(database)


async def test_progress_goes_up_to_the_end(importer: Importer) -> None:
    told: list[tuple[int, float]] = []
    text = HEAD + "".join(f"K{n};Jan;;;;1;;F\n" for n in range(5000))
    batch = await importer(text, progress=lambda rows, fraction: told.append((rows, fraction)))
    assert account(batch) == (5000, 5000, 0, 0)
    assert told == sorted(told)
    assert told[-1] == (5000, 1.0)


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
