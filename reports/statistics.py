"""Contact-rate statistics, counted from the attempts: the call log and every table of them are one truth.

* *dials*: rows of the call log, whatever came of them;
* *answered*: the 200 came;
* *live*: answered by a person, or undecided in time and so counted as one;
* *reached*: bridged to an agent;
* *right party*: the agent says that the debtor was spoken to;
* *abandoned*: live, and no agent in time.

The contact rate is live per 100 dials; the reach rate is reached per 100 dials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Integer, String, and_, cast, extract, func, select, type_coerce
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from core.ids import lowest_id_at
from dialer.agents.models import Disposition
from dialer.attempts.models import Attempt
from dialer.campaigns.models import Campaign
from reports.figures import percent
from reports.query import run

COLUMNS: Final = ("dials", "answered", "live", "reached", "right_party", "abandoned")


@dataclass(frozen=True)
class Scope:
    """Which attempts: whole days of a zone, first and last included, and maybe of one campaign or outcome.

    ``outcome`` ``""``: still up; None: any.
    """

    first: date
    last: date
    zone: str = "Europe/Warsaw"
    campaign_id: UUID | None = None
    outcome: str | None = None

    @property
    def begin(self) -> datetime:
        """The first instant inside."""
        return datetime.combine(self.first, time(), ZoneInfo(self.zone))

    @property
    def end(self) -> datetime:
        """The first instant after."""
        return datetime.combine(self.last + timedelta(days=1), time(), ZoneInfo(self.zone))

    def conditions(self) -> list[ColumnElement[bool]]:
        """The scope in SQL. The id's bound lets PostgreSQL leave out whole months."""
        found = [
            col(Attempt.id) >= lowest_id_at(self.begin - timedelta(seconds=1)),
            col(Attempt.id) < lowest_id_at(self.end + timedelta(seconds=1)),
            col(Attempt.created_at) >= self.begin,
            col(Attempt.created_at) < self.end,
        ]
        if self.campaign_id is not None:
            found.append(col(Attempt.campaign_id) == self.campaign_id)
        if self.outcome == "":
            found.append(col(Attempt.outcome).is_(None))
        elif self.outcome is not None:
            found.append(col(Attempt.outcome) == self.outcome)
        return found


@dataclass(frozen=True)
class Line:
    """Figures of one group. ``key``: campaign's name, hour 0..23, or outcome's code (None: still up)."""

    key: Any
    dials: int
    answered: int
    live: int
    reached: int
    right_party: int
    abandoned: int

    @property
    def contact_rate(self) -> float:
        """Live per 100 dials."""
        return percent(self.live, self.dials)

    @property
    def reach_rate(self) -> float:
        """Reached an agent per 100 dials."""
        return percent(self.reached, self.dials)

    @property
    def abandoned_rate(self) -> float:
        """Abandoned per 100 live."""
        return percent(self.abandoned, self.live)


def _hour(scope: Scope) -> ColumnElement[Any]:
    return cast(extract("hour", func.timezone(scope.zone, col(Attempt.created_at))), Integer)


GROUPS: Final[dict[str, Callable[[Scope], ColumnElement[Any]]]] = {
    "campaign": lambda _: cast(col(Campaign.name), String),
    "hour": _hour,
    "outcome": lambda _: type_coerce(col(Attempt.outcome), String),
}


async def by(session: AsyncSession, scope: Scope, group: str) -> list[Line]:
    """Figures by one of :data:`GROUPS`; hours in their order, the rest with most dials first."""
    key = GROUPS[group](scope)
    rows = await run(
        session,
        select(key, *_counts())
        .select_from(Attempt)
        .join(Campaign, col(Campaign.id) == col(Attempt.campaign_id))
        .outerjoin(Disposition, col(Disposition.id) == col(Attempt.disposition_id))
        .where(*scope.conditions())
        .group_by(key),
    )
    lines = [Line(row[0] if row[0] is None or group == "hour" else str(row[0]), *row[1:]) for row in rows]
    if group == "hour":
        return sorted(lines, key=lambda line: line.key)
    return sorted(lines, key=lambda line: (-line.dials, str(line.key)))


async def total(session: AsyncSession, scope: Scope) -> Line:
    """The figures of all attempts in the scope."""
    row = (
        await run(
            session,
            select(*_counts())
            .select_from(Attempt)
            .outerjoin(Disposition, col(Disposition.id) == col(Attempt.disposition_id))
            .where(*scope.conditions()),
        )
    ).one()
    return Line(None, *row)


def _counts() -> list[ColumnElement[int]]:
    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(condition)

    return [
        func.count(),
        number(col(Attempt.answered_at).is_not(None)),
        number(col(Attempt.live).is_(True)),
        number(col(Attempt.bridged_at).is_not(None)),
        number(and_(col(Attempt.bridged_at).is_not(None), col(Disposition.right_party).is_(True))),
        number(col(Attempt.abandoned).is_(True)),
    ]
