"""Policy packs: the rules of contact as data, with their figures and where they come from.

The readings of law are working assumptions; the operator's counsel sets each figure. A campaign can tighten a pack
(:func:`tightened`), never loosen it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time
from enum import StrEnum
from typing import Any, Final

from cases.contact.hours import DAYS, Hours, Span
from cases.models import Channel


class Per(StrEnum):
    """Whom a cap counts for."""

    PERSON = "person"
    CASE = "case"


@dataclass(frozen=True)
class Cap:
    """At most ``limit`` outgoing contacts on ``channels`` within ``days`` calendar days of the debtor's zone, today
    included. ``limit`` None: the pack knows no such cap."""

    code: str
    channels: frozenset[Channel]
    limit: int | None
    days: int
    per: Per


@dataclass(frozen=True)
class Quiet:
    """After a conversation no contact on ``channels`` about the case for ``days`` calendar days; its day is day 1."""

    channels: frozenset[Channel]
    days: int
    code: str = "quiet_period"


@dataclass(frozen=True)
class LiveCalls:
    """Bounds on live-answered calls, which the dialer and the pacing keep."""

    abandoned_pct: float
    abandoned_days: int  # over so many days, per campaign
    patience_ms: int  # an agent, or the message, within this time of the greeting's end
    ring_seconds: int  # ring at least so long
    rest_hours: int | None = None  # after an abandoned call, unless an agent is guaranteed


@dataclass(frozen=True)
class Pack:
    """All rules of a legal setting. ``sources``: figure -> where it comes from."""

    code: str
    version: str
    title: str
    hours: Hours
    caps: tuple[Cap, ...]
    quiet: Quiet
    live: LiveCalls
    sources: Mapping[str, str]


class PolicyError(ValueError):
    """A campaign's figures can't be read; the text says which and what is expected."""


_VOICE: Final = frozenset({Channel.CALL, Channel.VOICE_MESSAGE})
_RINGING: Final = _VOICE | {Channel.SMS, Channel.FAX}
_ELECTRONIC: Final = _RINGING | {Channel.EMAIL}

_TODAY = Cap("attempts_today", _VOICE, None, 1, Per.PERSON)
_WEEK = Cap("attempts_7_days", _VOICE, None, 7, Per.CASE)
_YARDSTICK = LiveCalls(abandoned_pct=3.0, abandoned_days=1, patience_ms=2000, ring_seconds=15, rest_hours=72)
_OFCOM = "Ofcom statements on persistent misuse, 2006-2010; since March 2017 no safe harbour, lower is better"


def _span(start: int, end: int) -> Span:
    return time(start), time(end)


_PL = Pack(
    code="pl",
    version="2026-11",
    title="Poland",
    hours=Hours(_RINGING, (*[_span(8, 20)] * 5, _span(9, 15), None), country="PL"),
    caps=(replace(_TODAY, limit=3), replace(_WEEK, limit=7)),
    quiet=Quiet(_VOICE, days=2),
    live=_YARDSTICK,
    sources={
        "hours": "Ours. ZPF/KPF code of practice (older text): weekdays 6-22, weekends 8-20 only if no other way",
        "attempts_today": "Ours. No statutory number; must not be burdensome (UOKiK RGD-2/2018, RKT-09/2011)",
        "attempts_7_days": "Ours. No statutory number; must not be burdensome (UOKiK RGD-2/2018, RKT-09/2011)",
        "quiet_period": "Ours: none on the day of a conversation and the day after",
        "live": _OFCOM,
    },
)

_UK = Pack(
    code="uk",
    version="2026-11",
    title="United Kingdom",
    hours=Hours(_RINGING, (*[_span(8, 20)] * 5, _span(9, 15), None), country="GB"),
    caps=(replace(_TODAY, limit=3), replace(_WEEK, limit=7)),
    quiet=Quiet(_VOICE, days=2),
    live=_YARDSTICK,
    sources={
        "hours": "Ours: no statutory hours",
        "attempts_today": "Ours: no statutory number",
        "attempts_7_days": "Ours: no statutory number",
        "quiet_period": "Ours",
        "live": _OFCOM,
    },
)

_US_REG_F = Pack(
    code="us_reg_f",
    version="2026-11",
    title="United States, Regulation F",
    hours=Hours(_ELECTRONIC, (_span(8, 21),) * 7),
    caps=(_TODAY, replace(_WEEK, limit=7)),
    quiet=Quiet(_VOICE, days=7),
    live=LiveCalls(abandoned_pct=3.0, abandoned_days=30, patience_ms=2000, ring_seconds=15),
    sources={
        "hours": "12 CFR 1006.6(b)(1)",
        "attempts_7_days": "12 CFR 1006.14(b)(2)(i)(A): calls and voice messages, not those that never connect",
        "quiet_period": "12 CFR 1006.14(b)(2)(i)(B): the day of the conversation is day 1",
        "live": "16 CFR 310.4(b)(4)",
    },
)

_US_TSR = Pack(
    code="us_tsr",
    version="2026-11",
    title="United States, Telemarketing Sales Rule",
    hours=Hours(_VOICE, (_span(8, 21),) * 7),
    caps=(_TODAY, _WEEK),
    quiet=Quiet(_VOICE, days=0),
    live=LiveCalls(abandoned_pct=3.0, abandoned_days=30, patience_ms=2000, ring_seconds=15),
    sources={"hours": "16 CFR 310.4(c)", "live": "16 CFR 310.4(b)(4)"},
)

PACKS: Final[Mapping[str, Pack]] = {pack.code: pack for pack in (_PL, _UK, _US_REG_F, _US_TSR)}

# What a campaign can tighten: its word for a figure -> the rule's code.
_CAP_FIGURES: Final = {"attempts_per_day": "attempts_today", "attempts_per_7_days": "attempts_7_days"}
FIGURES: Final = (*_CAP_FIGURES, "quiet_days", "hours")


def pack_of(code: str) -> Pack:
    """The pack of that code.

    Raises:
        PolicyError: there is none.
    """
    try:
        return PACKS[code]
    except KeyError:
        raise PolicyError(f"No policy pack «{code}»; there are {', '.join(PACKS)}.") from None


def tightened(pack: Pack, figures: Mapping[str, Any]) -> Pack:
    """``pack`` with a campaign's figures where they are stricter; a looser figure changes nothing.

    Figures: ``attempts_per_day``, ``attempts_per_7_days``, ``quiet_days`` (whole numbers) and ``hours``
    (``{"mon": ["09:00", "17:00"], "sat": null, ...}``; days not named stay as in the pack).

    Raises:
        PolicyError: an unknown figure, or one that can't be read.
    """
    if not figures:
        return pack
    unknown = [name for name in figures if name not in FIGURES]
    if unknown:
        raise PolicyError(f"Unknown figures: {', '.join(sorted(unknown))}; known are {', '.join(FIGURES)}.")
    numbers = {name: _count(name, value) for name, value in figures.items() if name != "hours" and value is not None}
    limits = {code: numbers[name] for name, code in _CAP_FIGURES.items() if name in numbers}
    caps = tuple(replace(cap, limit=_least(cap.limit, limits.get(cap.code))) for cap in pack.caps)
    quiet = replace(pack.quiet, days=max(pack.quiet.days, numbers.get("quiet_days", 0)))
    hours = pack.hours.within(_hours(pack.hours, figures["hours"])) if figures.get("hours") else pack.hours
    return replace(pack, caps=caps, quiet=quiet, hours=hours)


def _least(one: int | None, two: int | None) -> int | None:
    given = [n for n in (one, two) if n is not None]
    return min(given, default=None)


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 365:
        raise PolicyError(f"{name} must be a whole number from 0 to 365, not {value!r}.")
    return value


def _hours(pack: Hours, given: Any) -> Hours:
    if not isinstance(given, Mapping) or not set(given) <= set(DAYS):
        raise PolicyError(f"hours must name days ({', '.join(DAYS)}) with [from, to] or null.")
    week = tuple(_day(day, given[day]) if day in given else pack.week[i] for i, day in enumerate(DAYS))
    return replace(pack, week=week)


def _day(day: str, given: Any) -> Span | None:
    if given is None:
        return None
    try:
        start, end = (time.fromisoformat(text) for text in given)
    except (TypeError, ValueError):
        raise PolicyError(f'hours of {day} must be ["HH:MM", "HH:MM"] or null, not {given!r}.') from None
    if start >= end or start.tzinfo is not None or end.tzinfo is not None:
        raise PolicyError(f"hours of {day} must end after they begin.")
    return start, end
