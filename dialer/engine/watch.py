"""What happens because time passes: decisions that took too long, patience, silence from media."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dialer.call import Action, CallState
from dialer.engine.calls import LiveCall
from dialer.engine.launch import DEADLINE
from dialer.media import messages as m

REPEAT_AFTER: Final = 1.5  # s without the expected event: the command is sent again (media ignores a second copy)
ASK_AFTER: Final = 5.0  # s without any sign of a call that should have ended: media is asked for its inventory
ACCEPT_WITHIN: Final = DEADLINE + 1.0  # s after which an attempt nobody took is asked for
MESSAGE_WITHIN: Final = 60.0  # s; no safe-harbour message is longer


@dataclass(frozen=True)
class Limits:
    """A campaign's limits in seconds."""

    decision: float
    patience: float


def due_at(call: LiveCall, limits: Limits) -> float | None:
    """The next instant at which time alone moves the call; None: events will."""
    m_ = call.machine
    if m_.state is CallState.DETECTING and m_.answered_at is not None:
        return m_.answered_at + limits.decision
    if m_.state is CallState.QUEUED and m_.queued_at is not None:
        return m_.queued_at + limits.patience
    return None


def on_time(call: LiveCall, now: float, limits: Limits) -> list[Action]:
    """Put the passing of time through the call's machine."""
    due = due_at(call, limits)
    if due is None or now < due:
        return []
    if call.machine.state is CallState.DETECTING:
        return call.machine.undecided(now)
    return call.machine.no_agent(now)


def repeat(call: LiveCall, now: float) -> m.Command | None:
    """The command whose effect is missing too long, to be sent once more; each is harmless if carried out twice."""
    if now - max(call.since, call.repeated_at) < REPEAT_AFTER:
        return None
    match call.machine.state:
        case CallState.BRIDGING if call.session_id is not None:
            return m.BridgeCall(attempt_id=call.id, session_id=call.session_id)
        case CallState.CANCELLING:
            return m.CancelCall(attempt_id=call.id)
        case CallState.HANGING_UP:
            return m.HangupCall(attempt_id=call.id)
    return None


def unheard(calls: Iterable[LiveCall], now: float) -> set[str]:
    """Media nodes with a call that should have made itself heard by now."""
    return {call.media_node for call in calls if now - call.since > _longest(call)}


def _longest(call: LiveCall) -> float:
    """Seconds a call may stay in its state before media is asked about it."""
    match call.machine.state:
        case CallState.CREATED:
            return ACCEPT_WITHIN
        case CallState.DIALING | CallState.RINGING:
            return call.ring_timeout + ASK_AFTER
        case CallState.MESSAGE:
            return MESSAGE_WITHIN
        case CallState.BRIDGED | CallState.DETECTING | CallState.QUEUED:
            return float("inf")
    return ASK_AFTER
