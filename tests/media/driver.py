"""The engine's side of a media process, for tests: sends commands, keeps the events."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, TypeVar
from uuid import UUID

from core.bus import Bus
from core.clock import Clock
from core.ids import new_id
from dialer.media import messages as m
from tests.support.until import until

E = TypeVar("E", bound=m.Event)


class Driver:
    """One campaign on one media node."""

    def __init__(self, bus: Bus, clock: Clock, node: str, trunk_id: UUID) -> None:
        self.bus, self.clock, self.node, self.trunk_id = bus, clock, node, trunk_id
        self.campaign_id = new_id(clock)
        self.events: list[m.Event] = []
        self.taps: list[m.Tap] = []
        self.fence = 1
        self._attempts: set[UUID] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def stream(self) -> str:
        """The campaign's stream of events."""
        return m.events_stream(self.campaign_id)

    async def start(self) -> None:
        """Begin to collect: the campaign's events, and the taps of calls placed from now on."""
        last = await self.bus.redis.xrevrange(m.taps_stream(self.node), count=1)
        self._task = asyncio.ensure_future(self._collect(last[0][0] if last else "0-0"))

    async def stop(self) -> None:
        """Stop collecting."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def clear(self) -> None:
        """End all of the campaign that is still up in the media process."""
        up: list[UUID] = [self.campaign_id]
        deadline = time.monotonic() + 15.0
        while up:
            assert time.monotonic() < deadline, f"still up: {up}"
            seen = len(self.events)
            await self.send(m.ResendEvents(stream=self.stream, campaign_id=self.campaign_id, fence=self.fence))
            told = await until(lambda n=seen: [e for e in self.events[n:] if isinstance(e, m.Inventory)])
            up = [*told[-1].attempts, *told[-1].sessions]
            await self.send(*(m.HangupCall(attempt_id=attempt) for attempt in told[-1].attempts))
            await self.send(*(m.HangupAgent(session_id=session) for session in told[-1].sessions))

    async def _collect(self, last_tap: str) -> None:
        after = {self.stream: "0-0", m.taps_stream(self.node): last_tap}
        while True:
            try:
                entries = await self.bus.read(after, block_ms=200)
            except Exception:
                await asyncio.sleep(0.1)
                continue
            for entry in entries:
                after[entry.stream] = entry.id
                if entry.stream == self.stream:
                    self.events.append(m.EVENT.validate_json(entry.json))
                else:
                    tap = m.TAP.validate_json(entry.json)
                    if tap.attempt_id in self._attempts:
                        self.taps.append(tap)

    async def send(self, *commands: m.Message) -> None:
        """Send commands to the node."""
        await self.bus.publish(m.commands_stream(self.node), *commands)

    async def alive(self, seconds: float = 30.0, other_than: str = "") -> str:
        """Wait until a media process (of another incarnation than given) is ready; its incarnation."""

        async def told() -> str:
            value = await self.bus.redis.get(m.alive_key(self.node))
            incarnation = "" if value is None else str(json.loads(value)["incarnation"])
            return "" if incarnation == other_than else incarnation

        return await until(told, seconds, "a media process")

    def command(self, number: str, **changes: Any) -> m.PlaceCall:
        """A PlaceCall as the engine sends it."""
        fields: dict[str, Any] = {
            "attempt_id": new_id(self.clock),
            "campaign_id": self.campaign_id,
            "fence": self.fence,
            "deadline": self.clock.timestamp() + 5.0,
            "trunk_id": self.trunk_id,
            "number": number,
            "caller_id": "+48221112233",
            "ring_timeout": 15,
            "max_duration": 600,
        }
        command = m.PlaceCall(**{**fields, **changes})
        self._attempts.add(command.attempt_id)
        return command

    async def place(self, number: str, **changes: Any) -> UUID:
        """Send a PlaceCall; its attempt."""
        command = self.command(number, **changes)
        await self.send(command)
        return command.attempt_id

    def of(self, attempt_id: UUID, kind: type[E]) -> list[E]:
        """Events of a kind about an attempt or session, so far."""
        return [
            e
            for e in self.events
            if isinstance(e, kind) and attempt_id in (getattr(e, "attempt_id", None), getattr(e, "session_id", None))
        ]

    async def event(self, attempt_id: UUID, kind: type[E], seconds: float = 15.0) -> E:
        """Wait for the first event of a kind about an attempt or session."""
        found = await until(lambda: self.of(attempt_id, kind), seconds, kind.__name__)
        return found[0]

    def kinds(self, attempt_id: UUID) -> list[str]:
        """Kinds of all events about an attempt, in order."""
        return [e.kind for e in self.events if getattr(e, "attempt_id", None) == attempt_id]  # type: ignore[attr-defined]
