"""What the engine and a media process say to each other: typed commands in, typed events out.

Instants are Unix seconds of the run's shared clock. Streams (Redis):

* ``media:<node>:commands``   engine -> media
* ``campaign:<id>:events``    media and detector -> the engine that holds the campaign's lease
* ``media:<node>:taps``       media -> detectors of that node

A media process numbers its events per stream, from 1, within its incarnation, and keeps each in a spool until the
engine's :class:`AckEvents`; :class:`ResendEvents` makes it send all unacknowledged ones again, in order.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from dialer.call import Verdict


class Message(BaseModel):
    """Base of all messages: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ---- commands -------------------------------------------------------------------------------------------------


class PlaceCall(Message):
    """Call a debtor. Executed at most once: a known id, an older token or a passed deadline is refused."""

    kind: Literal["place_call"] = "place_call"
    attempt_id: UUID
    campaign_id: UUID
    fence: int
    deadline: float
    trunk_id: UUID
    number: str = Field(description="E.164; media writes it in the trunk's format")
    caller_id: str = Field(description="E.164")
    ring_timeout: int = Field(ge=15, le=120, description="s")
    max_duration: int = Field(gt=0, description="s after the answer")


class CancelCall(Message):
    """End a call that is not answered yet (CANCEL). Harmless if it has ended; an answer that crosses is hung up."""

    kind: Literal["cancel_call"] = "cancel_call"
    attempt_id: UUID


class HangupCall(Message):
    """End a debtor's call in whatever state it is."""

    kind: Literal["hangup_call"] = "hangup_call"
    attempt_id: UUID


class BridgeCall(Message):
    """Join a debtor's call and an agent's nailed-up leg, both ways."""

    kind: Literal["bridge_call"] = "bridge_call"
    attempt_id: UUID
    session_id: UUID


class PlayMessage(Message):
    """Play a WAV (8 kHz mono) to the debtor, then report; ``hangup`` ends the call after it."""

    kind: Literal["play_message"] = "play_message"
    attempt_id: UUID
    path: str
    hangup: bool = True


class DialAgent(Message):
    """Set up an agent's nailed-up leg to a SIP URI."""

    kind: Literal["dial_agent"] = "dial_agent"
    session_id: UUID
    campaign_id: UUID
    uri: str
    display: str = ""


class HangupAgent(Message):
    """End an agent's leg."""

    kind: Literal["hangup_agent"] = "hangup_agent"
    session_id: UUID


class AckEvents(Message):
    """All events of ``source`` up to ``seq`` of ``stream`` are committed: drop them from the spool.

    ``source`` may be an earlier incarnation, whose spool outlived a crash and was sent again.
    """

    kind: Literal["ack_events"] = "ack_events"
    stream: str
    source: str
    seq: int


class ResendEvents(Message):
    """Send every unacknowledged event of ``stream`` again, then an :class:`Inventory` of that campaign.

    Unacknowledged events of earlier incarnations come first, under their own ``source`` and ``seq``. Sent by an engine
    that takes a campaign over, or saw a gap. ``fence``: calls of an older token are refused from now on.
    """

    kind: Literal["resend_events"] = "resend_events"
    stream: str
    campaign_id: UUID
    fence: int


class ReloadTrunks(Message):
    """Read the trunks from the database again."""

    kind: Literal["reload_trunks"] = "reload_trunks"


Command = Annotated[
    PlaceCall
    | CancelCall
    | HangupCall
    | BridgeCall
    | PlayMessage
    | DialAgent
    | HangupAgent
    | AckEvents
    | ResendEvents
    | ReloadTrunks,
    Field(discriminator="kind"),
]
COMMAND: TypeAdapter[Command] = TypeAdapter(Command)


# ---- events ---------------------------------------------------------------------------------------------------


class Event(Message):
    """Base of events. ``source`` is ``node:incarnation`` (or ``detector:...``); ``seq`` 0: unnumbered (detector)."""

    source: str
    seq: int
    at: float
    campaign_id: UUID


class AttemptEvent(Event):
    """Base of events of one debtor's call."""

    attempt_id: UUID


class CallAccepted(AttemptEvent):
    """The command was taken; the INVITE leaves next."""

    kind: Literal["call_accepted"] = "call_accepted"


class CallRefused(AttemptEvent):
    """The command was not carried out and never will be.

    ``why``: late, known, fenced, no_trunk, lines, cps, prefix, error.
    """

    kind: Literal["call_refused"] = "call_refused"
    why: str


class CallProgress(AttemptEvent):
    """A provisional answer (100 excluded).

    ``early_media``: it carried SDP. ``signals``: Reason, History-Info, Diversion as they came.
    """

    kind: Literal["call_progress"] = "call_progress"
    sip_code: int
    early_media: bool = False
    signals: dict[str, str] = Field(default_factory=dict)


