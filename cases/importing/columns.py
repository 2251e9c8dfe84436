"""Which column of a file is which field: by heading, Polish or English, or by a saved mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from cases.names import name_key


class Column(StrEnum):
    """Fields a column can hold. ``phones`` and ``email`` may stand in several columns; ``ignore``: in none of ours."""

    DEBTOR_REFERENCE = "debtor_reference"
    DEBT_REFERENCE = "debt_reference"
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    PESEL = "pesel"
    NIP = "nip"
    PHONES = "phones"
    EMAIL = "email"
    ADDRESS = "address"
    POSTCODE = "postcode"
    CITY = "city"
    AMOUNT = "amount"
    CURRENCY = "currency"
    DUE_ON = "due_on"
    TITLE = "title"
    IGNORE = "ignore"


SEVERAL: Final = frozenset({Column.PHONES, Column.EMAIL, Column.IGNORE})


class MappingError(ValueError):
    """The columns can't be told; the text says what is missing or double, and what was found."""


# Headings as name_key() makes them.
_HEADINGS: Final[Mapping[Column, tuple[str, ...]]] = {
    Column.DEBTOR_REFERENCE: (
        "nr klienta", "numer klienta", "id klienta", "klient id", "nr dluznika", "numer dluznika", "id dluznika",
        "kod klienta", "nr kontrahenta", "id kontrahenta", "debtor reference", "debtor ref", "debtor id",
        "debtor number", "customer number", "customer id", "customer reference", "customer no", "client id",
        "client number", "account number", "account no", "reference",
    ),
    Column.DEBT_REFERENCE: (
        "nr faktury", "numer faktury", "faktura", "nr umowy", "numer umowy", "umowa", "nr sprawy", "numer sprawy",
        "sygnatura", "id sprawy", "nr dokumentu", "numer dokumentu", "nr wierzytelnosci", "id wierzytelnosci",
        "nr pozyczki", "debt reference", "debt ref", "debt id", "invoice", "invoice number", "invoice no",
        "contract number", "contract no", "contract", "case number", "case id", "loan id", "loan number", "claim id",
        "document number",
    ),
    Column.NAME: (
        "imie i nazwisko", "nazwisko i imie", "dluznik", "nazwa", "nazwa dluznika", "klient", "nazwa klienta",
        "kontrahent", "nazwa firmy", "firma", "name", "full name", "debtor", "debtor name", "customer",
        "customer name", "client name", "company", "company name",
    ),
    Column.FIRST_NAME: ("imie", "pierwsze imie", "first name", "given name", "forename"),
    Column.LAST_NAME: ("nazwisko", "last name", "surname", "family name"),
    Column.PESEL: ("pesel", "nr pesel", "numer pesel", "national id", "pesel no"),
    Column.NIP: ("nip", "nr nip", "numer nip", "tax id", "vat number", "vat id", "tax number"),
    Column.EMAIL: ("email", "e mail", "mail", "adres email", "adres e mail", "email address", "e mail address"),
    Column.ADDRESS: (
        "adres", "ulica", "ulica i numer", "adres korespondencyjny", "adres zamieszkania", "adres zameldowania",
        "address", "street", "street address", "mailing address", "address line 1",
    ),
    Column.POSTCODE: ("kod pocztowy", "kod", "postcode", "postal code", "zip", "zip code"),
    Column.CITY: ("miasto", "miejscowosc", "poczta", "city", "town"),
    Column.AMOUNT: (
        "kwota", "kwota zadluzenia", "zadluzenie", "saldo", "do zaplaty", "kwota do zaplaty", "naleznosc",
        "kwota dlugu", "wartosc", "kwota brutto", "kapital", "kwota glowna", "suma", "dlug", "kwota wierzytelnosci",
        "kwota pln", "kwota zl", "saldo pln", "amount", "debt amount", "amount due", "balance", "outstanding", "debt",
        "outstanding balance", "total", "total due", "principal", "amount pln",
    ),
    Column.CURRENCY: ("waluta", "kod waluty", "currency", "currency code"),
    Column.DUE_ON: (
        "termin platnosci", "termin zaplaty", "data wymagalnosci", "wymagalnosc", "termin", "data platnosci",
        "data zapadalnosci", "termin wymagalnosci", "due date", "due on", "due", "payment due", "maturity date",
    ),
    Column.TITLE: (
        "tytul", "opis", "tytulem", "rodzaj", "produkt", "rodzaj wierzytelnosci", "tytul wierzytelnosci", "title",
        "description", "product", "debt type", "type",
    ),
}  # fmt: skip
_KNOWN: Final = {heading: column for column, headings in _HEADINGS.items() for heading in headings}
_PHONE: Final = re.compile(
    r"(?:(?:nr|numer|number) )?(?:tel|telefon|telefony|telefonu|tel kom|kom|komorka|komorkowy|phone|phones|mobile|cell"
    r"|telephone|msisdn|gsm)(?: \w+)*"
)


def recognise(heading: str) -> Column | None:
    """The field a heading means by itself: ``Nr faktury``, ``Telefon 2``, ``Amount due``."""
    key = name_key(heading.replace("_", " "))
    if not key:
        return None
    bare = re.sub(r" (?:pln|zl|eur)$| \d$", "", key)
    found = _KNOWN.get(key) or _KNOWN.get(bare)
    if found is None and (_PHONE.fullmatch(key) or _PHONE.fullmatch(re.sub(r"(?<=[a-z])\d+$", "", key))):
        found = Column.PHONES
    return found


def columns_of(headings: Sequence[str], mapping: Mapping[str, str] | None = None) -> dict[int, Column]:
    """Field of each column, by position; unknown columns are left out.

    Args:
        mapping: heading -> field, of a saved mapping; goes before what headings mean by themselves.

    Raises:
        MappingError: a field twice, one that is needed missing, or a mapping that names an unknown field or heading.
    """
    own = _own(mapping or {})
    columns: dict[int, Column] = {}
    at: dict[Column, str] = {}
    for index, heading in enumerate(headings):
        column = own.pop(name_key(heading), None) or recognise(heading)
        if column is None or column is Column.IGNORE:
            continue
        if column in at and column not in SEVERAL:
            raise MappingError(f"Two columns for {column}: «{at[column]}» and «{heading}»; say by a mapping which one.")
        columns[index], at[column] = column, heading
    if own:
        raise MappingError(f"The mapping names columns the file does not have: {', '.join(sorted(own))}.")
    missing = []
    if not at.keys() & {Column.DEBTOR_REFERENCE, Column.DEBT_REFERENCE}:
        missing.append("debtor_reference or debt_reference")
    if not at.keys() & {Column.NAME, Column.LAST_NAME}:
        missing.append("name")
    if Column.AMOUNT not in at:
        missing.append("amount")
    if missing:
        seen = ", ".join(f"«{h}»" for h in headings[:30] if h.strip())
        raise MappingError(f"No column for {', '.join(missing)} among {seen}; name it by a mapping.")
    return columns


def _own(mapping: Mapping[str, str]) -> dict[str, Column]:
    try:
        return {name_key(heading): Column(field) for heading, field in mapping.items()}
    except ValueError as error:
        raise MappingError(f"Unknown field in the mapping: {error}; known are {', '.join(Column)}.") from None


def looks_like_header(cells: Sequence[str], mapping: Mapping[str, str] | None = None) -> bool:
    """Whether at least two cells are headings we know or the mapping names."""
    named = {name_key(heading) for heading in mapping or {}}
    return sum(1 for cell in cells if cell.strip() and (recognise(cell) or name_key(cell) in named)) >= 2
