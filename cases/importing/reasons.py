"""Why a row is rejected, in words: Polish and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Reason(NamedTuple):
    """One fault of a row. ``column``: the heading, None for the row as a whole; ``detail``: e.g. the number meant."""

    code: str
    column: str | None = None
    detail: str = ""


TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("brak wartości", "value is missing"),
    "formula": ("formuła zamiast wartości", "a formula, not a value"),
    "line_break": ("złamany wiersz w komórce", "a line break within the cell"),
    "columns": ("inna liczba kolumn niż w nagłówku", "not as many cells as headings"),
    "too_long": ("za długi tekst", "text is too long"),
    "too_large": ("kwota jest za duża", "amount is too large"),
    "not_a_number": ("to nie jest kwota", "not an amount"),
    "negative": ("kwota ujemna", "negative amount"),
    "ambiguous_amount": ("kwota niejednoznaczna (tysiące czy grosze?)", "ambiguous amount (thousands or decimals?)"),
    "not_a_date": ("to nie jest data", "not a date"),
    "no_such_day": ("nie ma takiego dnia", "no such day"),
    "pesel_invalid": ("błędny PESEL", "PESEL is wrong"),
    "nip_invalid": ("błędny NIP", "NIP is wrong"),
    "email_invalid": ("błędny adres e-mail", "e-mail address is wrong"),
    "currency_invalid": ("nieznana waluta", "unknown currency"),
    "phone_too_short": ("numer za krótki", "number is too short"),
    "phone_too_long": ("numer za długi", "number is too long"),
    "phone_area_code_missing": ("brak numeru kierunkowego", "area code is missing"),
    "phone_no_such_range": ("nie ma takiego numeru", "no such number range"),
    "phone_short_number": ("numer skrócony", "short number"),
    "phone_premium": ("numer o podwyższonej opłacie", "premium-rate number"),
    "phone_shared_cost": ("numer o podzielonej opłacie", "shared-cost number"),
    "phone_rounded_by_spreadsheet": ("arkusz zaokrąglił numer", "a spreadsheet has rounded the number"),
    "phone_no_digits": ("to nie jest numer telefonu", "not a telephone number"),
}


def in_words(reason: Reason, locale: str) -> str:
    """ "heading: what is wrong (detail)"."""
    text = TEXTS[reason.code][0 if locale.startswith("pl") else 1]
    named = f"{reason.column}: {text}" if reason.column else text
    return f"{named} ({reason.detail})" if reason.detail else named
