"""One row of a creditor's file -> a record that may go in, or every reason why it may not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from cases.importing import fields
from cases.importing.columns import Column
from cases.importing.fields import FieldError
from cases.importing.reader import Line
from cases.importing.reasons import Reason
from numbering.normalise import phones_in

_QUOTED: Final = re.compile(r'="([^"]*)"')  # how spreadsheets are kept from reading a number: ="600700800"
_FORMULA: Final = re.compile(r"[=@]|[+-][^|]*[A-Za-z]\S*[(|!]")
_GUARDED: Final = re.compile(r"'[=+@0-9-]")  # an apostrophe before what a spreadsheet would reckon with


@dataclass(slots=True)
class Record:
    """A valid row.

    ``amount``: minor units; ``phones``: E.164; ``phones`` and ``emails``: without repeats, in the row's order;
    ``bad_phones``: numbers left out beside good ones.
    """

    line: int
    debtor_reference: str = ""
    debt_reference: str = ""
    name: str = ""
    amount: int = 0
    currency: str = "PLN"
    pesel: str | None = None
    nip: str | None = None
    address: str | None = None
    due_on: date | None = None
    title: str | None = None
    phones: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    bad_phones: list[Reason] = field(default_factory=list)


# Elsewhere a line break means that a quotation mark has swallowed the rows below.
_MANY_LINES: Final = frozenset({Column.PHONES, Column.EMAIL, Column.ADDRESS, Column.TITLE})

_Reader = Callable[[str], object]
_READERS: Final[Mapping[Column, _Reader]] = {
    Column.DEBTOR_REFERENCE: fields.reference,
    Column.DEBT_REFERENCE: fields.reference,
    Column.NAME: fields.words,
    Column.FIRST_NAME: fields.words,
    Column.LAST_NAME: fields.words,
    Column.PESEL: fields.pesel,
    Column.NIP: fields.nip,
    Column.EMAIL: fields.email,
    Column.ADDRESS: fields.words,
    Column.POSTCODE: fields.words,
    Column.CITY: fields.words,
    Column.AMOUNT: fields.money,
    Column.CURRENCY: fields.currency,
    Column.DUE_ON: fields.day,
    Column.TITLE: fields.words,
}


class RowReader:
    """Reads the rows of one file, whose columns are known."""

    def __init__(self, headings: Sequence[str], columns: Mapping[int, Column]) -> None:
        self.headings = headings
        self.width = len(headings)
        self._plan = [(i, column, _READERS.get(column)) for i, column in sorted(columns.items())]
        self._heading_of = {column: headings[i] for i, column in columns.items()}

    def read(self, line: Line) -> Record | list[Reason]:
        """The record of a row, or all that is wrong with it."""
        cells = line.cells
        if len(cells) != self.width and not self._fits(cells):
            return [Reason("columns", detail=f"{len(cells)}/{self.width}")]
        found: dict[Column, object] = {}
        reasons: list[Reason] = []
        phones: list[str] = []
        wrong_phones: list[Reason] = []
        emails: list[str] = []
        for index, column, reader in self._plan:
            text = cells[index].strip() if index < len(cells) else ""
            if text and text[0] in "='@+-":
                text = _plain(text)
                if _FORMULA.match(text):
                    reasons.append(Reason("formula", self.headings[index]))
                    continue
            if not text:
                continue
            if "\n" in text and column not in _MANY_LINES:
                reasons.append(Reason("line_break", self.headings[index]))
                continue
            if reader is None:
                self._phones(text, self.headings[index], phones, wrong_phones)
                continue
            try:
                value = reader(text)
            except FieldError as error:
                reasons.append(Reason(str(error), self.headings[index]))
                continue
            if column is Column.EMAIL:
                emails.append(str(value))
            else:
                found[column] = value
        if not phones:
            reasons += wrong_phones
        record = Record(line.number, phones=phones, emails=list(dict.fromkeys(emails)), bad_phones=wrong_phones)
        reasons += self._fill(record, found, {r.column for r in reasons})
        return reasons or record

    def _fits(self, cells: Sequence[str]) -> bool:
        """Whether a row differs from the headings by empty cells at its end only."""
        return not any(cell.strip() for cell in cells[self.width :]) and len(cells) > self._last()

    def _last(self) -> int:
        """The last column a row can't do without."""
        needed = (Column.DEBTOR_REFERENCE, Column.DEBT_REFERENCE, Column.NAME, Column.LAST_NAME, Column.AMOUNT)
        return max(i for i, column, _ in self._plan if column in needed)

    @staticmethod
    def _phones(text: str, heading: str, phones: list[str], wrong: list[Reason]) -> None:
        for one in phones_in(text):
            if one.e164 is None:
                wrong.append(Reason(f"phone_{one.reason}", heading, one.raw[:40]))
            elif one.e164 not in phones:
                phones.append(one.e164)

    def _fill(self, record: Record, found: dict[Column, object], faulty: set[str | None]) -> list[Reason]:
        """Put what was found into the record; what must be there and is not, and has no fault told yet, is missing."""
        reasons = []
        money = found.get(Column.AMOUNT)
        if isinstance(money, fields.Money):
            record.amount = money.amount
            record.currency = money.currency or str(found.get(Column.CURRENCY, "PLN"))
        elif self._heading_of[Column.AMOUNT] not in faulty:
            reasons.append(Reason("missing", self._heading_of[Column.AMOUNT]))
        name = found.get(Column.NAME) or _joined(found, " ", Column.FIRST_NAME, Column.LAST_NAME)
        record.name = str(name or "")
        heading = self._heading_of.get(Column.NAME) or self._heading_of[Column.LAST_NAME]
        if not record.name and heading not in faulty:
            reasons.append(Reason("missing", heading))
        debtor, debt = found.get(Column.DEBTOR_REFERENCE), found.get(Column.DEBT_REFERENCE)
        for column, value in ((Column.DEBTOR_REFERENCE, debtor), (Column.DEBT_REFERENCE, debt)):
            if column in self._heading_of and not value and self._heading_of[column] not in faulty:
                reasons.append(Reason("missing", self._heading_of[column]))
        record.debtor_reference, record.debt_reference = str(debtor or debt or ""), str(debt or debtor or "")
        record.pesel = _optional(found, Column.PESEL)
        record.nip = _optional(found, Column.NIP)
        record.title = _optional(found, Column.TITLE)
        town = _joined(found, " ", Column.POSTCODE, Column.CITY)
        street = _optional(found, Column.ADDRESS)
        record.address = ", ".join(part for part in (street, town) if part) or None
        due = found.get(Column.DUE_ON)
        record.due_on = due if isinstance(due, date) else None
        return reasons


def _plain(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        return quoted[1].strip()
    return text[1:] if _GUARDED.match(text) else text


def _optional(found: Mapping[Column, object], column: Column) -> str | None:
    value = found.get(column)
    return str(value) if value else None


def _joined(found: Mapping[Column, object], by: str, *columns: Column) -> str | None:
    return by.join(str(found[c]) for c in columns if found.get(c)) or None
