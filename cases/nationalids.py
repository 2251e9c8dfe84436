"""Polish identifiers of people and businesses: PESEL and NIP, with their check digits."""

from __future__ import annotations

from typing import Final

_PESEL: Final = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
_NIP: Final = (6, 5, 7, 2, 3, 4, 5, 6, 7)
_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CENTURIES: Final = {0: 1900, 1: 2000, 2: 2100, 3: 2200, 4: 1800}


def valid_pesel(text: str) -> bool:
    """Whether 11 digits are a PESEL: check digit and date of birth (Act of 24 September 2010, art. 15)."""
    if len(text) != 11 or not (text.isascii() and text.isdigit()):
        return False
    digits = [ord(c) - 48 for c in text]
    if (sum(map(int.__mul__, _PESEL, digits)) + digits[10]) % 10:
        return False
    century, month = divmod(digits[2] * 10 + digits[3], 20)
    day = digits[4] * 10 + digits[5]
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1]:
        return False
    year = _CENTURIES[century] + digits[0] * 10 + digits[1]
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return not (month == 2 and day == 29 and not leap)


def valid_nip(text: str) -> bool:
    """Whether 10 digits are a NIP: the weighted sum modulo 11 is the last digit; 10 is never given."""
    if len(text) != 10 or not (text.isascii() and text.isdigit()) or text == "0" * 10:
        return False
    digits = [ord(c) - 48 for c in text]
    return sum(map(int.__mul__, _NIP, digits)) % 11 == digits[9]


def masked(text: str, shown: int = 2) -> str:
    """``text`` with all but its last characters hidden."""
    return "•" * max(0, len(text) - shown) + text[-shown:]
