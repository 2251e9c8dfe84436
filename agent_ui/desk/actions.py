"""What a desk asks for beyond a shift's own acts."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_ui.desk.state import Desk
from cases.models import NextAction
from core.clock import Clock
from core.outbox import emit
from dialer.agents import service
from dialer.agents.models import AgentSession
from dialer.campaigns.models import Lead
from dialer.events import DESK, DialRequested


class DeskError(Exception):
    """The request makes no sense now; the text says what to do."""


def open_row(desk: Desk) -> AgentSession:
    """The open shift.

    Raises:
        DeskError: there is none.
    """
    if desk.row is None:
        raise DeskError("Begin a shift first.")
    return desk.row


async def begin_shift(session: AsyncSession, clock: Clock, desk: Desk, campaign_id: UUID) -> AgentSession:
    """Open a shift in one of the agent's campaigns.

    Raises:
        DeskError: not assigned to it.
        SessionError: a shift in another campaign is open.
    """
    campaign = next((c for c in desk.campaigns if c.id == campaign_id), None)
    agent = next((a for a in desk.agents if campaign and a.brand_id == campaign.brand_id), None)
    if agent is None:
        raise DeskError("You are not assigned to this campaign: ask a supervisor.")
    return await service.open_session(session, clock, agent.id, campaign_id)


async def call_back_now(session: AsyncSession, desk: Desk, action_id: UUID) -> None:
    """Ask the engine to dial one of the agent's call-backs now; the dialer's rules hold for it too.

    Raises:
        DeskError: no shift, not this agent's, or its case is in no list of the campaign.
    """
    row = open_row(desk)
    action = await session.get(NextAction, action_id)
    if action is None or action.agent_id != row.agent_id:
        raise DeskError("This is not your call-back.")
    lead = (
        await session.exec(select(Lead).where(Lead.campaign_id == row.campaign_id, Lead.case_id == action.case_id))
    ).first()
    if lead is None:
        raise DeskError("This case is not in your campaign.")
    await emit(
        session,
        DESK,
        DialRequested(
            campaign_id=row.campaign_id,
            session_id=row.id,
            lead_id=lead.id,
            contact_point_id=action.contact_point_id,
        ),
    )
