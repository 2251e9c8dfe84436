"""Media's and the detector's events, put through the call state machine."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final
from uuid import UUID

from dialer.call import Action, CallState, Outcome
from dialer.engine.batch import Batch
from dialer.engine.calls import MOST_SIGNALS, LiveCall
from dialer.engine.floor import Floor
from dialer.media import messages as m
from dialer.trunks.outcomes import Reading, Signal, read_signal

# Where carriers send calls that nobody takes: in a Diversion or History-Info target (RFC 5806, RFC 7044).
MAILBOX_WORDS: Final = ("voicemail", "voice-mail", "vmail", "mailbox", "poczta")
MAILBOX_CAUSES: Final = ("cause=302", "cause=486", "cause=408", "cause=503", "cause%3d")  # RFC 4458, section 2.5


def forwarded_to_mailbox(event: m.CallProgress) -> bool:
    """Whether a provisional answer says that the call went to a mailbox."""
    told = " ".join(event.signals.values()).lower()
    if any(word in told for word in MAILBOX_WORDS):
        return True
    return event.sip_code == 181 and any(cause in told for cause in MAILBOX_CAUSES)


class Events:
    """Handlers by event type. ``message_path``: WAV of the safe-harbour message."""

    def __init__(self, floor: Floor, patience: float, message_path: str) -> None:
        self.floor = floor
        self.patience = patience
        self.message_path = message_path
        self.rules: dict[UUID, tuple[Reading, ...]] = {}  # each trunk's own reading of signals
        self._handlers: dict[type[m.Event], Callable[[Batch, LiveCall, Any], Coroutine[Any, Any, list[Action]]]] = {
            m.CallAccepted: self._accepted,
            m.CallRefused: self._refused,
            m.CallProgress: self._progress,
            m.CallAnswered: self._answered,
            m.CallVerdict: self._verdict,
            m.CallBridged: self._bridged,
            m.BridgeFailed: self._bridge_failed,
            m.MessageDone: self._message_done,
            m.CallDigit: self._digit,
            m.CallEnded: self._ended,
        }

    async def handle(self, batch: Batch, call: LiveCall, event: m.Event) -> None:
        """Put one event of ``call`` through its machine and carry out what it asks for."""
        handler = self._handlers.get(type(event))
        if handler is None:
            return
        actions = await handler(batch, call, event)
        source = f"{event.source}:{event.seq}" if event.seq else event.source
        batch.record(call, event.at, source, self._detail(event))
        await self.act(batch, call, actions)

    async def act(self, batch: Batch, call: LiveCall, actions: list[Action]) -> None:
        """Carry out the machine's actions; FIND_AGENT is left to the matching that follows each batch."""
        for action in actions:
            if action is Action.CANCEL:
                batch.command(call.media_node, m.CancelCall(attempt_id=call.id))
            elif action is Action.HANG_UP:
                batch.command(call.media_node, m.HangupCall(attempt_id=call.id))
            elif action is Action.BRIDGE and call.session_id is not None:
                batch.command(call.media_node, m.BridgeCall(attempt_id=call.id, session_id=call.session_id))
            elif action is Action.PLAY_MESSAGE:
                batch.command(call.media_node, m.PlayMessage(attempt_id=call.id, path=self.message_path))
            elif action is Action.RELEASE_AGENT:
                await self.release(batch, call)
            elif action is Action.WRAP_UP and call.session_id is not None:
                await self.floor.wrap_up(batch.session, call.session_id, call.id)

    async def release(self, batch: Batch, call: LiveCall) -> None:
        """Give back the agent reserved for a call."""
        session_id = call.session_id or call.reserved_session_id
        if session_id is not None:
            await self.floor.release(batch.session, session_id, call.id)
        call.session_id = call.agent_id = None

    # ---- one handler an event ----

    async def _accepted(self, batch: Batch, call: LiveCall, event: m.CallAccepted) -> list[Action]:
        return call.machine.accepted()

    async def _refused(self, batch: Batch, call: LiveCall, event: m.CallRefused) -> list[Action]:
        if event.why == "known":  # a second copy of the command: the first one's fate stands
            return []
        return call.machine.refused(event.at, event.why)

    async def _progress(self, batch: Batch, call: LiveCall, event: m.CallProgress) -> list[Action]:
        actions = call.machine.progress(event.at, forwarded_to_mailbox=forwarded_to_mailbox(event))
        call.signals += 1
        if not call.machine.steps and call.signals <= MOST_SIGNALS:
            batch.note(call, f"signal_{event.sip_code}", event.at, f"{event.source}:{event.seq}", self._detail(event))
        return actions

    async def _answered(self, batch: Batch, call: LiveCall, event: m.CallAnswered) -> list[Action]:
        call.sip_call_id = event.sip_call_id
        actions = call.machine.answered(event.at, after_cancel=event.after_cancel)
        if call.machine.answered_at is not None and call.machine.steps:
            batch.leg_answered(call)
        return actions

    async def _verdict(self, batch: Batch, call: LiveCall, event: m.CallVerdict) -> list[Action]:
        actions = call.machine.heard(event.at, event.verdict, event.reason, early=event.early)
        if not call.machine.steps and call.machine.state is not CallState.ENDED:
            batch.note(call, f"heard_{event.verdict}", event.at, event.source, self._detail(event))
        return actions

    async def _bridged(self, batch: Batch, call: LiveCall, event: m.CallBridged) -> list[Action]:
        if call.session_id != event.session_id:
            return []
        actions = call.machine.bridged(event.at)
        if call.machine.steps:
            await self.floor.talking(batch.session, event.session_id, call.id)
        return actions

    async def _bridge_failed(self, batch: Batch, call: LiveCall, event: m.BridgeFailed) -> list[Action]:
        if call.session_id != event.session_id:
            return []
        actions = call.machine.bridge_failed()
        if call.machine.steps:
            await self.release(batch, call)
            await self.floor.leg_down(batch.session, event.session_id, None)
        return actions

    async def _message_done(self, batch: Batch, call: LiveCall, event: m.MessageDone) -> list[Action]:
        return call.machine.hang_up()

    async def _digit(self, batch: Batch, call: LiveCall, event: m.CallDigit) -> list[Action]:
        call.signals += 1
        if call.signals <= MOST_SIGNALS:
            batch.note(call, "digit", event.at, f"{event.source}:{event.seq}", {"digit": event.digit})
        return []

    async def _ended(self, batch: Batch, call: LiveCall, event: m.CallEnded) -> list[Action]:
        if call.machine.state is CallState.ENDED:
            return []
        call.sip_code, call.q850, call.hung_up_by = event.sip_code, event.q850, event.by
        signal = Signal(event.sip_code, event.q850, event.no_reply, event.ring_timeout)
        outcome = read_signal(signal, self.rules.get(call.trunk_id, ()))
        if event.ring_timeout:
            outcome = Outcome.NO_ANSWER
        return call.machine.ended(event.at, outcome, self.patience)

    @staticmethod
    def _detail(event: m.Event) -> dict[str, Any]:
        told = event.model_dump(mode="json", exclude_defaults=True)
        for known in ("kind", "source", "seq", "at", "campaign_id", "attempt_id"):
            told.pop(known, None)
        return told
