"""What an agent's desk shows, read from the database at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_ui.desk.asked import Asked, load_asked
from agent_ui.identity import User
from cases.models import ActionKind, ActionState, Debtor, NextAction
from dialer.agents.defaults import NONE_GIVEN
from dialer.agents.models import (
    Agent,
    AgentSession,
    AgentState,
    CampaignAgent,
    Disposition,
    PauseReason,
)
from dialer.attempts.models import Attempt
from dialer.call import UNANSWERED
from dialer.campaigns.models import Campaign

LOGIN_PAUSE: Final = "login"  # the pause a shift begins with; nobody chooses it
DUE_AHEAD: Final = timedelta(hours=8)
DUE_SHOWN: Final = 20
RECENT_SHOWN: Final = 8
IN_CALL: Final = frozenset({AgentState.TALKING, AgentState.WRAPUP})


@dataclass(frozen=True)
class Due:
    """A call-back the agent has promised."""

    action: NextAction
    debtor: str
    overdue: bool


@dataclass(frozen=True)
class Recent:
    """A call of this shift that is over."""

    attempt: Attempt
    debtor: str
    disposition: Disposition | None


@dataclass(frozen=True)
class Desk:
    """One agent's desk. ``row`` None: no open shift; ``attempt``: the bridged call they are in or wrap up."""

    agents: list[Agent]
    row: AgentSession | None
    campaign: Campaign | None
    attempt: Attempt | None
    asked: Asked | None
    debtor: Debtor | None
    campaigns: list[Campaign]
    dispositions: list[Disposition]
    pauses: list[PauseReason]
    due: list[Due]
    recent: list[Recent]

    @property
    def offers(self) -> bool:
        """Whether the campaign gives its agents the next debtor to look at."""
        return self.campaign is not None and self.campaign.mode == "preview"

    @property
    def searches(self) -> bool:
        """Whether its agents look for debtors themselves."""
        return self.campaign is not None and self.campaign.mode == "manual"

    @property
    def case_id(self) -> UUID | None:
        """The case whose card is on the page."""
        if self.attempt is not None:
            return self.attempt.case_id
        return self.asked.lead.case_id if self.asked else None

    @property
    def saved(self) -> bool:
        """Whether the present call has its disposition already."""
        return self.attempt is not None and self.attempt.disposition_id is not None


async def load(session: AsyncSession, user: User, now: datetime, *, lists: bool = True) -> Desk:
    """The desk of ``user``; the session must be bound to their brands.

    ``lists``: also what only the page shows, reasons of pauses, due call-backs and recent calls; else they are empty.
    """
    agents = list((await session.exec(select(Agent).where(Agent.user_id == user.id).order_by(Agent.name))).all())
    ids = [agent.id for agent in agents]
    row = (
        await session.exec(
            select(AgentSession).where(col(AgentSession.agent_id).in_(ids), col(AgentSession.ended_at).is_(None))
        )
    ).first()
    campaigns = await _campaigns(session, ids)
    campaign = await session.get(Campaign, row.campaign_id) if row else None
    attempt = debtor = None
    if row is not None and row.attempt_id is not None and row.state in IN_CALL:
        attempt = await _attempt(session, row.attempt_id)
        if attempt is not None:
            debtor = await session.get(Debtor, attempt.debtor_id)
    brands = {row.brand_id} if row else {agent.brand_id for agent in agents}
    dispositions = await session.exec(
        select(Disposition)
        .where(col(Disposition.brand_id).in_(brands), col(Disposition.active).is_(True), Disposition.code != NONE_GIVEN)
        .order_by(col(Disposition.key) == "0", col(Disposition.key).nulls_last(), Disposition.code)
    )
    return Desk(
        agents=agents,
        row=row,
        campaign=campaign,
        attempt=attempt,
        asked=await load_asked(session, row, campaign, now) if row and campaign and attempt is None else None,
        debtor=debtor,
        campaigns=campaigns,
        dispositions=list(dispositions.all()),
        pauses=await _pauses(session, brands) if lists else [],
        due=await _due(session, ids, now) if lists else [],
        recent=await _recent(session, row) if lists else [],
    )


async def open_session_id(session: AsyncSession, user: User) -> UUID | None:
    """The open shift of ``user``, None if there is none."""
    query = select(AgentSession.id).join(Agent, col(Agent.id) == AgentSession.agent_id)
    return (await session.exec(query.where(Agent.user_id == user.id, col(AgentSession.ended_at).is_(None)))).first()


