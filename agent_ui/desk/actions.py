"""What a desk asks for beyond a shift's own acts."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_ui.desk.state import Desk
from cases.models import NextAction
from core.clock import Clock
from dialer.agents import service
from dialer.agents.models import AgentSession
from dialer.agents.requests import bring_forward

NO_SHIFT = "Begin a shift first."


class DeskError(Exception):
    """The request makes no sense now; the text says what to do."""


def open_row(desk: Desk) -> AgentSession:
    """The open shift.

    Raises:
        DeskError: there is none.
    """
    if desk.row is None:
        raise DeskError(NO_SHIFT)
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


async def call_back_now(session: AsyncSession, clock: Clock, desk: Desk, action_id: UUID) -> None:
    """Have one of the agent's call-backs dialled now; the dialer's rules hold for it too.

    Raises:
        DeskError: no shift, or no such call-back.
        SessionError: not ready, not this agent's, or its case is in no list of the campaign.
    """
    row = open_row(desk)
    action = (await session.exec(select(NextAction).where(NextAction.id == action_id).with_for_update())).first()
    if action is None:
        raise DeskError("There is no such call-back any more.")
    await bring_forward(session, clock, row.id, action)
