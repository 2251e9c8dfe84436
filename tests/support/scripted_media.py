"""A media process without sound: takes the engine's commands from the real bus and tells events as a test scripts them.

It keeps the rules of ``dialer/media/messages.py``: numbered events, a spool until acknowledged, at most one execution
of a command, an inventory when asked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from core.bus import LOST, Bus
from core.clock import Clock
from dialer.call import Verdict
from dialer.media import messages as m

Script = Callable[["ScriptedMedia", m.PlaceCall], None]


class ScriptedMedia:
    """One incarnation of a media process of a node. ``script`` is called for each call that is placed."""

    def __init__(self, bus: Bus, clock: Clock, node: str, script: Script, incarnation: str = "1") -> None:
        self.bus, self.clock, self.node, self.script = bus, clock, node, script
        self.incarnation = incarnation
        self.source = f"{node}:{incarnation}"
        self.commands: list[m.Command] = []
        self.placed: dict[UUID, m.PlaceCall] = {}
        self.up: set[UUID] = set()
        self.legs: dict[UUID, UUID] = {}
        self.most_up = 0
        self.answer_agents = True
        self._seq: dict[str, int] = {}
        self._spool: dict[str, list[m.Event]] = {}
        self._campaign: dict[UUID, UUID] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._out: asyncio.Queue[tuple[str, m.Event]] = asyncio.Queue()

    async def __aenter__(self) -> ScriptedMedia:
        self._after = await self.bus.last_id(m.commands_stream(self.node))
        await self._sign()
        self._tasks = [asyncio.create_task(t) for t in (self._read(), self._live(), self._write())]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def kill(self) -> None:
        """Stop at once; the key of life runs out by itself."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    # ---- what a script tells ----

    def tell(self, kind: type[m.Event], campaign_id: UUID, **fields: object) -> None:
        """Send an event: numbered and kept until it is acknowledged."""
        stream = m.events_stream(campaign_id)
        self._seq[stream] = self._seq.get(stream, 0) + 1
        event = kind.model_validate(
            {
                "source": self.source,
                "seq": self._seq[stream],
                "at": self.clock.timestamp(),
                "campaign_id": campaign_id,
                **fields,
            }
        )
        self._spool.setdefault(stream, []).append(event)
        self._out.put_nowait((stream, event))

    def of(self, kind: type[m.AttemptEvent], attempt_id: UUID, **fields: object) -> None:
        """Send an event of a call."""
        self.tell(kind, self._campaign[attempt_id], attempt_id=attempt_id, **fields)

    def hear(self, attempt_id: UUID, verdict: Verdict, *, early: bool = False) -> None:
        """What the detector would say: not numbered."""
        campaign_id = self._campaign[attempt_id]
        event = m.CallVerdict(
            source=f"detector:{self.node}",
            seq=0,
            at=self.clock.timestamp(),
            campaign_id=campaign_id,
            attempt_id=attempt_id,
            verdict=verdict,
            confidence=0.9,
            reason="test",
            audio_ms=800,
            early=early,
        )
        self._out.put_nowait((m.events_stream(campaign_id), event))

    def end(self, attempt_id: UUID, sip_code: int = 200, **fields: object) -> None:
        """The dialog is over."""
        if attempt_id in self.up:
            self.up.discard(attempt_id)
            self.of(m.CallEnded, attempt_id, sip_code=sip_code, **fields)

    def drop_leg(self, session_id: UUID) -> None:
        """An agent's telephone goes."""
        campaign_id = self.legs.pop(session_id)
        self.tell(m.LegDown, campaign_id, session_id=session_id, sip_code=200)

    # ---- inside ----

    async def _sign(self) -> None:
        load = json.dumps({"incarnation": self.incarnation, "calls": len(self.up), "max_calls": 1000})
        await self.bus.redis.set(m.alive_key(self.node), load, px=3000)

    async def _live(self) -> None:
        while True:
            with suppress(*LOST):
                await self._sign()
            await asyncio.sleep(1)

    async def _write(self) -> None:
        while True:
            stream, event = await self._out.get()
            with suppress(*LOST):
                await self.bus.publish(stream, event)

    async def _read(self) -> None:
        stream = m.commands_stream(self.node)
        while True:
            for entry in await self.bus.read({stream: self._after}, block_ms=500):
                self._after = entry.id
                command = m.COMMAND.validate_json(entry.json)
                self.commands.append(command)
                self._obey(command)

    def _obey(self, command: m.Command) -> None:
        match command:
            case m.PlaceCall():
                self._place(command)
            case m.CancelCall():
                self.end(command.attempt_id, 487, by="us")
            case m.HangupCall():
                self.end(command.attempt_id, 200, by="us")
            case m.BridgeCall():
                if command.session_id in self.legs and command.attempt_id in self.up:
                    self.of(m.CallBridged, command.attempt_id, session_id=command.session_id)
            case m.PlayMessage():
                self.of(m.MessageDone, command.attempt_id)
                self.end(command.attempt_id, 200, by="us")
            case m.DialAgent() if self.answer_agents and command.session_id not in self.legs:
                self.legs[command.session_id] = command.campaign_id
                self.tell(m.LegUp, command.campaign_id, session_id=command.session_id, sip_call_id="leg")
            case m.HangupAgent() if command.session_id in self.legs:
                self.drop_leg(command.session_id)
            case m.AckEvents() if command.source == self.source:
                kept = self._spool.get(command.stream, [])
                self._spool[command.stream] = [e for e in kept if e.seq > command.seq]
            case m.ResendEvents():
                for event in self._spool.get(command.stream, []):
                    self._out.put_nowait((command.stream, event))
                self.tell(m.Inventory, command.campaign_id, attempts=sorted(self.up, key=str), sessions=list(self.legs))

    def _place(self, command: m.PlaceCall) -> None:
        self._campaign[command.attempt_id] = command.campaign_id
        if command.attempt_id in self.placed:
            self.of(m.CallRefused, command.attempt_id, why="known")
        elif self.clock.timestamp() > command.deadline:
            self.of(m.CallRefused, command.attempt_id, why="late")
        else:
            self.placed[command.attempt_id] = command
            self.up.add(command.attempt_id)
            self.most_up = max(self.most_up, len(self.up))
            self.of(m.CallAccepted, command.attempt_id)
            self.script(self, command)
