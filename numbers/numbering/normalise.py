"""Telephone numbers as people write them -> E.164 (ITU-T E.164), or the reason why not.

Ranges come from the ``phonenumbers`` metadata. Numbers of the default region, the bulk of any import, are matched
against its compiled patterns directly (microseconds, where the library takes a tenth of a millisecond); all others
go through the library.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType, ValidationResult


class NumberKind(StrEnum):
    """What a number belongs to."""

    MOBILE = "mobile"
    FIXED = "fixed"
    FIXED_OR_MOBILE = "fixed_or_mobile"
    VOIP = "voip"
    TOLL_FREE = "toll_free"
    SHARED_COST = "shared_cost"
    PREMIUM = "premium"
    SHORT = "short"
    OTHER = "other"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """Whether a number may be kept and dialled."""

    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True)
class Found:
    """One number of a cell. ``reason`` (None if valid): ``too_short``, ``too_long``, ``area_code_missing``,
    ``no_such_range``, ``short_number``, ``premium``, ``shared_cost``, ``rounded_by_spreadsheet``, ``no_digits``."""

    raw: str
    e164: str | None
    kind: NumberKind
    verdict: Verdict
    reason: str | None = None


_KINDS: Final = {
    PhoneNumberType.MOBILE: NumberKind.MOBILE,
    PhoneNumberType.FIXED_LINE: NumberKind.FIXED,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: NumberKind.FIXED_OR_MOBILE,
    PhoneNumberType.VOIP: NumberKind.VOIP,
    PhoneNumberType.TOLL_FREE: NumberKind.TOLL_FREE,
    PhoneNumberType.SHARED_COST: NumberKind.SHARED_COST,
    PhoneNumberType.PREMIUM_RATE: NumberKind.PREMIUM,
    PhoneNumberType.UNKNOWN: NumberKind.UNKNOWN,
}
_NEVER: Final = {NumberKind.PREMIUM: "premium", NumberKind.SHARED_COST: "shared_cost"}  # who dials them pays extra
_NONE: Final = frozenset({"brak", "nie ma", "nie podano", "none", "null", "nan", "n/a", "nd", "n/d", "nieznany"})

_SCIENTIFIC: Final = re.compile(r"(?<![\d.,])(\d)[.,](\d+)\s?[eE]\+?(\d{1,2})(?!\d)")
_EXTENSION: Final = re.compile(r"(?:\bwewn?\w*\.?|\bw\.|\bext(?:ension)?\.?|\bx|#)\s*:?\s*\d{1,6}\b", re.IGNORECASE)
_FRACTION: Final = re.compile(r"(?<=\d{7})[.,]0{1,2}(?!\d)")  # 600700800,00: a number column
_APART: Final = re.compile(r"[;,|\n\r\t&]|[^\W\d_]+[.:]*|(?=\+)")
_PLAIN: Final = re.compile(r"(?:\+48|0048|48)?[ -]?([0-9](?:[ -]?[0-9]){8})")  # most cells of most files
_COMMON: Final = re.compile(r"[,;|]")
_LEAST_DIGITS: Final = 7  # a piece with fewer before a slash is an area code: 22/123 45 67


def phones_in(cell: str, region: str = "PL") -> list[Found]:
    """Every number in a cell, in order, each once; an empty cell or one that says "none" has none.

    Several numbers may stand apart by ``, ; / |``, line breaks or words ("lub", "tel.", "kom."). Extensions are
    left out.
    """
    if region == "PL" and (plain := _all_plain(cell)):
        return plain
    text = _clean(cell)
    if not text or text.lower().strip("-. ") in _NONE or not text.strip("-.x/0 "):
        return []
    found: list[Found] = []
    seen: set[str] = set()
    for one in _read_all(text, region):
        if one.e164 is None or one.e164 not in seen:
            found.append(one)
            seen.add(one.e164 or "")
    return found or [Found(cell, None, NumberKind.UNKNOWN, Verdict.INVALID, "no_digits")]


def _all_plain(cell: str) -> list[Found]:
    """The numbers of a cell that holds nothing but plain ones, without repeats; empty if it holds anything else."""
    found: dict[str, Found] = {}
    for piece in _COMMON.split(cell):
        plain = _PLAIN.fullmatch(piece.strip(" "))
        if plain is None:
            return []
        number = plain[1].replace(" ", "").replace("-", "")
        found.setdefault(number, _national(piece.strip(" "), number, "PL"))
    return list(found.values())


def e164(text: str, region: str = "PL") -> str | None:
    """The one valid number that ``text`` is, in E.164; None if it is none, or several."""
    found = phones_in(text, region)
    return found[0].e164 if len(found) == 1 else None


def _clean(cell: str) -> str:
    """Compatibility forms made plain (full-width digits, no-break spaces), other scripts' digits made ASCII."""
    text = cell
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
        text = re.sub(r"[\u2010-\u2015\u2212]", "-", text)
    return re.sub(r"[\"'`´‘’‚“”„=\u200b-\u200f\u202a-\u202e\u2060\ufeff]", "", text).strip()


def _read_all(text: str, region: str) -> Iterator[Found]:
    for match in _SCIENTIFIC.finditer(text):
        if len(match[2]) < int(match[3]):
            yield Found(match[0], None, NumberKind.UNKNOWN, Verdict.INVALID, "rounded_by_spreadsheet")
    text = _SCIENTIFIC.sub(lambda m: m[1] + m[2] if len(m[2]) == int(m[3]) else ";", text)
    text = _FRACTION.sub("", _EXTENSION.sub(" ", text))
    for piece in _APART.split(text):
        for raw in _by_slash(piece.strip(" .:-")):
            if re.search(r"\d", raw):
                yield from (_read(number, region) for number in _side_by_side(raw))


