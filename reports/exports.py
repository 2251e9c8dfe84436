"""Reports as files: CSV in the dialects spreadsheets open here, and XLSX; both streamed, both safe to open.

A cell that begins as a formula would be run by the spreadsheet that opens it; such text gets an apostrophe in front
(OWASP, "CSV injection"). In XLSX text is written as text, which no spreadsheet runs.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from sqlmodel.ext.asyncio.session import AsyncSession

from reports.calls import CHUNK, Call, every
from reports.statistics import COLUMNS, GROUPS, Line, Scope, by, total

MOST_CALLS: Final = 200_000  # calls one workbook is made for; the CSV has no bound
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Text = Callable[[str], str]  # puts a heading or code into the reader's language


@dataclass(frozen=True)
class Dialect:
    """How a CSV is written. ``mark``: byte order mark, by which Excel knows UTF-8."""

    delimiter: str
    decimal: str
    mark: bool = True


DIALECTS: Final = {"pl": Dialect(";", ","), "en": Dialect(",", ".")}

CALL_COLUMNS: Final = (
    "id", "time", "campaign", "debtor", "reference", "phone", "caller_id", "outcome", "disposition", "agent",
    "answered", "live", "reached", "abandoned", "ring_seconds", "wait_seconds", "talk_seconds", "sip_code",
)  # fmt: skip


def safe(value: Any) -> Any:
    """``value``, unable to run as a formula. Telephone numbers keep their plus: digits alone do no harm."""
    if isinstance(value, str) and value.startswith(FORMULA) and not _is_number(value):
        return f"'{value}"
    return value


def call_cells(call: Call, zone: str, outcome: Text, language: str) -> list[Any]:
    """A call as one row under :data:`CALL_COLUMNS`; truth is 1 or 0, so that a column's sum is its count."""
    given = call.disposition
    return [
        str(call.id),
        call.at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0),
        call.campaign,
        call.debtor,
        call.reference,
        call.phone,
        call.caller_id,
        outcome(call.outcome or ""),
        (given.name_pl if language == "pl" else given.name_en) if given else None,
        call.agent,
        int(call.answered),
        int(call.live),
        int(call.reached),
        int(call.abandoned),
        call.ring_seconds,
        call.wait_seconds,
        call.talk_seconds,
        call.sip_code,
    ]


def line_cells(line: Line, key: Any) -> list[Any]:
    """A group's figures as one row under ``key``, the counted columns and the contact rate."""
    return [key, *(getattr(line, name) for name in COLUMNS), line.contact_rate]


async def calls_csv(
    session: AsyncSession, scope: Scope, dialect: Dialect, outcome: Text, heading: Text, language: str
) -> AsyncIterator[bytes]:
    """The call log as CSV, in pieces of about a thousand rows."""
    yield csv_bytes([[heading(name) for name in CALL_COLUMNS]], dialect, first=True)
    rows: list[list[Any]] = []
    async for call in every(session, scope):
        rows.append(call_cells(call, scope.zone, outcome, language))
        if len(rows) == CHUNK:
            yield csv_bytes(rows, dialect)
            rows = []
    if rows:
        yield csv_bytes(rows, dialect)


async def statistics_csv(
    session: AsyncSession, scope: Scope, group: str, dialect: Dialect, outcome: Text, heading: Text
) -> bytes:
    """One table of statistics as CSV, with its total."""
    rows = await statistics_rows(session, scope, group, outcome, heading)
    return csv_bytes(rows, dialect, first=True)


async def statistics_rows(
    session: AsyncSession, scope: Scope, group: str, outcome: Text, heading: Text
) -> list[list[Any]]:
    """Heading, groups, total."""
    lines = await by(session, scope, group)
    rows = [[heading(group), *(heading(name) for name in COLUMNS), heading("contact_rate")]]
    rows += [line_cells(line, outcome(line.key or "") if group == "outcome" else line.key) for line in lines]
    return [*rows, line_cells(await total(session, scope), heading("total"))]


def csv_bytes(rows: Iterable[Sequence[Any]], dialect: Dialect, *, first: bool = False) -> bytes:
    """Rows as CSV bytes; ``first``: with the byte order mark."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=dialect.delimiter, lineterminator="\r\n")
    writer.writerows([[_plain(value, dialect) for value in row] for row in rows])
    return (("\ufeff" if first and dialect.mark else "") + text.getvalue()).encode()


async def write_xlsx(
    session: AsyncSession, scope: Scope, path: Path, outcome: Text, heading: Text, language: str
) -> None:
    """Statistics by every group and the whole call log in one workbook at ``path``.

    Rows go to a file as they come. The caller sees to it that there are no more than :data:`MOST_CALLS`.
    """
    book = Workbook(write_only=True)
    for group in GROUPS:
        sheet = book.create_sheet(heading(f"by_{group}"))
        for number, row in enumerate(await statistics_rows(session, scope, group, outcome, heading)):
            sheet.append(_xlsx_row(sheet, row, bold=number == 0))
    sheet = book.create_sheet(heading("calls"))
    sheet.freeze_panes = "A2"
    sheet.append(_xlsx_row(sheet, [heading(name) for name in CALL_COLUMNS], bold=True))

    def put(rows: list[list[Any]]) -> None:
        for row in rows:
            sheet.append(_xlsx_row(sheet, row))

    rows: list[list[Any]] = []
    async for call in every(session, scope):
        rows.append(call_cells(call, scope.zone, outcome, language))
        if len(rows) == CHUNK:
            await asyncio.to_thread(put, rows)  # the pages of others go on meanwhile
            rows = []
    await asyncio.to_thread(put, rows)
    await asyncio.to_thread(book.save, path)


def _xlsx_row(sheet: Any, row: Sequence[Any], *, bold: bool = False) -> list[Any]:
    cells = []
    for value in row:
        cell = WriteOnlyCell(sheet, value)
        if isinstance(value, str):
            cell.data_type = "s"  # never a formula, whatever it begins with
        if bold:
            cell.font = Font(bold=True)
        cells.append(cell)
    return cells


def _plain(value: Any, dialect: Dialect) -> Any:
    if isinstance(value, float):
        return f"{value:.2f}".replace(".", dialect.decimal)
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    return "" if value is None else safe(value)


def _is_number(text: str) -> bool:
    return text[:1] in "+-" and text[1:].isdigit()
