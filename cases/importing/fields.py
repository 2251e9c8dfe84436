"""Single fields of a creditor's file: text as people and spreadsheets write it -> values, or a reason why not."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from cases.nationalids import valid_nip, valid_pesel

LONGEST_TEXT: Final = 500
LARGEST_AMOUNT: Final = 10**14  # grosz; more is a slip of the keyboard


class FieldError(ValueError):
    """A field can't be read; the argument is a reason code (:mod:`cases.importing.reasons`)."""


class Money(NamedTuple):
    """Minor units, and the currency if the cell named one."""

    amount: int
    currency: str | None


_PLAIN_MONEY: Final = re.compile(r"([0-9]{1,12}|[0-9]{1,3}(?: [0-9]{3}){1,3})(?:[.,]([0-9]{1,2}))?")
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:([ .,'])[0-9]{3})(?:\1[0-9]{3})*(?:(?!\1)[.,]([0-9]{1,2}))?")
_CURRENCY: Final = re.compile(r"(?:(zł(?:\.|otych)?|zl|pln)|(eur|€)|(usd|\$)|(gbp|£)|(chf)|(czk))", re.IGNORECASE)
_CODES: Final = ("PLN", "EUR", "USD", "GBP", "CHF", "CZK")
_DMY: Final = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})(?: r\.?)?")
_YMD: Final = re.compile(r"([0-9]{4})[./-]([0-9]{1,2})[./-]([0-9]{1,2})(?:[ T]00:00(?::00(?:\.0+)?)?)?")
_SERIAL: Final = re.compile(r"([2-7][0-9]{4})(?:\.0)?")
_EXCEL_EPOCH: Final = date(1899, 12, 30)
_EMAIL: Final = re.compile(r"[a-z0-9.!#$%&*+/=?^_`|~-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufeff\s]+")
_NOT_DIGITS: Final = re.compile(r"[\s'-]|\.0$")
_CURRENCY_CODE: Final = re.compile(r"[A-Z]{3}")


def money(text: str) -> Money:
    """``1 234,56``, ``1,234.56``, ``1.234,56 zł``, ``100`` -> grosz. Never guesses: ``1,234`` is ambiguous.

    Raises:
        FieldError: not_a_number, negative, ambiguous_amount, too_large.
    """
    plain = _PLAIN_MONEY.fullmatch(text)
    if plain is not None:
        return Money(_minor(plain[1].replace(" ", ""), plain[2]), None)
    currency, rest = _without_currency(text)
    rest = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", rest).replace("’", "'")).strip()
    rest = re.sub(r"[.,][-–—]{1,2}$", "", rest)  # 100,-
    if rest[:1] in "-−(" and re.search(r"[0-9]", rest):
        raise FieldError("negative")
    rest = rest.removeprefix("+").strip()
    plain = _PLAIN_MONEY.fullmatch(rest)
    if plain is not None:
        return Money(_minor(plain[1].replace(" ", ""), plain[2]), currency)
    grouped = _GROUPED.fullmatch(rest)
    if grouped is None:
        raise FieldError("not_a_number")
    groups = rest.count(grouped[1])
    if grouped[1] in ".," and groups == 1 and grouped[2] is None:
        raise FieldError("ambiguous_amount")
    whole = rest[: grouped.start(2) - 1] if grouped[2] else rest
    amount = _minor(re.sub(r"[^0-9]", "", whole), grouped[2])
    if amount > LARGEST_AMOUNT:
        raise FieldError("too_large")
    return Money(amount, currency)


def _minor(whole: str, decimals: str | None) -> int:
    return int(whole) * 100 + (int(decimals.ljust(2, "0")) if decimals else 0)


def _without_currency(text: str) -> tuple[str | None, str]:
    found = _CURRENCY.search(text)
    if found is None:
        return None, text
    code = _CODES[next(i for i, group in enumerate(found.groups()) if group)]
    return code, text[: found.start()] + " " + text[found.end() :]


@lru_cache(maxsize=20_000)
def day(text: str) -> date:
    """``2026-11-21``, ``21.11.2026``, ``21/11/2026``, or a spreadsheet's day number. Days come before months.

    Raises:
        FieldError: not_a_date, no_such_day.
    """
    ymd, dmy, serial = _YMD.fullmatch(text), _DMY.fullmatch(text), _SERIAL.fullmatch(text)
    try:
        if ymd is not None:
            return date(int(ymd[1]), int(ymd[2]), int(ymd[3]))
        if dmy is not None:
            return date(int(dmy[3]), int(dmy[2]), int(dmy[1]))
    except ValueError:
        raise FieldError("no_such_day") from None
    if serial is not None:
        return _EXCEL_EPOCH + timedelta(days=int(serial[1]))
    raise FieldError("not_a_date")


def pesel(text: str) -> str:
    """Eleven digits; leading zeros a spreadsheet has dropped are put back if the check digit then agrees.

    Raises:
        FieldError: pesel_invalid.
    """
    digits = _digits_only(text)
    if 8 <= len(digits) < 11:
        digits = digits.zfill(11)
    if not valid_pesel(digits):
        raise FieldError("pesel_invalid")
    return digits


def nip(text: str) -> str:
    """Ten digits, with or without ``PL`` and dashes.

    Raises:
        FieldError: nip_invalid.
    """
    digits = _digits_only(text.upper().strip().removeprefix("PL"))
    if not valid_nip(digits):
        raise FieldError("nip_invalid")
    return digits


def _digits_only(text: str) -> str:
    """``text`` without spaces and dashes; ``.0`` of a number column goes too."""
    return text if text.isdecimal() else _NOT_DIGITS.sub("", text)


def email(text: str) -> str:
    """An address in lower case.

    Raises:
        FieldError: email_invalid.
    """
    address = text.strip().lower().removeprefix("mailto:")
    if len(address) > 254 or _EMAIL.fullmatch(address) is None:
        raise FieldError("email_invalid")
    return address


def currency(text: str) -> str:
    """ISO 4217 code: ``zł`` is PLN.

    Raises:
        FieldError: currency_invalid.
    """
    code, rest = _without_currency(text)
    if code is not None and not rest.strip(" ."):
        return code
    if _CURRENCY_CODE.fullmatch(text.strip().upper()) is None:
        raise FieldError("currency_invalid")
    return text.strip().upper()


def words(text: str) -> str:
    """Text on one line, composed (NFC), single spaces, no control characters.

    Raises:
        FieldError: too_long.
    """
    plain = text if text.isascii() else unicodedata.normalize("NFC", text)
    if not plain.isprintable() or "  " in plain:
        plain = _CONTROL.sub(" ", plain)
    plain = plain.strip()
    if len(plain) > LONGEST_TEXT:
        raise FieldError("too_long")
    return plain


def reference(text: str) -> str:
    """A creditor's reference: text; ``.0`` of a number column goes.

    Raises:
        FieldError: too_long.
    """
    plain = words(text)
    return plain[:-2] if plain.endswith(".0") and plain[:-2].isdigit() else plain