def _by_slash(piece: str) -> list[str]:
    """``22/123 45 67`` is one number, ``600700800/601701801`` are two."""
    parts: list[str] = []
    for part in re.split(r"[/\\]", piece):
        if parts and 0 < _digits(parts[-1]) < _LEAST_DIGITS and _digits(part) >= _LEAST_DIGITS - 1:
            parts[-1] = f"{parts[-1]} {part}"
        else:
            parts.append(part)
    return parts


def _side_by_side(raw: str) -> list[str]:
    """``600 700 800 601 701 801``: groups of digits that fill nine again and again are as many numbers."""
    total = _digits(raw)
    if total < 18 or total % 9 or raw.startswith("+"):
        return [raw]
    numbers, current = [], ""
    for group in re.findall(r"\d+", raw):
        current += group
        if len(current) > 9:
            return [raw]
        if len(current) == 9:
            numbers.append(current)
            current = ""
    return numbers


def _digits(text: str) -> int:
    return sum(c.isdigit() for c in text)


def _read(raw: str, region: str) -> Found:
    """One number as written, with or without its country."""
    digits = re.sub(r"\D", "", raw)
    code = str(phonenumbers.country_code_for_region(region))
    international = raw.startswith(("+", "(+"))
    if digits.startswith("00") and len(digits) > 9:
        international, digits = True, digits[2:]
    if not international and region == "PL":
        digits = _without_trunk_zero(digits)
        if len(digits) == 11 and digits.startswith(code):
            international = True
    if international and digits.startswith(code) and region == "PL":
        return _national(raw, _without_trunk_zero(digits[len(code) :]), region)
    if not international and region == "PL":
        return _national(raw, digits, region)
    return _by_library(raw, f"+{digits}" if international else digits, region)


def _without_trunk_zero(digits: str) -> str:
    """0-22 123 45 67: the old trunk prefix, still written."""
    return digits[1:] if digits.startswith("0") and len(digits) in (10, 12) else digits


def _national(raw: str, number: str, region: str) -> Found:
    """A national significant number of Poland."""
    if len(number) != 9:
        kind = NumberKind.SHORT if 3 <= len(number) <= 6 else NumberKind.UNKNOWN
        reasons = {7: "area_code_missing", 8: "too_short"}
        reason = (
            "too_long"
            if len(number) > 9
            else reasons.get(len(number), "short_number" if len(number) > 2 else "too_short")
        )
        return Found(raw, None, kind, Verdict.INVALID, reason)
    kind = _kind(number, region)
    if kind is NumberKind.UNKNOWN:
        return Found(raw, None, kind, Verdict.INVALID, "no_such_range")
    return _kept(raw, f"+48{number}", kind)


def _kept(raw: str, number: str, kind: NumberKind) -> Found:
    if kind in _NEVER:
        return Found(raw, None, kind, Verdict.INVALID, _NEVER[kind])
    return Found(raw, number, kind, Verdict.VALID)


def _kind(number: str, region: str) -> NumberKind:
    general, by_kind = _patterns(region)
    found = by_kind.fullmatch(number) if general.fullmatch(number) else None
    return NumberKind(found.lastgroup) if found and found.lastgroup else NumberKind.UNKNOWN


@lru_cache(maxsize=8)
def _patterns(region: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The region's general pattern, and one whose group is the kind: the first that fits, in the library's order."""
    data = PhoneMetadata.metadata_for_region(region)
    if data is None or data.general_desc is None or not data.general_desc.national_number_pattern:
        raise ValueError(f"no numbering plan for region {region}")
    others = (data.personal_number, data.pager, data.uan, data.voicemail)
    order = (
        (NumberKind.PREMIUM, (data.premium_rate,)),
        (NumberKind.TOLL_FREE, (data.toll_free,)),
        (NumberKind.SHARED_COST, (data.shared_cost,)),
        (NumberKind.VOIP, (data.voip,)),
        (NumberKind.OTHER, others),
        (NumberKind.FIXED, (data.fixed_line,)),
        (NumberKind.MOBILE, (data.mobile,)),
    )
    by_kind = "|".join(
        f"(?P<{kind}>{'|'.join(patterns)})"
        for kind, plans in order
        if (patterns := [p.national_number_pattern for p in plans if p is not None and p.national_number_pattern])
    )
    return re.compile(data.general_desc.national_number_pattern), re.compile(by_kind)


def _by_library(raw: str, text: str, region: str) -> Found:
    """A number of another country, or of a region without a path of its own."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        too_long = error.error_type == phonenumbers.NumberParseException.TOO_LONG
        return Found(raw, None, NumberKind.UNKNOWN, Verdict.INVALID, "too_long" if too_long else "too_short")
    if not phonenumbers.is_valid_number(number):
        why = phonenumbers.is_possible_number_with_reason(number)
        reasons = {
            ValidationResult.TOO_SHORT: "too_short",
            ValidationResult.TOO_LONG: "too_long",
            ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "area_code_missing",
        }
        return Found(raw, None, NumberKind.UNKNOWN, Verdict.INVALID, reasons.get(why, "no_such_range"))
    kind = _KINDS.get(phonenumbers.number_type(number), NumberKind.OTHER)
    return _kept(raw, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), kind)
