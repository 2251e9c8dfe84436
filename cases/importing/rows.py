"""One row of a creditor's file -> a record that may go in, or every reason why it may not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

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
        self._plan = [(i, column, _READERS.get(column), headings[i]) for i, column in sorted(columns.items())]
        self._heading_of = {column: headings[i] for i, column in columns.items()}
        self._amount = self._heading_of[Column.AMOUNT]
        self._name = self._heading_of.get(Column.NAME) or self._heading_of[Column.LAST_NAME]
        references = (Column.DEBTOR_REFERENCE, Column.DEBT_REFERENCE)
        self._references = [(c, self._heading_of[c]) for c in references if c in self._heading_of]
        needed = (*references, Column.NAME, Column.LAST_NAME, Column.AMOUNT)
        self._last = max(i for i, column in columns.items() if column in needed)  # no row can do without it

    def read(self, line: Line) -> Record | list[Reason]:
        """The record of a row, or all that is wrong with it."""
        cells = line.cells
        if len(cells) != self.width:
            if not self._fits(cells):
                return [Reason("columns", detail=f"{len(cells)}/{self.width}")]
            cells = [*cells, *[""] * (self.width - len(cells))]
        found: dict[Column, object] = {}
        reasons: list[Reason] = []
        phones: list[str] = []
        wrong_phones: list[Reason] = []
        emails: list[str] = []
        for index, column, reader, heading in self._plan:
            text = cells[index].strip()
            if not text:
                continue
            if text[0] in "='@+-":
                text = _plain(text)
                if _FORMULA.match(text):
                    reasons.append(Reason("formula", heading))
                    continue
                if not text:
                    continue
            if "\n" in text and column not in _MANY_LINES:
                reasons.append(Reason("line_break", heading))
            elif reader is None:
                self._phones(text, heading, phones, wrong_phones)
            else:
                try:
                    found[column] = value = reader(text)
                except FieldError as error:
                    reasons.append(Reason(str(error), heading))
                    continue
                if column is Column.EMAIL and value not in emails:
                    emails.append(str(value))
        if not phones:
            reasons += wrong_phones
        record = Record(line.number, phones=phones, emails=emails, bad_phones=wrong_phones)
        self._fill(record, found, reasons)
        return reasons or record

    def _fits(self, cells: Sequence[str]) -> bool:
        """Whether a row differs from the headings by empty cells at its end only."""
        return not any(cell.strip() for cell in cells[self.width :]) and len(cells) > self._last

    @staticmethod
    def _phones(text: str, heading: str, phones: list[str], wrong: list[Reason]) -> None:
        for one in phones_in(text):
            if one.e164 is None:
                wrong.append(Reason(f"phone_{one.reason}", heading, one.raw[:40]))
            elif one.e164 not in phones:
                phones.append(one.e164)

    def _fill(self, record: Record, found: Mapping[Column, Any], reasons: list[Reason]) -> None:
        """Put what was found into the record; what must be there and is not, and has no fault told yet, is missing."""
        missing = []
        get = found.get
        money = get(Column.AMOUNT)
        if money is not None:
            record.amount = money.amount
            record.currency = money.currency or get(Column.CURRENCY, "PLN")
        else:
            missing.append(self._amount)
        record.name = get(Column.NAME) or _joined(" ", get(Column.FIRST_NAME), get(Column.LAST_NAME)) or ""
        if not record.name:
            missing.append(self._name)
        missing += [heading for column, heading in self._references if not get(column)]
        if missing:
            faulty = {reason.column for reason in reasons}
            reasons += [Reason("missing", heading) for heading in missing if heading not in faulty]
        debtor, debt = get(Column.DEBTOR_REFERENCE), get(Column.DEBT_REFERENCE)
        record.debtor_reference, record.debt_reference = debtor or debt or "", debt or debtor or ""
        record.pesel, record.nip, record.title = get(Column.PESEL), get(Column.NIP), get(Column.TITLE) or None
        town = _joined(" ", get(Column.POSTCODE), get(Column.CITY))
        record.address = _joined(", ", get(Column.ADDRESS), town)
        record.due_on = get(Column.DUE_ON)


def _plain(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        return quoted[1].strip()
    return text[1:] if _GUARDED.match(text) else text


def _joined(by: str, first: str | None, second: str | None) -> str | None:
    """Both texts, or the one there is."""
    return f"{first}{by}{second}" if first and second else first or second or None
