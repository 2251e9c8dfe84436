"""How a number is written towards a trunk, and which numbers are never dialled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

from dialer.trunks.models import NumberFormat

# Kinds of numbers that cost the caller extra or reach nobody in particular: never a debtor's own telephone.
NEVER: Final = frozenset(
    {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.UAN, PhoneNumberType.VOICEMAIL}
)
# Polish ranges for premium services (0-70x, 0-30x, 0-40x); the library's table follows the regulator's with a delay.
POLISH_PREMIUM: Final = ("+4870", "+48300", "+48400")
SHORTEST: Final = 8  # digits with country code; what is shorter is an emergency or short number


def why_not(e164: str, allowed_prefixes: Iterable[str]) -> str | None:
    """Why a trunk must not dial a number: ``format``, ``foreign``, ``premium``, ``short``; None if it may.

    ``allowed_prefixes`` are E.164 prefixes (``+48``). Premium-rate, shared-cost, emergency and short numbers are
    refused whatever the prefixes say.
    """
    if not e164.startswith("+") or not e164[1:].isdigit() or len(e164) > 16:
        return "format"
    if len(e164) - 1 < SHORTEST:
        return "short"
    if not any(prefix and e164.startswith(prefix) for prefix in allowed_prefixes):
        return "foreign"
    if e164.startswith(POLISH_PREMIUM):
        return "premium"
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return "format"
    if not phonenumbers.is_possible_number(number):
        return "short"
    return "premium" if phonenumbers.number_type(number) in NEVER else None


def written(e164: str, form: NumberFormat) -> str:
    """An E.164 number as the trunk wants it in the request URI.

    NATIONAL leaves the country code out and puts the country's trunk prefix before the rest (0 in Poland).
    """
    if form is NumberFormat.PLUS:
        return e164
    if form is NumberFormat.DIGITS:
        return e164[1:]
    if form is NumberFormat.ZEROS:
        return f"00{e164[1:]}"
    number = phonenumbers.parse(e164)
    return f"0{phonenumbers.national_significant_number(number)}"
