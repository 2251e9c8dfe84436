"""The one way an agent's state changes: row, log and notice in the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.orm import Session
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.ids import new_id
from core.outbox import emit
from dialer.agents.models import AgentSession, AgentState, AgentStateLog
from dialer.events import UI, SessionChanged

OPEN_ENTRIES = "agent_state_log"  # key in Session.info: entries of the log this transaction has begun, by session
CLOSED_ENTRIES = "agent_state_log_closed"  # likewise: when the open entries of these sessions end

_CLOSE = text(
    "UPDATE agent_state_log l SET until = c.until"
    " FROM unnest(CAST(:sessions AS uuid[]), CAST(:instants AS timestamptz[])) AS c(session_id, until)"
    " WHERE l.session_id = c.session_id AND l.until IS NULL"
)


class SessionError(Exception):
    """The agent's request makes no sense in the present state; the text says what to do."""


async def locked(session: AsyncSession, session_id: UUID) -> AgentSession:
    """The open agent session, locked for this transaction.

    Raises:
        SessionError: there is none, or it has ended.
    """
    row = (
        await session.exec(
            select(AgentSession)
            .where(AgentSession.id == session_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).first()
    if row is None or row.ended_at is not None:
        raise SessionError("This shift has ended: log in to a shift again.")
    return row


async def change(
    session: AsyncSession, clock: Clock, row: AgentSession, state: AgentState, *, reason: str | None = None
) -> None:
    """Put a locked session into ``state``; the log's open entry ends where the new one begins."""
    now = clock.now()
    if row.state is not state or row.pause_reason != reason:
        begun = session.info.setdefault(OPEN_ENTRIES, {})
        if row.id in begun:  # perhaps not written yet, so that no statement would find it
            begun.pop(row.id).until = now
        else:
            session.info.setdefault(CLOSED_ENTRIES, {})[row.id] = now
        row.state, row.state_since, row.asked_at = state, now, None
        row.pause_reason = reason if state is AgentState.PAUSED else None
        if state in (AgentState.READY, AgentState.PAUSED, AgentState.CONNECTING, AgentState.OUT):
            row.attempt_id = None
        if state is AgentState.PAUSED:
            row.pause_requested = None
        session.add(row)
        if state is not AgentState.OUT:
            begun[row.id] = log_entry(clock, row, reason)
            session.add(begun[row.id])
    await emit(session, UI, SessionChanged(campaign_id=row.campaign_id, session_id=row.id))


@event.listens_for(Session, "before_flush")
def _close_entries(session: Session, *_: object) -> None:
    """End, in one statement, the entries of all sessions that change; the entries that follow are not written yet."""
    closed: dict[UUID, datetime] = session.info.pop(CLOSED_ENTRIES, {})
    if closed:
        session.connection().execute(_CLOSE, {"sessions": list(closed), "instants": list(closed.values())})


def log_entry(clock: Clock, row: AgentSession, reason: str | None = None) -> AgentStateLog:
    """The log's entry for the state a session has just entered."""
    return AgentStateLog(
        id=new_id(clock),
        created_at=row.state_since,
        brand_id=row.brand_id,
        session_id=row.id,
        agent_id=row.agent_id,
        campaign_id=row.campaign_id,
        state=row.state,
        reason=reason,
        since=row.state_since,
    )


async def after_wrapup(session: AsyncSession, clock: Clock, row: AgentSession) -> None:
    """Where an agent goes when wrap-up ends: to the pause they asked for, else ready; connecting if the leg is gone."""
    if not row.leg_up:
        await change(session, clock, row, AgentState.CONNECTING)
    elif row.pause_requested is not None:
        await change(session, clock, row, AgentState.PAUSED, reason=row.pause_requested)
    else:
        await change(session, clock, row, AgentState.READY)
