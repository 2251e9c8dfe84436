"""Calls that an agent asks for: the next lead to look at (preview), a chosen one (manual), a call-back now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.models import ActionState, NextAction
from core.clock import Clock
from core.outbox import emit
from dialer.agents.models import AgentSession, AgentState
from dialer.agents.states import SessionError, locked
from dialer.campaigns.hopper import pick
from dialer.campaigns.models import Campaign, CampaignState, Lead, LeadState
from dialer.events import DESK, UI, DialRequested, SessionChanged, SessionTouched

OFFER_LASTS: Final = timedelta(minutes=10)  # then the lead is offered to others
SKIPPED_FOR: Final = timedelta(hours=1)
OFFERED: Final = "offered"  # reason of a lead that an agent looks at
SKIPPED: Final = "skipped"


async def offer(session: AsyncSession, clock: Clock, session_id: UUID) -> Lead | None:
    """The lead an agent looks at before the call: the one held, else the next; others get another one meanwhile.

    None: nothing is due.

    Raises:
        SessionError: the agent is not ready, or the campaign is not dialled by preview.
    """
    row = await _ready(session, session_id)
    campaign = await session.get_one(Campaign, row.campaign_id)
    if campaign.mode != "preview":
        raise SessionError("This campaign is not dialled by preview.")
    held = await session.get(Lead, row.lead_id) if row.lead_id else None
    if held is not None and is_offered(held, clock.now()):
        return held
    found = await pick(session, row.campaign_id, clock.now(), 1)
    if not found:
        return None
    lead = found[0]
    lead.reason, lead.due_at = OFFERED, clock.now() + OFFER_LASTS
    await session.exec(update(AgentSession).where(col(AgentSession.lead_id) == lead.id).values(lead_id=None))
    row.lead_id, row.asked_at = lead.id, None
    session.add_all([lead, row])
    await _tell(session, row)
    return lead


def is_offered(lead: Lead, now: datetime) -> bool:
    """Whether the lead is held for the agent who looks at it."""
    return lead.state is LeadState.READY and lead.reason == OFFERED and lead.due_at > now


async def skip(session: AsyncSession, clock: Clock, session_id: UUID, lead_id: UUID) -> None:
    """Put an offered lead back, for later; what became of a call that was asked for is taken note of."""
    row = await locked(session, session_id)
    lead = await _lead(session, row, lead_id)
    if lead.state is LeadState.READY and lead.reason == OFFERED:
        lead.reason, lead.due_at = SKIPPED, clock.now() + SKIPPED_FOR
        session.add(lead)
    if row.lead_id == lead.id:
        row.lead_id = row.asked_at = None
        session.add(row)
        await _tell(session, row)


async def request_call(
    session: AsyncSession, clock: Clock, session_id: UUID, lead_id: UUID, contact_point_id: UUID | None = None
) -> None:
    """Ask the engine for a call to a lead. The rules are the dialer's: a refusal stands on the lead as its reason.

    Raises:
        SessionError: the agent is not ready, the campaign does not run, or the lead is being called already or belongs
            to another campaign.
    """
    row = await _ready_in_running(session, session_id)
    lead = await _lead(session, row, lead_id)
    if lead.state is LeadState.IN_FLIGHT:
        raise SessionError("This debtor is being called already.")
    asked = DialRequested(
        campaign_id=row.campaign_id, session_id=row.id, lead_id=lead.id, contact_point_id=contact_point_id
    )
    await emit(session, DESK, asked)
    await _waits_for(session, clock, row, lead)


async def bring_forward(session: AsyncSession, clock: Clock, session_id: UUID, action: NextAction) -> None:
    """Make a planned call-back due now; the engine dials it to its agent first.

    Raises:
        SessionError: the agent is not ready, the campaign does not run, the call-back is not theirs or taken, or its
            case is in no list here.
    """
    row = await _ready_in_running(session, session_id)
    if action.agent_id != row.agent_id or action.state is not ActionState.PLANNED:
        raise SessionError("This is not your call-back, or it is being called already.")
    lead = (
        await session.exec(
            select(Lead).where(Lead.campaign_id == row.campaign_id, Lead.case_id == action.case_id).with_for_update()
        )
    ).first()
    if lead is None or action.campaign_id != row.campaign_id:
        raise SessionError("This case is not in your campaign.")
    if lead.state is LeadState.IN_FLIGHT:
        raise SessionError("This debtor is being called already.")
    action.due_at = min(action.due_at, clock.now())
    session.add(action)
    await _waits_for(session, clock, row, lead)
    await emit(session, DESK, SessionTouched(campaign_id=row.campaign_id, session_id=row.id))


async def _waits_for(session: AsyncSession, clock: Clock, row: AgentSession, lead: Lead) -> None:
    """Note on the shift that the agent waits for a call to ``lead``."""
    row.lead_id, row.asked_at = lead.id, clock.now()
    session.add(row)
    await _tell(session, row)


async def leads_of(session: AsyncSession, campaign_id: UUID, debtors: Sequence[UUID]) -> dict[UUID, Lead]:
    """Each debtor's lead in a campaign, of several the one still at work: what an agent who searched may call."""
    rows = await session.exec(
        select(Lead)
        .where(Lead.campaign_id == campaign_id, col(Lead.debtor_id).in_(debtors))
        .order_by(col(Lead.state) == LeadState.FINISHED, col(Lead.id))
    )
    found: dict[UUID, Lead] = {}
    for lead in rows.all():
        found.setdefault(lead.debtor_id, lead)
    return found


async def _tell(session: AsyncSession, row: AgentSession) -> None:
    await emit(session, UI, SessionChanged(campaign_id=row.campaign_id, session_id=row.id))


async def _ready(session: AsyncSession, session_id: UUID) -> AgentSession:
    row = await locked(session, session_id)
    if row.state is not AgentState.READY:
        raise SessionError("Get ready first.")
    return row


async def _ready_in_running(session: AsyncSession, session_id: UUID) -> AgentSession:
    row = await _ready(session, session_id)
    campaign = await session.get_one(Campaign, row.campaign_id)
    if campaign.state is not CampaignState.RUNNING:
        raise SessionError("The campaign does not run now.")
    return row


async def _lead(session: AsyncSession, row: AgentSession, lead_id: UUID) -> Lead:
    lead = (await session.exec(select(Lead).where(Lead.id == lead_id).with_for_update())).first()
    if lead is None or lead.campaign_id != row.campaign_id:
        raise SessionError("No such debtor in your campaign.")
    return lead
