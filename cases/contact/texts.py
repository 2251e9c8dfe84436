"""Reason codes in words, Polish and English: why somebody is not contacted now, and when next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from cases.contact.policy import PolicyDecision

# code -> (Polish, English). Names in braces come from the decision's figures.
TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "case_on_hold": ("sprawa wstrzymana", "case on hold"),
    "case_settled": ("sprawa spłacona", "case settled"),
    "case_closed": ("sprawa zamknięta", "case closed"),
    "no_case": ("nie ma takiej sprawy", "no such case"),
    "suppressed_phone": ("numer zastrzeżony ({suppressed})", "number suppressed ({suppressed})"),
    "suppressed_email": ("adres e-mail zastrzeżony ({suppressed})", "e-mail suppressed ({suppressed})"),
    "suppressed_debtor": ("dłużnik zastrzeżony ({suppressed})", "debtor suppressed ({suppressed})"),
    "zone_unknown": ("nieznana strefa czasowa dłużnika", "debtor's time zone unknown"),
    "outside_window": ("poza godzinami kontaktu", "outside contact hours"),
    "attempts_today": (
        "wykonano {attempts_today} z {attempts_today_limit} prób dzisiaj",
        "{attempts_today} of {attempts_today_limit} attempts today",
    ),
    "attempts_7_days": (
        "wykonano {attempts_7_days} z {attempts_7_days_limit} prób w ciągu 7 dni",
        "{attempts_7_days} of {attempts_7_days_limit} attempts in 7 days",
    ),
    "quiet_period": ("okres ciszy po rozmowie", "quiet period after a conversation"),
}
_ALLOWED: Final = ("można się kontaktować", "contact allowed")
_NEXT: Final = ("następny kontakt możliwy {}", "next allowed {}")


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def reason_text(code: str, locale: str, figures: Mapping[str, Any] | None = None) -> str:
    """A reason code in words; a code that is not in the table is given back as it is."""
    texts = TEXTS.get(code)
    return texts[_column(locale)].format_map(_Known(figures or {})) if texts else code


def explain(decision: PolicyDecision, locale: str, zone: ZoneInfo) -> str:
    """The whole decision in one line: "3 of 3 attempts today, next allowed 2026-11-24 08:00"."""
    column = _column(locale)
    if decision.allowed:
        return _ALLOWED[column]
    parts = [reason_text(code, locale, decision.figures) for code in decision.reasons]
    if decision.next_allowed is not None:
        parts.append(_NEXT[column].format(_local(decision.next_allowed, zone)))
    return ", ".join(parts)


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _column(locale: str) -> int:
    return 0 if locale.startswith("pl") else 1