class CallAnswered(AttemptEvent):
    """The 200 came. ``after_cancel``: our CANCEL had left before it; media has sent ACK and BYE already."""

    kind: Literal["call_answered"] = "call_answered"
    sip_call_id: str
    after_cancel: bool = False


class CallVerdict(AttemptEvent):
    """What listens says. ``early``: heard before the answer. ``audio_ms``: audio consumed at the decision."""

    kind: Literal["call_verdict"] = "call_verdict"
    verdict: Verdict
    confidence: float = Field(ge=0, le=1)
    reason: str
    audio_ms: int
    early: bool = False


class CallBridged(AttemptEvent):
    """Audio flows between the debtor and the agent, both ways."""

    kind: Literal["call_bridged"] = "call_bridged"
    session_id: UUID


class BridgeFailed(AttemptEvent):
    """The bridge could not be made: the agent's leg is gone. The debtor's call is still up."""

    kind: Literal["bridge_failed"] = "bridge_failed"
    session_id: UUID
    why: str


class MessageDone(AttemptEvent):
    """The message was played to its end."""

    kind: Literal["message_done"] = "message_done"


class CallDigit(AttemptEvent):
    """The debtor pressed a key (RFC 4733)."""

    kind: Literal["call_digit"] = "call_digit"
    digit: str


class CallEnded(AttemptEvent):
    """The dialog is over. ``by``: us, debtor, network. ``no_reply``: nothing at all came from the trunk.

    ``sip_code`` is the final code before the answer, 200 after one; ``q850`` and ``reason`` are read from Reason
    headers (RFC 3326, 6432). ``ring_timeout``: we gave up ringing.
    """

    kind: Literal["call_ended"] = "call_ended"
    sip_code: int
    q850: int | None = None
    reason: str | None = None
    by: Literal["us", "debtor", "network"] = "network"
    no_reply: bool = False
    ring_timeout: bool = False
    retry_after: int | None = None
    signals: dict[str, str] = Field(default_factory=dict)


class LegUp(Event):
    """An agent's leg is answered."""

    kind: Literal["leg_up"] = "leg_up"
    session_id: UUID
    sip_call_id: str


class LegDown(Event):
    """An agent's leg is gone, or could not be set up."""

    kind: Literal["leg_down"] = "leg_down"
    session_id: UUID
    sip_code: int


class TrunkStatus(Event):
    """A trunk's health changed (OPTIONS, registration)."""

    kind: Literal["trunk_status"] = "trunk_status"
    trunk_id: UUID
    up: bool
    sip_code: int


class Inventory(Event):
    """Everything of the campaign that is up in this media process: attempts and agents' legs."""

    kind: Literal["inventory"] = "inventory"
    attempts: list[UUID]
    sessions: list[UUID]


MediaEvent = Annotated[
    CallAccepted
    | CallRefused
    | CallProgress
    | CallAnswered
    | CallVerdict
    | CallBridged
    | BridgeFailed
    | MessageDone
    | CallDigit
    | CallEnded
    | LegUp
    | LegDown
    | TrunkStatus
    | Inventory,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[MediaEvent] = TypeAdapter(MediaEvent)


# ---- taps -----------------------------------------------------------------------------------------------------


class TapOpened(Message):
    """A WAV (16 bit PCM, 8 kHz, mono) of the debtor's channel grows at ``path`` from ``at`` on, until the call's end.

    ``early``: begun before the answer. ``answered_at`` follows in :class:`TapAnswered` for the same attempt.
    """

    kind: Literal["tap_opened"] = "tap_opened"
    attempt_id: UUID
    campaign_id: UUID
    path: str
    at: float
    early: bool


class TapAnswered(Message):
    """The call was answered at ``at``: from here on the question is person or machine."""

    kind: Literal["tap_answered"] = "tap_answered"
    attempt_id: UUID
    at: float


class TapClosed(Message):
    """No more audio: stop listening."""

    kind: Literal["tap_closed"] = "tap_closed"
    attempt_id: UUID


Tap = Annotated[TapOpened | TapAnswered | TapClosed, Field(discriminator="kind")]
TAP: TypeAdapter[Tap] = TypeAdapter(Tap)


def commands_stream(node: str) -> str:
    """Stream of commands to a media process."""
    return f"media:{node}:commands"


def taps_stream(node: str) -> str:
    """Stream of taps of a media node."""
    return f"media:{node}:taps"


def events_stream(campaign_id: UUID) -> str:
    """Stream of events of a campaign."""
    return f"campaign:{campaign_id}:events"


def alive_key(node: str) -> str:
    """Redis key (3 s to live) of a running media process: ``{"incarnation", "calls", "max_calls"}``."""
    return f"media:{node}:alive"


def plain(message: Message) -> dict[str, Any]:
    """A message as JSON-ready data."""
    return message.model_dump(mode="json")
