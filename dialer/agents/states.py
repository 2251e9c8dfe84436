"""The one way an agent's state changes: row, log and notice in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, event
from sqlalchemy.orm import Session
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.driver import run_inside
from core.ids import new_id
from core.outbox import emit
from dialer.agents.models import AgentSession, AgentState
from dialer.events import UI, SessionChanged

LOG = "agent_state_log"  # key in Session.info: what this transaction adds to the log, a :class:`_Log`

# Statements asked for every call are built once: building one takes longer than running it.
_LOCKED = (
    select(AgentSession)
    .where(AgentSession.id == bindparam("session_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_WRITE = (
    "WITH closed AS (UPDATE agent_state_log l SET until = c.until"
    " FROM unnest(CAST(%(closed)s AS uuid[]), CAST(%(instants)s AS timestamptz[])) AS c(session_id, until)"
    " WHERE l.session_id = c.session_id AND l.until IS NULL)"
    " INSERT INTO agent_state_log"
    " (id, created_at, brand_id, session_id, agent_id, campaign_id, state, reason, since, until)"
    " SELECT id, since, brand_id, session_id, agent_id, campaign_id, state, reason, since, until"
    " FROM unnest(CAST(%(id)s AS uuid[]), CAST(%(brand_id)s AS uuid[]), CAST(%(session_id)s AS uuid[]),"
    " CAST(%(agent_id)s AS uuid[]), CAST(%(campaign_id)s AS uuid[]), CAST(%(state)s AS text[]),"
    " CAST(%(reason)s AS text[]), CAST(%(since)s AS timestamptz[]), CAST(%(until)s AS timestamptz[]))"
    " AS e(id, brand_id, session_id, agent_id, campaign_id, state, reason, since, until)"
)
_COLUMNS = ("id", "brand_id", "session_id", "agent_id", "campaign_id", "state", "reason", "since", "until")


@dataclass
class _Log:
    """States entered and left since the last flush: all of them are written by one statement."""

    closed: dict[UUID, datetime] = field(default_factory=dict)  # session -> when its entry in the table ends
    begun: list[dict[str, Any]] = field(default_factory=list)  # entries not in the table yet

    def leave(self, session_id: UUID, now: datetime) -> None:
        """The session's open entry ends."""
        for entry in self.begun:
            if entry["session_id"] == session_id and entry["until"] is None:
                entry["until"] = now
                return
        self.closed[session_id] = now


class SessionError(Exception):
    """The agent's request makes no sense in the present state; the text says what to do."""


async def locked(session: AsyncSession, session_id: UUID) -> AgentSession:
    """The open agent session, locked for this transaction.

    Raises:
        SessionError: there is none, or it has ended.
    """
    row = (await session.exec(_LOCKED, params={"session_id": session_id})).first()
    if row is None or row.ended_at is not None:
        raise SessionError("This shift has ended: log in to a shift again.")
    return row


async def change(
    session: AsyncSession, clock: Clock, row: AgentSession, state: AgentState, *, reason: str | None = None
) -> None:
    """Put a locked session into ``state``; the log's open entry ends where the new one begins."""
    now = clock.now()
    if row.state is not state or row.pause_reason != reason:
        session.info.setdefault(LOG, _Log()).leave(row.id, now)
        row.state, row.state_since, row.asked_at = state, now, None
        row.pause_reason = reason if state is AgentState.PAUSED else None
        if state in (AgentState.READY, AgentState.PAUSED, AgentState.CONNECTING, AgentState.OUT):
            row.attempt_id = None
        if state is AgentState.PAUSED:
            row.pause_requested = None
        session.add(row)
        if state is not AgentState.OUT:
            log_state(session, clock, row, reason)
    await emit(session, UI, SessionChanged(campaign_id=row.campaign_id, session_id=row.id))


def log_state(session: AsyncSession, clock: Clock, row: AgentSession, reason: str | None = None) -> None:
    """Enter into the log the state a session has just come into."""
    entry = {
        "id": new_id(clock),
        "brand_id": row.brand_id,
        "session_id": row.id,
        "agent_id": row.agent_id,
        "campaign_id": row.campaign_id,
        "state": row.state.value,
        "reason": reason,
        "since": row.state_since,
        "until": None,
    }
    session.info.setdefault(LOG, _Log()).begun.append(entry)


@event.listens_for(Session, "after_flush")
def _write_log(session: Session, *_: object) -> None:
    """Write the log after the rows it tells of."""
    log: _Log | None = session.info.pop(LOG, None)
    if log is not None:
        columns = {name: [entry[name] for entry in log.begun] for name in _COLUMNS}
        ends = {"closed": list(log.closed), "instants": list(log.closed.values())}
        run_inside(session, _WRITE, columns | ends)


async def after_wrapup(session: AsyncSession, clock: Clock, row: AgentSession) -> None:
    """Where an agent goes when wrap-up ends: to the pause they asked for, else ready; connecting if the leg is gone."""
    if not row.leg_up:
        await change(session, clock, row, AgentState.CONNECTING)
    elif row.pause_requested is not None:
        await change(session, clock, row, AgentState.PAUSED, reason=row.pause_requested)
    else:
        await change(session, clock, row, AgentState.READY)
