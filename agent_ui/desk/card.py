"""The debtor's card on the desk: what ``cases.card`` knows, and how each call of its timeline ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_ui.context import Site
from cases.card import Card, TimelineLine, card_of
from dialer.agents.models import Agent, Disposition
from dialer.attempts.models import Attempt


@dataclass(frozen=True)
class CallLine:
    """What the calling floor knows of one call on the timeline."""

    attempt: Attempt
    disposition: Disposition | None
    agent: str | None


@dataclass(frozen=True)
class DeskCard:
    """A card with its calls, by attempt."""

    card: Card
    calls: Mapping[UUID, CallLine]

    def call(self, line: TimelineLine) -> CallLine | None:
        """The call behind a line of the timeline."""
        return self.calls.get(line.attempt_id) if line.attempt_id else None

    @property
    def currency(self) -> str:
        """The currency most is owed in."""
        return max(self.card.balances, key=lambda c: self.card.balances[c], default="PLN")


async def load_card(session: AsyncSession, site: Site, case_id: UUID, tighten: Mapping[str, Any]) -> DeskCard:
    """The card of a case.

    Args:
        tighten: the campaign's contact policy over the brand's pack.

    Raises:
        NoCardError: no such case in the session's brands.
    """
    card = await card_of(session, case_id, clock=site.clock, keys=site.keys, tighten=tighten)
    ids = [line.attempt_id for line in card.timeline if line.attempt_id]
    rows = await session.exec(
        select(Attempt, Disposition, Agent.name)
        .outerjoin(Disposition, col(Disposition.id) == Attempt.disposition_id)
        .outerjoin(Agent, col(Agent.id) == Attempt.agent_id)
        .where(col(Attempt.id).in_(ids))
    )
    calls = {attempt.id: CallLine(attempt, given, agent) for attempt, given, agent in rows.all()}
    return DeskCard(card, calls)
