"""When and how many: asks the dialing mode, turns due leads and call-backs into calls, holds every limit."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.contact.packs import PolicyError
from cases.models import ActionKind, ActionState, NextAction
from core import leases
from core.bus import LOST
from core.ids import new_id
from dialer.agents.models import AgentState
from dialer.attempts.models import Attempt
from dialer.call import CallState, Outcome
from dialer.campaigns.hopper import pick
from dialer.campaigns.models import Campaign, CampaignState, Lead, LeadState
from dialer.engine import metrics
from dialer.engine.calls import LiveCall
from dialer.engine.launch import Placed, Terms, Wish, launch
from dialer.engine.nodes import choose
from dialer.events import DialRequested
from dialer.pacing import MODES, FloorView
from numbering.callerid import NoCallerId

if TYPE_CHECKING:
    from dialer.engine.campaign import CampaignRunner

log = structlog.get_logger()

MOST_AT_ONCE: Final = 20  # calls launched in one transaction: a longer one would hold up verdicts
ROUND_EVERY: Final = 0.1  # s between the beginnings of two rounds: calls that leave together share a transaction
CONGESTED: Final = 3  # so many congestion results within CONGESTION_WINDOW rest the trunk
CONGESTION_WINDOW: Final = 5.0  # s
CONGESTION_REST: Final = 3.0  # s
EMPTY_REST: Final = 1.0  # s the hopper is left alone after it gave nothing
CLOSED_REST: Final = 30.0  # s it is left alone when nobody in it may be called at this hour
CALLBACKS_EVERY: Final = 1.0  # s between two looks for due call-backs
OWN_AGENT_FIRST: Final = timedelta(minutes=10)  # a due call-back waits so long for its agent, then anybody takes it


class Launcher:
    """Launches the calls of one campaign, one transaction at a time, beside the runner's loop."""

    def __init__(self, runner: CampaignRunner) -> None:
        self.runner = runner
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._round_at = 0.0  # when the last round began, on the machine's monotonic clock
        self._requests: deque[DialRequested] = deque()
        self._tokens, self._filled = 1.0, 0.0
        self._rest_until = 0.0
        self._empty_until = 0.0
        self._callbacks_at = 0.0  # when due call-backs were last looked for
        self._congestion: deque[float] = deque(maxlen=CONGESTED)
        self.trunk_up = True

    # ---- the runner's side ----

    def wake(self) -> None:
        """Something changed: look whether calls should leave."""
        if self._task is not None and not self._task.done():
            self._again = True
        elif self._wanted() > 0 or self._requests or self._callbacks_possible():
            self._task = asyncio.create_task(self._run())

    def ask(self, request: DialRequested) -> None:
        """An agent asks for a call."""
        self._requests.append(request)

    async def settle(self) -> None:
        """Wait until nothing is being launched."""
        self._requests.clear()
        if self._task is not None:
            self._again = False
            with suppress(Exception):
                await self._task
            self._task = None

    def note_end(self, call: LiveCall) -> None:
        """Learn from an end: many congestion results in a row rest the trunk for a moment."""
        if call.machine.outcome is Outcome.CONGESTION:
            now = self.runner.clock.timestamp()
            self._congestion.append(now)
            if len(self._congestion) == CONGESTED and now - self._congestion[0] < CONGESTION_WINDOW:
                self._rest_until = now + CONGESTION_REST

    def node(self) -> str | None:
        """The media process for the campaign's calls and agents; the present one while it lives."""
        runner = self.runner
        legs = [
            s.media_node for s in runner.floor.sessions.values() if s.leg_up and s.media_node in runner.presence.nodes
        ]
        present = legs[0] if legs else runner.work.campaign.media_node
        return choose(runner.presence.nodes, present, runner.work.campaign.max_lines)

    # ---- how many ----

    def _wanted(self) -> int:
        runner = self.runner
        work, now = runner.work, runner.clock.timestamp()
        resting = now < self._rest_until or (work.trunk.backoff_until and work.trunk.backoff_until > runner.clock.now())
        if not work.running or not self.trunk_up or resting or now < self._empty_until:
            return 0
        calls = list(runner.calls.values())
        unbound = [c for c in calls if c.reserved_session_id is None]
        states = [s.state for s in runner.floor.sessions.values()]
        view = FloorView(
            ready=len(runner.floor.ready()),
            talking=states.count(AgentState.TALKING),
            wrapup=states.count(AgentState.WRAPUP),
            dialing=sum(c.unanswered for c in unbound),
            waiting=sum(c.machine.state in (CallState.DETECTING, CallState.QUEUED) for c in unbound),
            lines_free=self._lines_free(len(calls)),
            ratio=work.campaign.ratio,
        )
        mode = MODES[work.campaign.mode]
        wanted = 0 if mode.by_request else mode.launch(view)
        return min(wanted, view.lines_free, int(self._refill(now)), MOST_AT_ONCE)

    def _lines_free(self, open_calls: int) -> int:
        work = self.runner.work
        return max(0, min(work.campaign.max_lines, work.trunk.max_calls) - open_calls)

    async def _trunk_lines_free(self, session: AsyncSession) -> int:
        """What the trunk can still carry: other campaigns may call through it too."""
        trunk = self.runner.work.trunk
        up = await session.exec(
            select(func.count())
            .select_from(Attempt)
            .where(Attempt.trunk_id == trunk.id, col(Attempt.ended_at).is_(None))
        )
        return trunk.max_calls - up.one()

    def _refill(self, now: float) -> float:
        rate = self.runner.work.trunk.max_cps
        self._tokens = min(max(1.0, rate), self._tokens + (now - self._filled) * rate) if self._filled else 1.0
        self._filled = now
        return self._tokens

    def _callbacks_possible(self) -> bool:
        """Whether it is time to look for due call-backs."""
        waited = self.runner.clock.timestamp() - self._callbacks_at
        return self.runner.work.running and waited >= CALLBACKS_EVERY and bool(self.runner.floor.ready())

    # ---- one round ----

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._round_at + ROUND_EVERY - time.monotonic())
            self._round_at = time.monotonic()
            self._again = False
            try:
                await self._round()
            except leases.LeaseLost:
                return  # the runner finds out by itself
            except (NoCallerId, PolicyError) as error:
                log.error("engine.may_not_dial", campaign=str(self.runner.campaign_id), why=str(error))
                self._empty_until = self.runner.clock.timestamp() + 10 * EMPTY_REST
            except (*LOST, SQLAlchemyError, OSError) as error:
                log.warning("engine.launch_failed", error=type(error).__name__)
                return
            except Exception:
                log.exception("engine.launch_broken", campaign=str(self.runner.campaign_id))
                self._empty_until = self.runner.clock.timestamp() + 10 * EMPTY_REST
            if not self._again:
                return

    async def _round(self) -> None:
        runner = self.runner
        node = self.node()
        if node is None:
            return
        await runner.bus.redis.ping()  # nothing new is dialled while the bus is away
        async with runner.database.begin() as s:
            await leases.check(s, runner.lease, runner.token)
            # As it is now: what was read at the last tick may have been stopped or changed since.
            campaign = await s.get_one(Campaign, runner.campaign_id)
            running = campaign.state is CampaignState.RUNNING and runner.work.trunk.enabled
            terms = Terms(campaign, runner.work.brand, runner.work.trunk, node, runner.token)
            wishes: list[Wish] = []
            if running:
                wishes += await self._requested(s)
                wishes += await self._callbacks(s)
            wanted = min(self._wanted(), MOST_AT_ONCE - len(wishes)) if running else 0
            if wanted > 0:
                wanted = min(wanted, await self._trunk_lines_free(s) - len(wishes))
            leads: list[Lead] = []
            if wanted > 0:
                leads = await pick(s, runner.campaign_id, runner.clock.now(), wanted)
                if not leads:
                    self._empty_until = runner.clock.timestamp() + EMPTY_REST
                wishes += [Wish(lead) for lead in leads]
            placed = await launch(s, runner.clock, terms, wishes) if wishes else []
            await self._after(s, wishes, placed)
        now = runner.clock.timestamp()
        for p in placed:
            p.call.since = now
            runner.calls[p.call.id] = p.call
        self._tokens -= len(placed)
        metrics.LAUNCHED.labels(runner.work.campaign.mode).inc(len(placed))
        if leads and not placed:
            if all(lead.reason == "outside_window" for lead in leads):
                self._empty_until = now + CLOSED_REST
            else:
                self._again = True  # none of those picked may be called now; the next ones may
        await runner.send([(node, p.command) for p in placed])

    async def _after(self, session: AsyncSession, wishes: Sequence[Wish], placed: Sequence[Placed]) -> None:
        """Give back agents whose call may not be made; a call-back that was refused waits or ends with the reason."""
        made = {p.call.lead_id for p in placed}
        for wish in wishes:
            if wish.session_id is not None and wish.attempt_id is not None and wish.lead.id not in made:
                await self.runner.floor.release(session, wish.session_id, wish.attempt_id)
            if wish.next_action_id is None:
                continue
            action = await session.get_one(NextAction, wish.next_action_id)
            if wish.lead.id in made:
                action.state = ActionState.TAKEN
            elif wish.lead.due_at > self.runner.clock.now() and wish.lead.state is not LeadState.FINISHED:
                action.due_at = wish.lead.due_at
                wish.lead.state = LeadState.FINISHED
            else:
                action.state, action.note = ActionState.CANCELLED, f"{action.note} [{wish.lead.reason}]".strip()
            session.add(action)

    async def _requested(self, session: AsyncSession) -> list[Wish]:
        """Calls that agents asked for: the agent is reserved first, the rules are those of the dialer."""
        wishes: list[Wish] = []
        while self._requests and len(wishes) < MOST_AT_ONCE:
            request = self._requests.popleft()
            lead = (
                await session.exec(
                    select(Lead)
                    .where(
                        Lead.id == request.lead_id,
                        Lead.campaign_id == self.runner.campaign_id,
                        Lead.state != LeadState.IN_FLIGHT,
                    )
                    .with_for_update(skip_locked=True)
                )
            ).first()
            if lead is not None:
                await self._bind(session, wishes, Wish(lead, request.contact_point_id), request.session_id)
        return wishes

    async def _callbacks(self, session: AsyncSession) -> list[Wish]:
        """Due call-backs: for their own agent; after a while, or if that agent has no shift, for whoever is ready."""
        runner = self.runner
        if not self._callbacks_possible():
            return []
        now = runner.clock.now()
        self._callbacks_at = now.timestamp()
        due = await session.exec(
            select(NextAction)
            .where(
                NextAction.campaign_id == runner.campaign_id,
                NextAction.kind == ActionKind.CALLBACK,
                NextAction.state == ActionState.PLANNED,
                NextAction.due_at <= now,
            )
            .order_by(col(NextAction.due_at))
            .limit(MOST_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        by_agent = {s.agent_id: s for s in runner.floor.sessions.values()}
        wishes: list[Wish] = []
        for action in due.all():
            own = by_agent.get(action.agent_id) if action.agent_id else None
            if own is not None and own.state is not AgentState.READY and now - action.due_at < OWN_AGENT_FIRST:
                continue
            if own is None or own.state is not AgentState.READY:
                own = next(iter(runner.floor.ready()), None)
            if own is None:
                break
            lead = (
                await session.exec(
                    select(Lead)
                    .where(
                        Lead.campaign_id == runner.campaign_id,
                        Lead.case_id == action.case_id,
                        Lead.state != LeadState.IN_FLIGHT,
                    )
                    .with_for_update(skip_locked=True)
                )
            ).first()
            if lead is not None:
                wish = Wish(lead, action.contact_point_id, next_action_id=action.id)
                await self._bind(session, wishes, wish, own.id)
        return wishes

    async def _bind(self, session: AsyncSession, wishes: list[Wish], wish: Wish, session_id: UUID) -> None:
        wish.attempt_id = new_id(self.runner.clock)
        agent = await self.runner.floor.reserve(session, wish.attempt_id, only=session_id)
        if agent is not None:
            wish.session_id = agent.id
            wishes.append(wish)
