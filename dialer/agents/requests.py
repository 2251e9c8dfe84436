"""Calls that an agent asks for: the next lead to look at (preview), a chosen one (manual), a call-back now."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.outbox import emit
from dialer.agents.models import AgentSession, AgentState
from dialer.agents.states import SessionError, locked
from dialer.campaigns.hopper import pick
from dialer.campaigns.models import Campaign, Lead, LeadState
from dialer.events import DESK, DialRequested

OFFER_LASTS: Final = timedelta(minutes=10)  # then the lead is offered to others
SKIPPED_FOR: Final = timedelta(hours=1)
OFFERED: Final = "offered"  # reason of a lead that an agent looks at
SKIPPED: Final = "skipped"


async def offer(session: AsyncSession, clock: Clock, session_id: UUID) -> Lead | None:
    """The next lead for an agent to look at before the call; others get another one meanwhile. None: nothing is due.

    Raises:
        SessionError: the agent is not ready, or the campaign is not dialled by preview.
    """
    row = await _ready(session, session_id)
    campaign = await session.get_one(Campaign, row.campaign_id)
    if campaign.mode != "preview":
        raise SessionError("This campaign is not dialled by preview.")
    found = await pick(session, row.campaign_id, clock.now(), 1)
    if not found:
        return None
    lead = found[0]
    lead.reason, lead.due_at = OFFERED, clock.now() + OFFER_LASTS
    session.add(lead)
    return lead


async def skip(session: AsyncSession, clock: Clock, session_id: UUID, lead_id: UUID) -> None:
    """Put an offered lead back, for later."""
    row = await locked(session, session_id)
    lead = await _lead(session, row, lead_id)
    if lead.state is LeadState.READY and lead.reason == OFFERED:
        lead.reason, lead.due_at = SKIPPED, clock.now() + SKIPPED_FOR
        session.add(lead)


async def request_call(
    session: AsyncSession, session_id: UUID, lead_id: UUID, contact_point_id: UUID | None = None
) -> None:
    """Ask the engine for a call to a lead. The rules are the dialer's: a refusal stands on the lead as its reason.

    Raises:
        SessionError: the agent is not ready, or the lead is being called or belongs to another campaign.
    """
    row = await _ready(session, session_id)
    lead = await _lead(session, row, lead_id)
    if lead.state is LeadState.IN_FLIGHT:
        raise SessionError("This debtor is being called already.")
    asked = DialRequested(
        campaign_id=row.campaign_id, session_id=row.id, lead_id=lead.id, contact_point_id=contact_point_id
    )
    await emit(session, DESK, asked)


async def leads_of(session: AsyncSession, campaign_id: UUID, debtor_id: UUID) -> list[Lead]:
    """A debtor's leads in a campaign: what an agent who searched for the debtor may call."""
    rows = await session.exec(
        select(Lead).where(Lead.campaign_id == campaign_id, Lead.debtor_id == debtor_id).order_by(col(Lead.id))
    )
    return list(rows.all())


async def _ready(session: AsyncSession, session_id: UUID) -> AgentSession:
    row = await locked(session, session_id)
    if row.state is not AgentState.READY:
        raise SessionError("Get ready first.")
    return row


async def _lead(session: AsyncSession, row: AgentSession, lead_id: UUID) -> Lead:
    lead = (await session.exec(select(Lead).where(Lead.id == lead_id).with_for_update())).first()
    if lead is None or lead.campaign_id != row.campaign_id:
        raise SessionError("No such debtor in your campaign.")
    return lead
