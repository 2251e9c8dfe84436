"""The call state machine: every state, event and step of one attempt, in one place.

Pure: no clock, database or bus. The engine feeds it events and carries out the actions it answers with; each step
becomes a ``call_event`` row in the same transaction. Events may come late, twice or out of order: a step that makes
no sense in the present state is ignored, never raised.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class CallState(StrEnum):
    """Where an attempt is."""

    CREATED = "created"  # committed; the command is on its way to media
    DIALING = "dialing"  # the INVITE left
    RINGING = "ringing"  # 180, or ringback in early media
    CANCELLING = "cancelling"  # we gave up before the answer; its end is awaited
    DETECTING = "detecting"  # answered; person or machine?
    QUEUED = "queued"  # a live person waits for an agent
    BRIDGING = "bridging"  # an agent is reserved, the bridge is being made
    BRIDGED = "bridged"
    MESSAGE = "message"  # the safe-harbour message plays
    HANGING_UP = "hanging_up"  # answered; we sent BYE, its end is awaited
    ENDED = "ended"


UNANSWERED = frozenset({CallState.CREATED, CallState.DIALING, CallState.RINGING, CallState.CANCELLING})


class Verdict(StrEnum):
    """What listens says of the far end."""

    HUMAN = "human"
    MACHINE_VM = "machine-vm"
    MACHINE_IVR = "machine-ivr"
    MACHINE_UNAVAILABLE = "machine-unavailable"
    FAX = "fax"
    SILENCE = "silence"
    UNCERTAIN = "uncertain"


MACHINES = frozenset({Verdict.MACHINE_VM, Verdict.MACHINE_IVR, Verdict.MACHINE_UNAVAILABLE, Verdict.FAX})


class Outcome(StrEnum):
    """How an attempt ended; recycling rules read it."""

    CONNECTED = "connected"  # bridged to an agent; the disposition says the rest
    ABANDONED = "abandoned"
    HUNG_UP_EARLY = "hung_up_early"  # answered and gone before the verdict or in the queue within patience
    MACHINE = "machine"  # mailbox or announcement after the answer
    MACHINE_EARLY = "machine_early"  # recognised before the answer: cost nothing
    FAX = "fax"
    SILENCE = "silence"
    ANSWERED_AFTER_CANCEL = "answered_after_cancel"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNWANTED = "unwanted"
    PHONE_OFF = "phone_off"
    UNCLEAR = "unclear"
    DEAD_NUMBER = "dead_number"
    NUMBER_CHANGED = "number_changed"
    BAD_FORMAT = "bad_format"
    OUT_OF_ORDER = "out_of_order"
    BLOCKED = "blocked"  # 608: by analytics, not by the person
    ROUTING_FAULT = "routing_fault"
    CONGESTION = "congestion"
    NETWORK_TIMEOUT = "network_timeout"
    NO_REPLY = "no_reply"  # nothing came from the trunk
    REDIRECTED = "redirected"
    MEDIA_MISMATCH = "media_mismatch"
    TRUNK_ALARM = "trunk_alarm"
    STOPPED = "stopped"  # cancelled on our side: settled, suppressed, agent gone
    NOT_PLACED = "not_placed"  # refused or never reached media: no INVITE left
    LOST = "lost"  # its media process died: the end is not known from SIP


class Action(StrEnum):
    """What the engine must do after a step."""

    CANCEL = "cancel"
    HANG_UP = "hang_up"
    FIND_AGENT = "find_agent"
    BRIDGE = "bridge"
    PLAY_MESSAGE = "play_message"
    RELEASE_AGENT = "release_agent"  # an agent reserved for it had no conversation: ready again
    WRAP_UP = "wrap_up"  # the conversation is over


@dataclass
class Call:
    """One attempt as the machine sees it. Instants are Unix seconds of the shared clock."""

    state: CallState = CallState.CREATED
    outcome: Outcome | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    verdict: Verdict | None = None
    verdict_at: float | None = None
    verdict_reason: str | None = None
    machine_before_answer: bool = False
    queued_at: float | None = None
    bridged_at: float | None = None
    ended_at: float | None = None
    live: bool = False
    abandoned: bool = False
    cancelled_before_answer: bool = False
    stop_reason: str | None = None
    steps: list[str] = field(default_factory=list)  # kinds of the steps since the engine last looked

    # ---- before the answer ----

    def accepted(self) -> list[Action]:
        """Media took the command."""
        if self.state is CallState.CREATED:
            self._to(CallState.DIALING, "dialing")
        return []

    def refused(self, at: float, why: str) -> list[Action]:
        """Media did not and will not place the call."""
        if self.state is CallState.ENDED:
            return []
        return self._end(at, Outcome.NOT_PLACED, f"refused_{why}")

    def progress(self, at: float, *, forwarded_to_mailbox: bool = False) -> list[Action]:
        """180, 181, 182 or 183. A forward to a known mailbox is evidence enough to give up before it answers."""
        if self.state in (CallState.CREATED, CallState.DIALING):
            self.ringing_at = at
            self._to(CallState.RINGING, "ringing")
        if forwarded_to_mailbox and self.state is CallState.RINGING:
            return self._machine_before_answer(at, Verdict.MACHINE_VM, "forwarded_to_mailbox")
        return []

    def stop(self, reason: str) -> list[Action]:
        """Give up on our own account (settled case, suppression, campaign stopped by force)."""
        if self.state in (CallState.CREATED, CallState.DIALING, CallState.RINGING):
            self.stop_reason = reason
            self.cancelled_before_answer = True
            self._to(CallState.CANCELLING, f"stop_{reason}")
            return [Action.CANCEL]
        return []

    # ---- the answer and after ----

    def answered(self, at: float, *, after_cancel: bool = False) -> list[Action]:
        """The 200. One that crossed our CANCEL ends at once: abandoned, unless a machine was heard before it."""
        if self.state not in UNANSWERED:
            return []
        self.answered_at = at
        if after_cancel or self.state is CallState.CANCELLING:
            self.cancelled_before_answer = False
            self.outcome = Outcome.ANSWERED_AFTER_CANCEL
            if not self.machine_before_answer:
                self.live = self.abandoned = True
            self._to(CallState.HANGING_UP, "answered_after_cancel")
            return [Action.HANG_UP]
        self._to(CallState.DETECTING, "answered")
        return []

    def heard(self, at: float, verdict: Verdict, reason: str, *, early: bool = False) -> list[Action]:
        """A verdict of the detector."""
        if early and self.state is CallState.RINGING and verdict in MACHINES:
            return self._machine_before_answer(at, verdict, reason)
        if early or self.state is not CallState.DETECTING:
            return []
        self.verdict, self.verdict_at, self.verdict_reason = verdict, at, reason
        if verdict in MACHINES:
            self.outcome = Outcome.FAX if verdict is Verdict.FAX else Outcome.MACHINE
            self._to(CallState.HANGING_UP, f"heard_{verdict}")
            return [Action.HANG_UP]
        return self._live(at, f"heard_{verdict}")

    def undecided(self, at: float) -> list[Action]:
        """The campaign's longest decision time has passed: counts as live."""
        if self.state is not CallState.DETECTING:
            return []
        self.verdict, self.verdict_at, self.verdict_reason = Verdict.UNCERTAIN, at, "max_decision_ms"
        return self._live(at, "undecided")

    def agent_found(self) -> list[Action]:
        """An agent is reserved for this live person."""
        if self.state is not CallState.QUEUED:
            return [Action.RELEASE_AGENT]
        self._to(CallState.BRIDGING, "agent_reserved")
        return [Action.BRIDGE]

    def bridged(self, at: float) -> list[Action]:
        """Audio flows both ways."""
        if self.state is not CallState.BRIDGING:
            return []
        self.bridged_at = at
        self.outcome = Outcome.CONNECTED
        self._to(CallState.BRIDGED, "bridged")
        return []

    def bridge_failed(self) -> list[Action]:
        """The agent's leg was gone: the person waits on."""
        if self.state is not CallState.BRIDGING:
            return []
        self._to(CallState.QUEUED, "bridge_failed")
        return [Action.FIND_AGENT]

    def agent_lost(self) -> list[Action]:
        """The agent's leg broke in a conversation. The debtor's call ends and stays connected."""
        if self.state is not CallState.BRIDGED:
            return self.bridge_failed()
        self._to(CallState.HANGING_UP, "agent_lost")
        return [Action.HANG_UP]

    def no_agent(self, at: float) -> list[Action]:
        """The campaign's patience has passed without an agent: the message plays, the call is abandoned."""
        if self.state is not CallState.QUEUED:
            return []
        self.abandoned = True
        self.outcome = Outcome.ABANDONED
        self._to(CallState.MESSAGE, "abandoned")
        return [Action.PLAY_MESSAGE]

    def hang_up(self) -> list[Action]:
        """The agent, or the end of the message, ends the call."""
        if self.state in (CallState.BRIDGED, CallState.MESSAGE, CallState.BRIDGING):
            self._to(CallState.HANGING_UP, "hang_up")
            return [Action.HANG_UP]
        return []

    # ---- the end ----

    def ended(self, at: float, outcome: Outcome, patience: float) -> list[Action]:
        """The dialog is over. ``outcome``: how the final code reads when the call was never answered.

        Who was answered, live, and waited ``patience`` seconds or more without an agent is abandoned, even if they hung
        up before the message could start.
        """
        if self.state is CallState.ENDED:
            return []
        if self.answered_at is None:
            if self.machine_before_answer:
                outcome = Outcome.MACHINE_EARLY
            elif self.stop_reason is not None:
                outcome = Outcome.STOPPED
        elif self.outcome is not None:
            outcome = self.outcome
        else:
            outcome = Outcome.HUNG_UP_EARLY
            if self.queued_at is not None and at - self.queued_at >= patience:
                self.abandoned, outcome = True, Outcome.ABANDONED
        return self._end(at, outcome, "ended")

    def lost(self, at: float) -> list[Action]:
        """The media process died or does not know the call any more.

        A call lost while ringing may have been answered for nobody; one that was live and had no agent is abandoned.
        """
        if self.state is CallState.ENDED:
            return []
        if self.live and self.bridged_at is None:
            self.abandoned = True
        outcome = self.outcome if self.answered_at is not None and self.outcome is not None else Outcome.LOST
        return self._end(at, outcome, "lost")

    def decided_outcome(self) -> Outcome | None:
        """What the outcome of an answered call will be by what is known of it; None while that is open."""
        if self.bridged_at is not None:
            return Outcome.CONNECTED
        if self.answered_at is None:
            return None
        if self.verdict in MACHINES and not self.machine_before_answer:
            return Outcome.FAX if self.verdict is Verdict.FAX else Outcome.MACHINE
        if self.abandoned:
            return Outcome.ABANDONED if self.queued_at is not None else Outcome.ANSWERED_AFTER_CANCEL
        return Outcome.ANSWERED_AFTER_CANCEL if self.machine_before_answer else None

    # ---- inside ----

    def _machine_before_answer(self, at: float, verdict: Verdict, reason: str) -> list[Action]:
        self.machine_before_answer = True
        self.verdict, self.verdict_at, self.verdict_reason = verdict, at, reason
        self.cancelled_before_answer = True
        self._to(CallState.CANCELLING, f"cancel_{reason}")
        return [Action.CANCEL]

    def _live(self, at: float, step: str) -> list[Action]:
        self.live = True
        self.queued_at = at
        self._to(CallState.QUEUED, step)
        return [Action.FIND_AGENT]

    def _end(self, at: float, outcome: Outcome, step: str) -> list[Action]:
        self.ended_at = at
        self.outcome = outcome
        self._to(CallState.ENDED, step)
        return [Action.RELEASE_AGENT if self.bridged_at is None else Action.WRAP_UP]

    def _to(self, state: CallState, step: str) -> None:
        self.state = state
        self.steps.append(step)
