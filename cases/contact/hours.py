"""Calling hours: when the rules let us contact somebody, by the clock on their wall."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from cases.models import Channel

Span = tuple[time, time]  # from, up to but not including
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FAR = 31  # days looked ahead for an opening; public holidays never close a month


@dataclass(frozen=True)
class Hours:
    """Hours per weekday (Monday first; None: closed) for some channels. ``country``: whose public holidays close."""

    channels: frozenset[Channel]
    week: tuple[Span | None, ...]
    country: str | None = None

    def span(self, day: date) -> Span | None:
        """The hours of a day, None if it is closed."""
        if self.country is not None and day in public_holidays(self.country, day.year):
            return None
        return self.week[day.weekday()]

    def open_at(self, instant: datetime, zone: ZoneInfo) -> bool:
        """Whether ``instant`` is inside the hours in ``zone``."""
        local = instant.astimezone(zone)
        span = self.span(local.date())
        return span is not None and span[0] <= local.time() < span[1]

    def next_open(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        """The first instant from ``instant`` on that is inside the hours; None if there is none within a month."""
        if self.open_at(instant, zone):
            return instant
        first = instant.astimezone(zone).date()
        for ahead in range(_FAR):
            day = first + timedelta(days=ahead)
            span = self.span(day)
            if span is None:
                continue
            # An opening inside the spring gap is passed through UTC: the wall clock then shows the hour after it.
            opening = at(day, span[0], zone, instant)
            if opening >= instant and self.open_at(opening, zone):
                return opening
        return None

    def within(self, other: Hours) -> Hours:
        """The hours both allow; channels of this one."""
        week = tuple(_both(mine, its) for mine, its in zip(self.week, other.week, strict=True))
        return Hours(self.channels, week, self.country or other.country)


def at(day: date, wall: time, zone: ZoneInfo, like: datetime) -> datetime:
    """The instant at which the clock in ``zone`` shows ``wall`` on ``day``, in the time zone of ``like``."""
    return datetime.combine(day, wall, zone).astimezone(like.tzinfo)


def midnight(day: date, zone: ZoneInfo, like: datetime) -> datetime:
    """The instant at which ``day`` begins in ``zone``."""
    return at(day, time(), zone, like)


@lru_cache(maxsize=64)
def public_holidays(country: str, year: int) -> frozenset[date]:
    """Public holidays of a country (ISO 3166 code) in a year."""
    return frozenset(holidays.country_holidays(country, years=year))


@lru_cache(maxsize=512)
def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of that name, None if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, a folder of the database
        return None


def _both(one: Span | None, two: Span | None) -> Span | None:
    if one is None or two is None:
        return None
    start, end = max(one[0], two[0]), min(one[1], two[1])
    return (start, end) if start < end else None
