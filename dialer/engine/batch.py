"""What one transaction of the engine writes and what it sends once that is committed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from core.bulk import insert_rows, update_rows
from core.clock import Clock
from core.driver import run
from core.ids import new_id
from core.outbox import emit
from dialer.attempts.models import Attempt, CallEvent, CallLeg, LegKind
from dialer.call import CallState
from dialer.engine.calls import LiveCall
from dialer.events import UI, AttemptsChanged
from dialer.media.messages import Message

_CURSOR = (
    "INSERT INTO media_cursor (stream, source, seq) VALUES (%(stream)s, %(source)s, %(seq)s)"
    " ON CONFLICT (stream, source) DO UPDATE SET seq = excluded.seq"
)


class Batch:
    """Collects rows and commands while events are handled; :meth:`write` puts the rows into the transaction."""

    def __init__(self, session: AsyncSession, clock: Clock) -> None:
        self.session = session
        self.clock = clock
        self.commands: list[tuple[str, Message]] = []  # (media node, command), sent after commit
        self.touched: dict[UUID, LiveCall] = {}
        self.ended: list[LiveCall] = []
        self._events: list[dict[str, Any]] = []
        self._legs: list[dict[str, Any]] = []
        self._legs_ended: list[dict[str, Any]] = []

    def command(self, node: str, message: Message) -> None:
        """Send ``message`` to ``node`` after commit."""
        self.commands.append((node, message))

    def record(
        self, call: LiveCall, at: float, source: str | None = None, detail: dict[str, Any] | None = None
    ) -> None:
        """Write the steps the call's machine has made since the last look."""
        for kind in call.machine.steps:
            self._event(call, kind, at, source, detail)
        if call.machine.steps:
            self.touched[call.id] = call
            call.since = self.clock.timestamp()
            if call.machine.state is CallState.ENDED:
                self.ended.append(call)
                self._leg_ended(call)
        call.machine.steps.clear()

    def note(self, call: LiveCall, kind: str, at: float, source: str | None, detail: dict[str, Any]) -> None:
        """Write a signal that is no step."""
        self._event(call, kind, at, source, detail)
        self.touched[call.id] = call

    def leg_answered(self, call: LiveCall) -> None:
        """The debtor's leg is up: its row."""
        self._legs.append(self._leg(call))

    def _event(self, call: LiveCall, kind: str, at: float, source: str | None, detail: dict[str, Any] | None) -> None:
        self._events.append(
            {
                "id": new_id(self.clock),
                "created_at": self.clock.now(),
                "brand_id": call.brand_id,
                "attempt_id": call.id,
                "campaign_id": call.campaign_id,
                "kind": kind,
                "state": call.machine.state,
                "at": datetime.fromtimestamp(at, UTC),
                "source_key": source,
                "detail": detail or {},
            }
        )

    def _leg(self, call: LiveCall) -> dict[str, Any]:
        answered, ended = call.machine.answered_at, call.machine.ended_at
        return {
            "id": new_id(self.clock),
            "created_at": self.clock.now(),
            "brand_id": call.brand_id,
            "kind": LegKind.DEBTOR,
            "attempt_id": call.id,
            "session_id": None,
            "media_node": call.media_node,
            "sip_call_id": call.sip_call_id,
            "answered_at": None if answered is None else datetime.fromtimestamp(answered, UTC),
            "ended_at": None if ended is None else datetime.fromtimestamp(ended, UTC),
            "sip_code": call.sip_code,
        }

    def _leg_ended(self, call: LiveCall) -> None:
        if call.machine.answered_at is None:
            self._legs.append(self._leg(call))
        else:
            ended = datetime.fromtimestamp(call.machine.ended_at or 0.0, UTC)
            self._legs_ended.append({"attempt_id": call.id, "ended_at": ended, "sip_code": call.sip_code})

    async def write(self, cursors: dict[tuple[str, str], int]) -> None:
        """Put everything into the transaction, the cursors of the media streams included."""
        s = self.session
        await update_rows(s, Attempt, [{"id": call.id, **call.columns()} for call in self.touched.values()])
        await insert_rows(s, CallEvent, self._events)
        await insert_rows(s, CallLeg, self._legs)
        await update_rows(s, CallLeg, self._legs_ended, key="attempt_id")
        for (stream, source), seq in cursors.items():
            await run(s, _CURSOR, {"stream": stream, "source": source, "seq": seq})
        for campaign_id in {call.campaign_id for call in self.touched.values()}:
            await emit(s, UI, AttemptsChanged(campaign_id=campaign_id))
