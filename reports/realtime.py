"""The floor at this moment: agents by state, calls by state, and how a campaign's day goes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from core.ids import lowest_id_at
from dialer.agents.models import Agent, AgentSession, PauseReason
from dialer.attempts.models import Attempt
from dialer.campaigns.models import Campaign, Lead
from reports.figures import percent
from reports.query import run


@dataclass
class Counters:
    """A campaign now (``agents``, ``calls``, ``leads``: by state) and since ``since`` (the rest)."""

    campaign: Campaign
    agents: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    leads: dict[str, int] = field(default_factory=dict)
    dials: int = 0
    answered: int = 0
    live: int = 0
    bridged: int = 0
    abandoned: int = 0

    @property
    def abandoned_pct(self) -> float:
        """Abandoned per 100 live."""
        return percent(self.abandoned, self.live)


@dataclass(frozen=True)
class AgentNow:
    """An agent on shift."""

    session: AgentSession
    name: str
    campaign: str
    pause: PauseReason | None = None


async def counters(session: AsyncSession, since: datetime, campaign_id: UUID | None = None) -> list[Counters]:
    """One :class:`Counters` per campaign (or only of the one given), running ones first; five queries in all."""
    query = select(Campaign)
    if campaign_id is not None:
        query = query.where(col(Campaign.id) == campaign_id)
    found = {row.id: Counters(row) for row in (await run(session, query)).scalars()}
    ids = list(found)
    agents = await run(
        session,
        select(col(AgentSession.campaign_id), col(AgentSession.state), func.count())
        .where(col(AgentSession.ended_at).is_(None), col(AgentSession.campaign_id).in_(ids))
        .group_by(col(AgentSession.campaign_id), col(AgentSession.state)),
    )
    for campaign, state, number in agents:
        found[campaign].agents[str(state)] = number
    calls = await run(
        session,
        select(col(Attempt.campaign_id), col(Attempt.state), func.count())
        .where(col(Attempt.ended_at).is_(None), col(Attempt.campaign_id).in_(ids))
        .group_by(col(Attempt.campaign_id), col(Attempt.state)),
    )
    for campaign, state, number in calls:
        found[campaign].calls[str(state)] = number
    leads = await run(
        session,
        select(col(Lead.campaign_id), col(Lead.state), func.count())
        .where(col(Lead.campaign_id).in_(ids))
        .group_by(col(Lead.campaign_id), col(Lead.state)),
    )
    for campaign, state, number in leads:
        found[campaign].leads[str(state)] = number
    day = await run(
        session,
        select(
            col(Attempt.campaign_id),
            func.count(),
            func.count().filter(col(Attempt.answered_at).is_not(None)),
            func.count().filter(col(Attempt.live).is_(True)),
            func.count().filter(col(Attempt.bridged_at).is_not(None)),
            func.count().filter(col(Attempt.abandoned).is_(True)),
        )
        .where(
            col(Attempt.id) >= lowest_id_at(since - timedelta(seconds=1)),
            col(Attempt.created_at) >= since,
            col(Attempt.campaign_id).in_(ids),
        )
        .group_by(col(Attempt.campaign_id)),
    )
    for campaign, *numbers in day:
        row = found[campaign]
        row.dials, row.answered, row.live, row.bridged, row.abandoned = numbers
    order: defaultdict[str, int] = defaultdict(lambda: 2, running=0, draining=1)
    return sorted(found.values(), key=lambda c: (order[str(c.campaign.state)], c.campaign.name))


async def agents_on_shift(session: AsyncSession, campaign_id: UUID | None = None) -> list[AgentNow]:
    """All agents with an open shift, by name."""
    query = (
        select(AgentSession, col(Agent.name), col(Campaign.name), PauseReason)
        .join(Agent, col(Agent.id) == col(AgentSession.agent_id))
        .outerjoin(
            PauseReason,
            and_(
                col(PauseReason.brand_id) == col(AgentSession.brand_id),
                col(PauseReason.code) == col(AgentSession.pause_reason),
            ),
        )
        .join(Campaign, col(Campaign.id) == col(AgentSession.campaign_id))
        .where(col(AgentSession.ended_at).is_(None))
        .order_by(col(Agent.name), col(AgentSession.id))
    )
    if campaign_id is not None:
        query = query.where(col(AgentSession.campaign_id) == campaign_id)
    return [AgentNow(*row) for row in await run(session, query)]
