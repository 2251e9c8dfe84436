"""Files that can't be read, or break off: a clear error, and nothing of them goes in."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from sqlmodel import col

from cases.models import Debtor, ImportState
from core.db import Database
from tests.support.imports import HEAD, ROWS, Importer, any_rejects, everything

pytestmark = pytest.mark.db


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


def _zip_of(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, "x")
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
