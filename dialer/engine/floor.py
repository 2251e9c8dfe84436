"""The agents of one campaign as the engine sees them: who is ready, who gets the next call, whose telephone is up.

Rows are the truth: each change locks the session's row, and what is kept here is only a copy to choose from.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.db import among
from core.ids import new_id
from dialer.agents.defaults import NONE_GIVEN
from dialer.agents.dispositions import apply
from dialer.agents.models import Agent, AgentSession, AgentState, Disposition
from dialer.agents.states import SessionError, after_wrapup, change, locked
from dialer.attempts.models import Attempt, CallLeg, LegKind

BUSY = (AgentState.RESERVED, AgentState.TALKING)
HELD = "agent_sessions"  # key in Session.info: rows this transaction has locked, by id
DISPOSED = "attempts_disposed"  # key in Session.info: attempts asked about, and those with a disposition
REDIAL_AFTER = 3.0  # s between two tries to reach an agent's telephone

# Built once: building a statement takes longer than running it.
_OPEN = (
    select(AgentSession, Agent.phone_uri, Agent.name)
    .join(Agent, col(Agent.id) == AgentSession.agent_id)
    .where(AgentSession.campaign_id == bindparam("campaign_id"), col(AgentSession.ended_at).is_(None))
    .execution_options(populate_existing=True)
)
_SOME = _OPEN.where(col(AgentSession.id) == among("ids"))
_HOLD = (
    select(AgentSession)
    .where(
        col(AgentSession.id) == among("ids"),
        AgentSession.campaign_id == bindparam("campaign_id"),
        col(AgentSession.ended_at).is_(None),
    )
    .order_by(col(AgentSession.id))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_DISPOSED = select(Attempt.id).where(col(Attempt.id) == among("ids"), col(Attempt.disposition_id).is_not(None))


class Floor:
    """Open sessions of one campaign by id."""

    def __init__(self, campaign_id: UUID, clock: Clock) -> None:
        self.campaign_id = campaign_id
        self.clock = clock
        self.sessions: dict[UUID, AgentSession] = {}
        self.phones: dict[UUID, tuple[str, str]] = {}  # agent id -> (SIP URI, name)
        self.dialled: dict[UUID, float] = {}  # session id -> when its telephone was last rung

    async def load(self, session: AsyncSession, only: Collection[UUID] | None = None) -> list[UUID]:
        """Read all open sessions, or ``only`` some; gives the ids of those that have ended since the last look."""
        if only is None:
            rows = (await session.exec(_OPEN, params={"campaign_id": self.campaign_id})).all()
        else:
            rows = (await session.exec(_SOME, params={"campaign_id": self.campaign_id, "ids": list(only)})).all()
        found = {row.id: row for row, _, _ in rows}
        self.phones.update({row.agent_id: (uri, name) for row, uri, name in rows})
        gone = [id_ for id_ in (self.sessions if only is None else only) if id_ in self.sessions and id_ not in found]
        self.sessions.update(found)
        for id_ in gone:
            del self.sessions[id_]
            self.dialled.pop(id_, None)
        return gone

    def in_state(self, *states: AgentState) -> list[AgentSession]:
        """Sessions in one of ``states``, longest in it first."""
        return sorted((s for s in self.sessions.values() if s.state in states), key=lambda s: (s.state_since, s.id))

    def ready(self) -> list[AgentSession]:
        """Agents who can take a call, the longest idle first."""
        return [s for s in self.in_state(AgentState.READY) if s.leg_up]

    async def hold(self, session: AsyncSession, ids: Collection[UUID], waiting: int) -> None:
        """Lock at once what a batch is about to change: the sessions ``ids``, and an agent for each of ``waiting``."""
        wanted = {*ids, *(s.id for s in self.ready()[:waiting])}
        if not wanted:
            return
        rows = await session.exec(_HOLD, params={"ids": list(wanted), "campaign_id": self.campaign_id})
        held = session.info.setdefault(HELD, {})
        for row in rows.all():
            self.sessions[row.id] = held[row.id] = row
        talked = [row.attempt_id for row in held.values() if row.attempt_id is not None and row.state in BUSY]
        if talked:
            given = await session.exec(_DISPOSED, params={"ids": talked})
            session.info[DISPOSED] = (set(talked), set(given.all()))

    async def reserve(self, session: AsyncSession, attempt_id: UUID, only: UUID | None = None) -> AgentSession | None:
        """Reserve the longest-idle ready agent (or ``only`` that session) for an attempt; None if nobody is free."""
        for known in self.ready():
            if only is not None and known.id != only:
                continue
            row = await self._locked(session, known.id)
            if row is not None and row.state is AgentState.READY and row.leg_up:
                await change(session, self.clock, row, AgentState.RESERVED)
                row.attempt_id = attempt_id
                session.add(row)
                return row
        return None

    async def talking(self, session: AsyncSession, session_id: UUID, attempt_id: UUID) -> None:
        """The reserved agent hears the debtor."""
        row = await self._locked(session, session_id)
        if row is not None and row.state is AgentState.RESERVED and row.attempt_id == attempt_id:
            await change(session, self.clock, row, AgentState.TALKING)

    async def release(self, session: AsyncSession, session_id: UUID, attempt_id: UUID) -> None:
        """The reserved agent had no conversation: ready again, or what they asked for meanwhile."""
        row = await self._locked(session, session_id)
        if row is not None and row.state is AgentState.RESERVED and row.attempt_id == attempt_id:
            await after_wrapup(session, self.clock, row)

    async def wrap_up(self, session: AsyncSession, session_id: UUID, attempt_id: UUID) -> None:
        """The conversation is over: wrap-up, unless its disposition is saved already."""
        row = await self._locked(session, session_id)
        if row is None or row.attempt_id != attempt_id or row.state not in BUSY:
            return
        if await self._disposed(session, attempt_id):
            await after_wrapup(session, self.clock, row)
        else:
            await change(session, self.clock, row, AgentState.WRAPUP)

    async def _disposed(self, session: AsyncSession, attempt_id: UUID) -> bool:
        """Whether the agent has saved the disposition already, while the call was up."""
        asked, given = session.info.get(DISPOSED, ((), ()))
        if attempt_id in asked:
            return attempt_id in given
        return (await session.exec(select(Attempt.disposition_id).where(Attempt.id == attempt_id))).first() is not None

    async def end_overdue_wrapups(self, session: AsyncSession, limit_seconds: int) -> int:
        """Give «none given» to wrap-ups past the campaign's limit; how many there were."""
        deadline = self.clock.now() - timedelta(seconds=limit_seconds)
        overdue = [s for s in self.in_state(AgentState.WRAPUP) if s.state_since <= deadline]
        ended = 0
        for known in overdue:
            row = await self._locked(session, known.id)
            if row is None or row.state is not AgentState.WRAPUP or row.state_since > deadline:
                continue
            attempt = None
            if row.attempt_id is not None:
                attempt = (
                    await session.exec(select(Attempt).where(Attempt.id == row.attempt_id).with_for_update())
                ).first()
            if attempt is not None and attempt.disposition_id is None:
                none_given = (
                    await session.exec(
                        select(Disposition).where(Disposition.brand_id == row.brand_id, Disposition.code == NONE_GIVEN)
                    )
                ).one()
                await apply(session, self.clock, row, attempt, none_given)
            await after_wrapup(session, self.clock, row)
            ended += 1
        return ended

    # ---- telephones ----

    async def leg_up(self, session: AsyncSession, session_id: UUID, node: str, sip_call_id: str | None) -> None:
        """The agent's telephone is connected. A shift begins in pause; a leg that came back goes on as before."""
        row = await self._locked(session, session_id)
        if row is None or (row.leg_up and row.media_node == node):
            return
        first = row.media_node is None
        row.leg_up, row.media_node = True, node
        session.add(row)
        now = self.clock.now()
        session.add(
            CallLeg(
                id=new_id(self.clock),
                created_at=now,
                brand_id=row.brand_id,
                kind=LegKind.AGENT,
                session_id=row.id,
                media_node=node,
                sip_call_id=sip_call_id,
                answered_at=now,
            )
        )
        if row.state is AgentState.CONNECTING:
            if first:
                await change(session, self.clock, row, AgentState.PAUSED, reason=row.pause_requested or "login")
            else:
                await after_wrapup(session, self.clock, row)

    async def leg_down(self, session: AsyncSession, session_id: UUID, sip_code: int | None) -> None:
        """The agent's telephone is gone: ready or paused, they wait for it; in a call, the call's own end follows."""
        row = await self._locked(session, session_id)
        if row is None or not row.leg_up:
            return
        row.leg_up = False
        session.add(row)
        await session.flush()  # the leg's row may be of this very transaction
        legs = await session.exec(select(CallLeg).where(CallLeg.session_id == row.id, col(CallLeg.ended_at).is_(None)))
        for leg in legs.all():
            leg.ended_at, leg.sip_code = self.clock.now(), sip_code
            session.add(leg)
        if row.state in (AgentState.READY, AgentState.PAUSED):
            row.pause_requested = row.pause_reason
            await change(session, self.clock, row, AgentState.CONNECTING)

    def to_dial(self) -> list[AgentSession]:
        """Sessions whose telephone should be rung now."""
        now = self.clock.timestamp()
        due = [s for s in self.sessions.values() if not s.leg_up and now - self.dialled.get(s.id, 0.0) >= REDIAL_AFTER]
        for s in due:
            self.dialled[s.id] = now
        return due

    async def _locked(self, session: AsyncSession, session_id: UUID) -> AgentSession | None:
        held: dict[UUID, AgentSession] = session.info.setdefault(HELD, {})
        if session_id in held:  # and perhaps changed already: reading it again would lose that
            return held[session_id]
        try:
            row = held[session_id] = await locked(session, session_id)
        except SessionError:
            self.sessions.pop(session_id, None)
            return None
        if row.campaign_id == self.campaign_id:
            self.sessions[row.id] = row
        return row
