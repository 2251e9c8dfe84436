"""One campaign under its lease: media's events in, agents found, calls launched; committed before anything is sent.

Memory is a copy of the database. Whatever goes wrong in a transaction, the copy is thrown away and read again; media
keeps its events until they are acknowledged, so nothing is lost by that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from cases.events import CASE_EVENT, CASES, CaseSettled
from core import leases
from core.bus import LOST, Bus, Entry
from core.clock import Clock
from core.db import Database
from core.settings import Settings
from dialer.agents.models import AgentSession, AgentState
from dialer.attempts.models import Attempt, MediaCursor
from dialer.call import Action, CallState
from dialer.engine import watch
from dialer.engine.batch import Batch
from dialer.engine.calls import LiveCall, restore
from dialer.engine.ends import finish
from dialer.engine.events import Events
from dialer.engine.floor import Floor
from dialer.engine.launcher import Launcher
from dialer.engine.nodes import Node, alive_nodes
from dialer.engine.terms import Work, read_work
from dialer.events import DESK, DESK_EVENT, DialRequested, HangupRequested
from dialer.media import messages as m

log = structlog.get_logger()

LEASE_SECONDS = 5.0
TICK = 0.5  # s between two looks at pacing, nodes and agents
LATEST = 0.1  # s the loop waits at most for an event
BATCH = 200  # events handled in one transaction
REPLAY = 10.0  # s of the event stream read again by a new holder: verdicts are not resent by anybody
DEAD_AFTER = 4.0  # s without a sign of life: a media process and its calls are gone


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
        self.nodes: dict[str, Node] = {}
        self.seen: dict[str, float] = {}  # node -> when it was last seen alive
        self.asked: dict[str, float] = {}  # node -> when its inventory was last asked for
        self.inventoried: dict[str, str] = {}  # node -> incarnation whose inventory has come
        self.floor = Floor(campaign_id, clock)
        self.work: Work
        self.events: Events
        self.launcher = Launcher(self)
        self._inbox: asyncio.Queue[Entry] = asyncio.Queue(maxsize=4 * BATCH)
        self._ticked = 0.0
        self._touched = False  # an agent did something: look at the floor at once
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
                except (*LOST, SQLAlchemyError, OSError) as error:
                    log.warning("engine.waits", campaign=str(self.campaign_id), error=type(error).__name__)
                    await asyncio.sleep(0.2)
        finally:
            await self.launcher.settle()
            with suppress(Exception):
                async with self.database.begin() as s:
                    await leases.release(s, self.lease, self.holder, self.token)

    async def _recover(self) -> None:
        """Take the lease under a new token and read everything from the database; media sends again what is open."""
        await self.launcher.settle()
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
        self.inventoried.clear()
        self.asked.clear()
        self.nodes = await alive_nodes(self.bus)
        for name in {*self.nodes, *(c.media_node for c in self.calls.values())}:
            self.seen[name] = now
        await self._ask(self.nodes)

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
                    await self._look()
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
        events, desk, settled = self._sorted(entries)
        now = self.clock.timestamp()
        timed = [c for c in self.calls.values() if (d := watch.due_at(c, self.work.limits)) is not None and d <= now]
        free = bool(self.floor.in_state(AgentState.READY, AgentState.RESERVED))
        matchable = free and any(c.machine.state is CallState.QUEUED for c in self.calls.values())
        if not (events or desk or settled or timed or matchable):
            return
        async with self.database.begin() as s:
            await leases.check(s, self.lease, self.token)
            batch = Batch(s, self.clock)
            unproven: set[UUID] = set()
            cursors = await self._media(batch, events, unproven)
            for call in timed:
                await self._step(batch, call, watch.on_time(call, now, self.work.limits))
            await self._desk(batch, desk)
            for case_id in settled:
                for call in [c for c in self.calls.values() if c.case_id == case_id]:
                    await self._step(batch, call, call.machine.stop("settled"))
            await self._match(batch)
            await batch.write({(self.stream, source): seq for source, seq in cursors.items()})
            await finish(s, self.clock, batch.ended, self.work.rules, frozenset(unproven))
        self.cursors.update(cursors)
        for call in batch.ended:
            self.calls.pop(call.id, None)
            self.launcher.note_end(call)
        for source, seq in cursors.items():
            node = source.split(":", 1)[0]
            batch.command(node, m.AckEvents(stream=self.stream, source=source, seq=seq))
        await self.send(batch.commands)
        if batch.touched:
            self.launcher.wake()

    def _sorted(self, entries: list[Entry]) -> tuple[list[m.Event], list[HangupRequested | DialRequested], list[UUID]]:
        events: list[m.Event] = []
        desk: list[HangupRequested | DialRequested] = []
        settled: list[UUID] = []
        for entry in entries:
            if entry.stream == self.stream:
                events.append(m.EVENT.validate_json(entry.json))
            elif entry.stream == DESK:
                asked = DESK_EVENT.validate_json(entry.json)
                if asked.campaign_id != self.campaign_id:
                    continue
                self._touched = True
                if isinstance(asked, HangupRequested | DialRequested):
                    desk.append(asked)
            else:
                told = CASE_EVENT.validate_json(entry.json)
                if isinstance(told, CaseSettled):
                    settled.append(told.case_id)
        return events, desk, settled

    async def _media(self, batch: Batch, events: list[m.Event], unproven: set[UUID]) -> dict[str, int]:
        """Handle media's events in order, each once; gives the cursors as they stand after it."""
        moved: dict[str, int] = {}
        for event in events:
            if event.seq:
                cursor = moved.get(event.source, self.cursors.get(event.source, 0))
                if event.seq > cursor + 1:
                    await self._gap(event.source.split(":", 1)[0])
                    continue
                moved[event.source] = max(cursor, event.seq)
                if event.seq <= cursor:
                    continue
            if isinstance(event, m.Inventory):
                await self._inventory(batch, event, unproven)
            elif isinstance(event, m.LegUp):
                await self.floor.leg_up(
                    batch.session, event.session_id, event.source.split(":", 1)[0], event.sip_call_id
                )
            elif isinstance(event, m.LegDown):
                await self._leg_down(batch, event.session_id, event.sip_code)
            elif isinstance(event, m.TrunkStatus):
                if event.trunk_id == self.work.trunk.id:
                    self.launcher.trunk_up = event.up
            elif isinstance(event, m.AttemptEvent) and (call := self.calls.get(event.attempt_id)) is not None:
                await self.events.handle(batch, call, event)
        return moved

    async def _step(self, batch: Batch, call: LiveCall, actions: list[Action]) -> None:
        """Carry out what a step asked for, the step itself recorded first."""
        batch.record(call, self.clock.timestamp())
        await self.events.act(batch, call, actions)

    async def _leg_down(self, batch: Batch, session_id: UUID, sip_code: int | None) -> None:
        for call in list(self.calls.values()):
            if call.session_id == session_id:
                was = call.machine.state
                await self._step(batch, call, call.machine.agent_lost())
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
                await self._step(batch, call, call.machine.hang_up())

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
            await self._step(batch, call, call.machine.agent_found())

    # ---- media processes ----

    async def _inventory(self, batch: Batch, event: m.Inventory, unproven: set[UUID]) -> None:
        """Close what the media process does not know: it said so after it had sent all events it had."""
        node, incarnation = event.source.split(":", 1)
        self.inventoried[node] = incarnation
        up = set(event.attempts)
        for call in list(self.calls.values()):
            if call.media_node != node or call.id in up:
                continue
            if event.at > call.created_at.timestamp() + watch.ACCEPT_WITHIN:
                unproven.add(call.id)
                await self._step(batch, call, call.machine.lost(event.at))
            else:  # its command may still be on the way: ask once more
                self.inventoried.pop(node, None)
        legs = set(event.sessions)
        for row in list(self.floor.sessions.values()):
            if row.leg_up and row.media_node == node and row.id not in legs:
                await self._leg_down(batch, row.id, None)
            elif not row.leg_up and row.id in legs:
                await self.floor.leg_up(batch.session, row.id, node, None)

    async def _gap(self, node: str) -> None:
        if self.clock.timestamp() - self.asked.get(node, 0.0) >= 1.0:
            await self._ask([node])

    async def _ask(self, nodes: Iterable[str]) -> None:
        """Have media processes send again what is not acknowledged, then their inventory."""
        again = m.ResendEvents(stream=self.stream, campaign_id=self.campaign_id, fence=self.token)
        for node in nodes:
            self.asked[node] = self.clock.timestamp()
            await self.bus.publish(m.commands_stream(node), again)

    async def _close_dead(self, dead: set[str]) -> None:
        """All that was up in media processes that are gone."""
        async with self.database.begin() as s:
            await leases.check(s, self.lease, self.token)
            batch = Batch(s, self.clock)
            now = self.clock.timestamp()
            lost = [c for c in self.calls.values() if c.media_node in dead]
            for call in lost:
                await self._step(batch, call, call.machine.lost(now))
            for row in list(self.floor.sessions.values()):
                if row.leg_up and row.media_node in dead:
                    await self._leg_down(batch, row.id, None)
            await batch.write({})
            await finish(s, self.clock, batch.ended, self.work.rules, frozenset(c.id for c in lost))
        for call in batch.ended:
            self.calls.pop(call.id, None)

    # ---- twice a second ----

    async def _tick(self) -> None:
        now = self.clock.timestamp()
        self.nodes = await alive_nodes(self.bus)
        for name, node in self.nodes.items():
            self.seen[name] = now
            known = self.inventoried.get(name)
            if known != node.incarnation and now - self.asked.get(name, 0.0) >= 1.0:
                await self._ask([name])
        used = {c.media_node for c in self.calls.values()}
        used |= {s.media_node for s in self.floor.sessions.values() if s.leg_up and s.media_node}
        dead = {name for name in used if now - self.seen.setdefault(name, now) > DEAD_AFTER}
        if dead:
            await self._close_dead(dead)
        for name in watch.unheard(self.calls.values(), now) & set(self.nodes):
            if now - self.asked.get(name, 0.0) >= watch.ASK_AFTER:
                await self._ask([name])
        for call in list(self.calls.values()):
            command = watch.repeat(call, now)
            if command is not None:
                call.repeated_at = now
                await self.send([(call.media_node, command)])
        await self._keep()
        await self._look()

    async def _look(self) -> None:
        """Read the agents' sessions again; hang up the telephones of those who have gone, ring those who came."""
        self._touched = False
        known = list(self.floor.sessions.values())
        async with self.database.begin() as s:
            gone = set(await self.floor.load(s))
        for row in known:
            if row.id in gone and row.media_node is not None:
                await self.send([(row.media_node, m.HangupAgent(session_id=row.id))])
        node = self.launcher.node()
        for row in self.floor.to_dial() if node is not None else ():
            uri, name = self.floor.phones[row.agent_id]
            dial = m.DialAgent(session_id=row.id, campaign_id=self.campaign_id, uri=uri, display=name)
            await self.send([(str(node), dial)])
        self.launcher.wake()

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
