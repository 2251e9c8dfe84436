"""What an agent does with a shift: open, ready, pause, hang up, close. The page and the API call these."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.ids import new_id
from core.outbox import emit
from dialer.agents.models import Agent, AgentSession, AgentState, CampaignAgent, PauseReason
from dialer.agents.states import SessionError, change, locked, log_state
from dialer.campaigns.models import Campaign
from dialer.events import DESK, UI, HangupRequested, SessionChanged, SessionTouched

__all__ = ["SessionError", "close_session", "get_ready", "open_session", "pause", "request_hangup"]


async def open_session(session: AsyncSession, clock: Clock, agent_id: UUID, campaign_id: UUID) -> AgentSession:
    """Begin a shift in a campaign; the engine then rings the agent's telephone.

    An agent who has an open shift in the same campaign gets that one (a second browser window).

    Raises:
        SessionError: unknown agent or campaign, not assigned, or an open shift in another campaign.
    """
    agent = (await session.exec(select(Agent).where(Agent.id == agent_id).with_for_update())).first()
    campaign = await session.get(Campaign, campaign_id)
    if agent is None or campaign is None or agent.brand_id != campaign.brand_id:
        raise SessionError("No such agent or campaign.")
    assigned = (
        await session.exec(
            select(CampaignAgent).where(CampaignAgent.campaign_id == campaign_id, CampaignAgent.agent_id == agent_id)
        )
    ).first()
    if assigned is None:
        raise SessionError("You are not assigned to this campaign: ask a supervisor.")
    open_row = (
        await session.exec(
            select(AgentSession).where(AgentSession.agent_id == agent_id, col(AgentSession.ended_at).is_(None))
        )
    ).first()
    if open_row is not None:
        if open_row.campaign_id != campaign_id:
            raise SessionError("Your shift in another campaign is still open: end it first.")
        return open_row
    now = clock.now()
    row = AgentSession(
        id=new_id(clock),
        created_at=now,
        brand_id=agent.brand_id,
        agent_id=agent_id,
        campaign_id=campaign_id,
        state=AgentState.CONNECTING,
        state_since=now,
    )
    session.add(row)
    log_state(session, clock, row)
    await _tell(session, row)
    return row


async def get_ready(session: AsyncSession, clock: Clock, session_id: UUID) -> AgentSession:
    """Ask for calls. During wrap-up it ends the wrap-up only if the disposition is saved.

    Raises:
        SessionError: the telephone is not connected, or a disposition is due.
    """
    row = await locked(session, session_id)
    if row.state is AgentState.WRAPUP:
        raise SessionError("Save a disposition first.")
    if row.state in (AgentState.RESERVED, AgentState.TALKING):
        row.pause_requested = None
        session.add(row)
    elif not row.leg_up:
        raise SessionError("Your telephone is not connected yet.")
    elif row.state is not AgentState.READY:
        await change(session, clock, row, AgentState.READY)
    await _tell(session, row)
    return row


async def pause(session: AsyncSession, clock: Clock, session_id: UUID, reason_code: str) -> AgentSession:
    """Pause now, or after the present call and its wrap-up.

    Raises:
        SessionError: unknown reason.
    """
    row = await locked(session, session_id)
    known = (
        await session.exec(
            select(PauseReason).where(PauseReason.brand_id == row.brand_id, PauseReason.code == reason_code)
        )
    ).first()
    if known is None:
        raise SessionError(f"No pause reason «{reason_code}».")
    if row.state in (AgentState.RESERVED, AgentState.TALKING, AgentState.WRAPUP, AgentState.CONNECTING):
        row.pause_requested = reason_code
        session.add(row)
    else:
        await change(session, clock, row, AgentState.PAUSED, reason=reason_code)
    await _tell(session, row)
    return row


async def request_hangup(session: AsyncSession, session_id: UUID) -> None:
    """End the debtor's call the agent talks on. Nothing happens if it has ended already."""
    row = await locked(session, session_id)
    if row.state in (AgentState.TALKING, AgentState.RESERVED) and row.attempt_id is not None:
        message = HangupRequested(campaign_id=row.campaign_id, session_id=row.id, attempt_id=row.attempt_id)
        await emit(session, DESK, message)


async def close_session(session: AsyncSession, clock: Clock, session_id: UUID) -> None:
    """End the shift; the engine hangs up the agent's telephone.

    Raises:
        SessionError: in a call, or a disposition is due.
    """
    row = await locked(session, session_id)
    if row.state in (AgentState.RESERVED, AgentState.TALKING, AgentState.WRAPUP):
        raise SessionError("Finish the call and save its disposition first.")
    await change(session, clock, row, AgentState.OUT)
    row.ended_at = clock.now()
    session.add(row)
    await _tell(session, row)


async def _tell(session: AsyncSession, row: AgentSession) -> None:
    await emit(session, DESK, SessionTouched(campaign_id=row.campaign_id, session_id=row.id))
    await emit(session, UI, SessionChanged(campaign_id=row.campaign_id, session_id=row.id))
