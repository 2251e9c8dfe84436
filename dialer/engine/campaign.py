"""One campaign under its lease: media's events in, agents found, calls launched; committed before anything is sent.

Memory is a copy of the database. Whatever goes wrong in a transaction, the copy is thrown away and read again; media
keeps its events until they are acknowledged, so nothing is lost by that.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.events import CASE_EVENT, CASES, CaseSettled, ContactStopped
from core import leases
from core.bus import LOST, Bus, Entry
from core.clock import Clock
from core.db import Database
from core.process import until
from core.settings import Settings
from dialer.agents.models import AgentSession, AgentState
from dialer.attempts.models import Attempt, MediaCursor
from dialer.call import Action, CallState
from dialer.engine import metrics, watch
from dialer.engine.batch import Batch
from dialer.engine.calls import LiveCall, restore
from dialer.engine.ends import finish
from dialer.engine.events import Events
from dialer.engine.floor import Floor
from dialer.engine.launcher import Launcher
from dialer.engine.presence import Presence
from dialer.engine.terms import Work, read_work
from dialer.events import DESK, DESK_EVENT, DialRequested, HangupRequested
from dialer.media import messages as m

log = structlog.get_logger()

AWAY = (OperationalError, InterfaceError, OSError, TimeoutError)  # PostgreSQL is gone, or comes back just now
LEASE_SECONDS = 5.0
TICK = 0.5  # s between two looks at pacing, nodes and agents
LATEST = 0.1  # s the loop waits at most for an event
GATHER = 1.0  # times as long as a transaction took nothing is read: the busier, the more events share the next one
LONGEST_GATHER = 0.02  # s
BATCH = 200  # events handled in one transaction
REPLAY = 10.0  # s of the event stream read again by a new holder: verdicts are not resent by anybody


class CampaignLost(Exception):  # noqa: N818 - said of a lease, not an error
    """Another engine holds the campaign, or it needs none."""


class CampaignRunner:
    """Holds one campaign until the lease is lost, there is nothing left to do, or ``stop`` is set."""

    def __init__(
        self, settings: Settings, database: Database, bus: Bus, clock: Clock, campaign_id: UUID, holder: str
    ) -> None:
        self.settings = settings
        self.database = database
        self.bus = bus
        self.clock = clock
        self.campaign_id = campaign_id
        self.holder = holder
        self.lease = f"campaign:{campaign_id}"
        self.stream = m.events_stream(campaign_id)
        self.token = 0
        self.calls: dict[UUID, LiveCall] = {}
        self.cursors: dict[str, int] = {}
        self.floor = Floor(campaign_id, clock)
        self.work: Work
        self.events: Events
        self.launcher = Launcher(self)
        self.presence = Presence(self)
        self._inbox: asyncio.Queue[Entry] = asyncio.Queue(maxsize=4 * BATCH)
        self._ticked = 0.0
        self._took = 0.0  # s, the last transaction
        self._touched: set[UUID] = set()  # sessions whose agents did something: looked at at once
        self._stop = asyncio.Event()

    # ---- life ----

    async def run(self, stop: asyncio.Event) -> None:
        """Hold the campaign. Loss of Redis or PostgreSQL is waited out; the loss of the lease ends the call."""
        self._stop = stop
        try:
            while not stop.is_set():
                try:
                    await self._recover()
                    await self._loop()
                except (leases.LeaseLost, CampaignLost):
                    return
                except (*LOST, *AWAY) as error:
                    log.warning("engine.waits", campaign=str(self.campaign_id), error=type(error).__name__)
                    await until(stop, 0.2)
                except Exception:
                    log.exception("engine.broken", campaign=str(self.campaign_id))
                    await until(stop, 1.0)
        finally:
            await self.launcher.settle()
            with suppress(Exception):
                async with self.database.begin() as s:
                    await leases.release(s, self.lease, self.holder, self.token)

    async def _recover(self) -> None:
        """Take the lease under a new token and read everything from the database; media sends again what is open."""
        await self.launcher.settle()
        metrics.RECOVERIES.inc()
        start = f"{int((time.time() - REPLAY) * 1000)}-0"
        desk, cases = await self.bus.last_id(DESK), await self.bus.last_id(CASES)
        async with self.database.begin() as s:
            token = await leases.acquire(s, self.lease, self.holder, LEASE_SECONDS)
            if token is None:
                raise CampaignLost
            self.token = token
            work = await read_work(s, self.settings, self.campaign_id)
            if work is None:
                raise CampaignLost
            await self.floor.load(s)
            cursors = (await s.exec(select(MediaCursor).where(MediaCursor.stream == self.stream))).all()
            self.cursors = {c.source: c.seq for c in cursors}
            by_attempt = {a.attempt_id: a for a in self.floor.sessions.values() if a.attempt_id is not None}
            rows = await s.exec(
                select(Attempt).where(Attempt.campaign_id == self.campaign_id, col(Attempt.ended_at).is_(None))
            )
            self.calls = {}
            for row in rows.all():
                holder = by_attempt.get(row.id)
                self.calls[row.id] = restore(
                    row, work.ring_timeout, holder.id if holder else None, holder.agent_id if holder else None
                )
        self._take(work)
        now = self.clock.timestamp()
        for call in self.calls.values():
            call.since = now
        self._inbox = asyncio.Queue(maxsize=4 * BATCH)
        self._after = {self.stream: start, DESK: desk, CASES: cases}
        await self.presence.begin()

    def _take(self, work: Work) -> None:
        self.work = work
        self.events = Events(self.floor, work.limits.patience, str(work.message))
        self.events.rules = work.readings

    async def _loop(self) -> None:
        reading = asyncio.create_task(self._read())
        try:
            while not self._stop.is_set():
                entries = await self._next()
                if reading.done():
                    reading.result()
                await self._batch(entries)
                if self._touched:
                    await self._look(self._touched)
                if self.clock.timestamp() - self._ticked >= TICK:
                    self._ticked = self.clock.timestamp()
                    await self._tick()
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, *LOST):
                await reading

    async def _read(self) -> None:
        while True:
            for entry in await self.bus.read(self._after, block_ms=1000, count=BATCH):
                await self._inbox.put(entry)
                self._after[entry.stream] = entry.id
            await asyncio.sleep(min(LONGEST_GATHER, GATHER * self._took))

    async def _next(self) -> list[Entry]:
        """What has come, waiting no longer than until time itself moves a call."""
        wait = LATEST
        now = self.clock.timestamp()
        for call in self.calls.values():
            due = watch.due_at(call, self.work.limits)
            if due is not None:
                wait = min(wait, max(0.0, due - now))
        entries: list[Entry] = []
        try:
            entries.append(await asyncio.wait_for(self._inbox.get(), wait) if wait else self._inbox.get_nowait())
        except (TimeoutError, asyncio.QueueEmpty):
            return []
        while len(entries) < BATCH and not self._inbox.empty():
            entries.append(self._inbox.get_nowait())
        return entries

    # ---- one transaction ----

    async def _batch(self, entries: list[Entry]) -> None:
        events, desk, stops = self._sorted(entries)
        now = self.clock.timestamp()
        timed = [c for c in self.calls.values() if (d := watch.due_at(c, self.work.limits)) is not None and d <= now]
        free = bool(self.floor.in_state(AgentState.READY, AgentState.RESERVED))
        matchable = free and any(c.machine.state is CallState.QUEUED for c in self.calls.values())
        if not (events or desk or stops or timed or matchable):
            return
        began = time.perf_counter()
        async with self.database.begin() as s:
            await leases.check(s, self.lease, self.token)
            batch = Batch(s, self.clock)
            unproven: set[UUID] = set()
            await self._hold(s, events, timed)
            with s.no_autoflush:  # agents' rows are written once, after all events
                cursors = await self._media(batch, events, unproven)
                for call in timed:
                    await self.step(batch, call, watch.on_time(call, now, self.work.limits))
                await self._desk(batch, desk)
                await self._stops(batch, stops)
                await self._match(batch)
            await batch.write({(self.stream, source): seq for source, seq in cursors.items()})
            await finish(s, self.clock, batch.ended, self.work.rules, frozenset(unproven))
        self._took = time.perf_counter() - began
        metrics.BATCH.observe(self._took)
        self.cursors.update(cursors)
        for call in batch.ended:
            self.calls.pop(call.id, None)
            self.launcher.note_end(call)
            metrics.ENDED.labels(str(call.machine.outcome)).inc()
        for source, seq in cursors.items():
            node = source.split(":", 1)[0]
            batch.command(node, m.AckEvents(stream=self.stream, source=source, seq=seq))
        await self.send(batch.commands)
        if batch.touched:
            self.launcher.wake()

    async def _hold(self, session: AsyncSession, events: Sequence[m.Event], timed: Sequence[LiveCall]) -> None:
        """Lock, in one statement, the agents whose calls move now or who may get one."""
        told = [self.calls.get(e.attempt_id) for e in events if isinstance(e, m.CallBridged | m.CallEnded)]
        agents = {c.session_id for c in (*told, *timed) if c is not None and c.session_id is not None}
        waiting = sum(c.machine.state is CallState.QUEUED for c in self.calls.values())
        waiting += len(timed) + sum(isinstance(e, m.CallVerdict) for e in events)
        await self.floor.hold(session, agents, waiting)

    def _sorted(
        self, entries: list[Entry]
    ) -> tuple[list[m.Event], list[HangupRequested | DialRequested], list[CaseSettled | ContactStopped]]:
        events: list[m.Event] = []
        desk: list[HangupRequested | DialRequested] = []
        stops: list[CaseSettled | ContactStopped] = []
        for entry in entries:
            if entry.stream == self.stream:
                events.append(_event(entry.json))
            elif entry.stream == DESK:
                asked = DESK_EVENT.validate_json(entry.json)
                if asked.campaign_id != self.campaign_id:
                    continue
                if not isinstance(asked, HangupRequested):
                    self._touched.add(asked.session_id)
                if isinstance(asked, HangupRequested | DialRequested):
                    desk.append(asked)
            else:
                stops.append(CASE_EVENT.validate_json(entry.json))
        return events, desk, stops

    async def _media(self, batch: Batch, events: list[m.Event], unproven: set[UUID]) -> dict[str, int]:
        """Handle media's events in order, each once; gives the cursors as they stand after it."""
        moved: dict[str, int] = {}
        for event in events:
            if event.seq:
                cursor = moved.get(event.source, self.cursors.get(event.source, 0))
                if event.seq > cursor + 1:
                    await self.presence.gap(event.source.split(":", 1)[0])
                    continue
                moved[event.source] = max(cursor, event.seq)
                if event.seq <= cursor:
                    continue
            if isinstance(event, m.Inventory):
                await self.presence.inventory(batch, event, unproven)
            elif isinstance(event, m.LegUp):
                await self.floor.leg_up(
                    batch.session, event.session_id, event.source.split(":", 1)[0], event.sip_call_id
                )
            elif isinstance(event, m.LegDown):
                await self.leg_down(batch, event.session_id, event.sip_code)
            elif isinstance(event, m.TrunkStatus):
                if event.trunk_id == self.work.trunk.id:
                    self.launcher.trunk_up = event.up
            elif isinstance(event, m.AttemptEvent) and (call := self.calls.get(event.attempt_id)) is not None:
                await self.events.handle(batch, call, event)
                metrics.EVENTS.labels(type(event).__name__).inc()
        return moved

    async def step(self, batch: Batch, call: LiveCall, actions: list[Action]) -> None:
        """Carry out what a step asked for, the step itself recorded first."""
        batch.record(call, self.clock.timestamp())
        await self.events.act(batch, call, actions)

    async def leg_down(self, batch: Batch, session_id: UUID, sip_code: int | None) -> None:
        """An agent's telephone is gone: a call it was in ends, a person it was meant for waits on."""
        for call in list(self.calls.values()):
            if call.session_id == session_id:
                was = call.machine.state
                await self.step(batch, call, call.machine.agent_lost())
                if was is CallState.BRIDGING:
                    await self.events.release(batch, call)
        await self.floor.leg_down(batch.session, session_id, sip_code)

    async def _desk(self, batch: Batch, asked: Iterable[HangupRequested | DialRequested]) -> None:
        for request in asked:
            if isinstance(request, DialRequested):
                self.launcher.ask(request)
                continue
            call = self.calls.get(request.attempt_id)
            if call is not None and call.session_id == request.session_id:
                await self.step(batch, call, call.machine.hang_up())

    async def _stops(self, batch: Batch, told: Iterable[CaseSettled | ContactStopped]) -> None:
        """Give up the calls that ring for somebody who must not be contacted any more."""
        for stop in told:
            for call in list(self.calls.values()):
                if isinstance(stop, CaseSettled):
                    reason, meant = "settled", call.case_id == stop.case_id
                else:
                    reason = "suppressed"
                    meant = stop.debtor_id in (None, call.debtor_id) and stop.value in (None, call.phone)
                    meant = meant and call.brand_id == stop.brand_id
                if meant:
                    await self.step(batch, call, call.machine.stop(reason))

    async def _match(self, batch: Batch) -> None:
        """Give each waiting person, the longest waiting first, the longest-idle ready agent."""
        queued = [c for c in self.calls.values() if c.machine.state is CallState.QUEUED]
        for call in sorted(queued, key=lambda c: c.machine.queued_at or 0.0):
            own = self.floor.sessions.get(call.reserved_session_id) if call.reserved_session_id else None
            if own is not None and own.state is AgentState.RESERVED and own.attempt_id == call.id:
                agent: AgentSession | None = own
            else:
                agent = await self.floor.reserve(batch.session, call.id)
            if agent is None:
                continue
            call.session_id, call.agent_id = agent.id, agent.agent_id
            await self.step(batch, call, call.machine.agent_found())

    # ---- twice a second ----

    async def _tick(self) -> None:
        await self.presence.look()
        await self._keep()
        await self._look()

    async def _look(self, only: Collection[UUID] | None = None) -> None:
        """Read agents' sessions again; hang up the telephones of those who have gone, ring those who came."""
        self._touched = set()
        known = list(self.floor.sessions.values())
        async with self.database.begin() as s:
            gone = set(await self.floor.load(s, only))
        for row in known:
            if row.id in gone and row.media_node is not None:
                await self.send([(row.media_node, m.HangupAgent(session_id=row.id))])
        node = self.launcher.node()
        for row in self.floor.to_dial() if node is not None else ():
            uri, name = self.floor.phones[row.agent_id]
            dial = m.DialAgent(session_id=row.id, campaign_id=self.campaign_id, uri=uri, display=name)
            await self.send([(str(node), dial)])
        self._measure()
        self.launcher.wake()

    def _measure(self) -> None:
        campaign = str(self.campaign_id)
        metrics.CALLS.labels(campaign).set(len(self.calls))
        states = Counter(s.state for s in self.floor.sessions.values())
        for state in AgentState:
            metrics.AGENTS.labels(campaign, str(state)).set(states[state])

    async def _keep(self) -> None:
        """Renew the lease, read the campaign again, end overdue wrap-ups."""
        async with self.database.begin() as s:
            if not await leases.renew(s, self.lease, self.holder, self.token, LEASE_SECONDS):
                raise leases.LeaseLost(self.lease)
            work = await read_work(s, self.settings, self.campaign_id, self.work)
            await self.floor.end_overdue_wrapups(s, self.work.campaign.wrapup_seconds)
            if work is not None:
                await work.settle_state(s, self.clock, idle=not self.calls)
        if work is None or (work.finished and not self.calls and not self.floor.sessions):
            raise CampaignLost
        self._take(work)

    async def send(self, commands: Iterable[tuple[str, m.Message]]) -> None:
        """Send commands to media; what Redis loses, the watch sends again."""
        by_node: dict[str, list[m.Message]] = {}
        for node, command in commands:
            by_node.setdefault(node, []).append(command)
        for node, messages in by_node.items():
            await self.bus.publish(m.commands_stream(node), *messages)


def _event(text: str) -> m.Event:
    """A media event. One this version can't read counts as seen, so that those after it are not held up for ever."""
    try:
        return m.EVENT.validate_json(text)
    except ValidationError as error:
        log.error("engine.event_unreadable", faults=[fault["loc"] for fault in error.errors(include_input=False)])
        known = {name: value for name, value in json.loads(text).items() if name in m.Event.model_fields}
        return m.Event.model_validate(known)
