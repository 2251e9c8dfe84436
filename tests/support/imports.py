"""A creditor's file as an agency sends it, and what an import of it has left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from cases.models import ContactKind, ContactPoint, ImportBatch, ImportState
from core.db import Database
from core.security import Keys

HEAD = "Nr klienta;Imię i nazwisko;PESEL;Telefon 1;Tel. kom.;Kwota zadłużenia;Termin płatności;Nr faktury\n"
ROWS = (
    "K1;Łucja Żak;44051401359;22 123 45 67;600700800;1 234,56;21.11.2026;F/1\n"
    'K2;"Firma ""ABC"" \\ Sp. z o.o.";;600 700 801 lub 601701801;;10,5 zł;2026-11-21;F/2\n'
)
KEYS = Keys(bytes(32), bytes(range(32)))
Importer = Callable[..., Awaitable[ImportBatch]]
"""Writes a file with the content given and imports it: :func:`tests.cases.conftest.importer`."""


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
