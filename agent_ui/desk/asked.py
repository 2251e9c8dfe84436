"""The call an agent asks for: a lead looked at before it (preview), one on its way, or what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.models import Debtor
from dialer.agents.models import AgentSession, AgentState
from dialer.agents.requests import OFFERED, SKIPPED, is_offered
from dialer.attempts.models import Attempt
from dialer.campaigns.models import Campaign, Lead, LeadState
from dialer.pacing.modes import MODES

ANSWERED_WITHIN: Final = timedelta(seconds=10)  # the engine answers a request at once; later it is told as unanswered


class Step(StrEnum):
    """How far the agent's request is."""

    OFFERED = "offered"
    CALLING = "calling"
    UNANSWERED = "unanswered"
    DONE = "done"


@dataclass(frozen=True)
class Asked:
    """A lead, its debtor's name, and how far the agent's request for a call is.

    ``DONE``: no conversation came of it; the lead's reason and ``due_at`` say why and when next.
    """

    lead: Lead
    debtor: str
    step: Step


async def load_asked(session: AsyncSession, row: AgentSession, campaign: Campaign, now: datetime) -> Asked | None:
    """What the shift asks for at ``now``; None: nothing."""
    if row.state is AgentState.RESERVED:
        return await _on_its_way(session, row, campaign)
    if row.state is not AgentState.READY or row.lead_id is None:
        return None
    lead = await session.get(Lead, row.lead_id)
    step = lead and await _step(session, row, lead, now)
    return await _named(session, lead, step) if lead and step else None


async def _step(session: AsyncSession, row: AgentSession, lead: Lead, now: datetime) -> Step | None:
    if row.asked_at is not None:
        return Step.CALLING if now - row.asked_at < ANSWERED_WITHIN else Step.UNANSWERED
    if is_offered(lead, now):
        return Step.OFFERED
    if lead.reason in (OFFERED, SKIPPED) or lead.state is LeadState.IN_FLIGHT or await _talked(session, row, lead):
        return None
    return Step.DONE


async def _talked(session: AsyncSession, row: AgentSession, lead: Lead) -> bool:
    """Whether the last call to the lead reached this agent: then its card has been closed."""
    last = (
        await session.exec(
            select(Attempt.agent_session_id, Attempt.bridged_at)
            .where(Attempt.lead_id == lead.id)
            .order_by(col(Attempt.id).desc())
            .limit(1)
        )
    ).first()
    return last is not None and last[0] == row.id and last[1] is not None


async def _on_its_way(session: AsyncSession, row: AgentSession, campaign: Campaign) -> Asked | None:
    """The call an agent is reserved for before it is answered: only where agents ask for calls, or for a call-back."""
    attempt = await session.get(Attempt, row.attempt_id) if row.attempt_id else None
    if attempt is None or attempt.lead_id is None:
        return None
    if not MODES[campaign.mode].by_request and attempt.lead_id != row.lead_id:
        return None
    lead = await session.get(Lead, attempt.lead_id)
    return await _named(session, lead, Step.CALLING) if lead else None


async def _named(session: AsyncSession, lead: Lead, step: Step) -> Asked:
    debtor = await session.get_one(Debtor, lead.debtor_id)
    return Asked(lead, debtor.name, step)