def as_json(desk: Desk, language: str) -> dict[str, Any]:
    """The desk as machines read it; instants are ISO 8601 in UTC."""
    row, attempt = desk.row, desk.attempt
    return {
        "session": row
        and {
            "id": str(row.id),
            "state": str(row.state),
            "leg_up": row.leg_up,
            "attempt_id": row.attempt_id and str(row.attempt_id),
            "campaign_id": str(row.campaign_id),
            "pause_reason": row.pause_reason,
            "pause_requested": row.pause_requested,
            "state_since": _iso(row.state_since),
        },
        "call": attempt
        and {
            "attempt_id": str(attempt.id),
            "debtor": desk.debtor.name if desk.debtor else "",
            "phone": attempt.phone,
            "case_id": str(attempt.case_id),
            "bridged_at": _iso(attempt.bridged_at),
            "ended": attempt.ended_at is not None,
        },
        "asked": desk.asked
        and {
            "lead_id": str(desk.asked.lead.id),
            "debtor": desk.asked.debtor,
            "case_id": str(desk.asked.lead.case_id),
            "step": str(desk.asked.step),
            "reason": desk.asked.lead.reason,
            "next_allowed": _iso(desk.asked.lead.due_at),
        },
        "campaigns": [{"id": str(c.id), "name": c.name} for c in desk.campaigns],
        "dispositions": [
            {"code": d.code, "name": name_of(d, language), "asks_callback": d.asks_callback} for d in desk.dispositions
        ],
    }


def name_of(row: Disposition | PauseReason, language: str) -> str:
    """A disposition's or pause's name in the page's language."""
    return row.name_pl if language == "pl" else row.name_en


async def _campaigns(session: AsyncSession, agents: list[UUID]) -> list[Campaign]:
    rows = await session.exec(
        select(Campaign)
        .join(CampaignAgent, col(CampaignAgent.campaign_id) == Campaign.id)
        .where(col(CampaignAgent.agent_id).in_(agents))
        .order_by(Campaign.name)
    )
    return list(rows.unique().all())


async def _pauses(session: AsyncSession, brands: set[UUID]) -> list[PauseReason]:
    rows = await session.exec(
        select(PauseReason)
        .where(col(PauseReason.brand_id).in_(brands), PauseReason.code != LOGIN_PAUSE)
        .order_by(col(PauseReason.created_at), col(PauseReason.id))
    )
    return list(rows.all())


async def _attempt(session: AsyncSession, attempt_id: UUID) -> Attempt | None:
    """The agent's call once audio flows: the card pops at the bridge, not before."""
    rows = await session.exec(
        select(Attempt).where(
            Attempt.id == attempt_id,
            col(Attempt.bridged_at).is_not(None),
            col(Attempt.state).not_in(UNANSWERED),
        )
    )
    return rows.first()


async def _due(session: AsyncSession, agents: list[UUID], now: datetime) -> list[Due]:
    rows = await session.exec(
        select(NextAction, Debtor.name)
        .join(Debtor, col(Debtor.id) == NextAction.debtor_id)
        .where(
            col(NextAction.agent_id).in_(agents),
            NextAction.kind == ActionKind.CALLBACK,
            or_(NextAction.state == ActionState.PLANNED, NextAction.state == ActionState.TAKEN),
            NextAction.due_at <= now + DUE_AHEAD,
        )
        .order_by(col(NextAction.due_at))
        .limit(DUE_SHOWN)
    )
    return [Due(action, name, action.due_at <= now) for action, name in rows.all()]


async def _recent(session: AsyncSession, row: AgentSession | None) -> list[Recent]:
    if row is None:
        return []
    rows = await session.exec(
        select(Attempt, Debtor.name, Disposition)
        .join(Debtor, col(Debtor.id) == Attempt.debtor_id)
        .outerjoin(Disposition, col(Disposition.id) == Attempt.disposition_id)
        .where(Attempt.agent_session_id == row.id, col(Attempt.disposition_id).is_not(None))
        .order_by(col(Attempt.bridged_at).desc())
        .limit(RECENT_SHOWN)
    )
    return [Recent(attempt, name, disposition) for attempt, name, disposition in rows.all()]


def _iso(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
