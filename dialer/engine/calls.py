"""A call in the engine's memory: its row's keys and the state machine. The database can rebuild each at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from dialer.attempts.models import Attempt
from dialer.call import MACHINES, UNANSWERED, Call, CallState

MOST_SIGNALS = 20  # noted signals kept per call; a trunk that chatters fills no table


@dataclass
class LiveCall:
    """One attempt that has not ended, or has just done so."""

    id: UUID
    brand_id: UUID
    campaign_id: UUID
    lead_id: UUID | None
    debtor_id: UUID
    case_id: UUID
    contact_point_id: UUID | None
    phone: str
    trunk_id: UUID
    media_node: str
    created_at: datetime
    ring_timeout: int
    next_action_id: UUID | None = None
    reserved_session_id: UUID | None = None  # the agent who asked for this call
    machine: Call = field(default_factory=Call)
    session_id: UUID | None = None  # the agent reserved for it or talking
    agent_id: UUID | None = None
    sip_call_id: str | None = None
    sip_code: int | None = None
    q850: int | None = None
    hung_up_by: str | None = None
    signals: int = 0
    since: float = 0.0  # when it came into its present state
    repeated_at: float = 0.0  # when a command was last sent once more

    @property
    def unanswered(self) -> bool:
        """Not answered and not ended."""
        return self.machine.state in UNANSWERED

    @property
    def waiting(self) -> bool:
        """Answered, and neither bridged nor on its way out."""
        return self.machine.state in (CallState.DETECTING, CallState.QUEUED, CallState.BRIDGING)

    def columns(self) -> dict[str, Any]:
        """What the attempt's row must hold now, ``id`` excluded."""
        m = self.machine
        return {
            "state": m.state,
            "outcome": m.outcome if m.state is CallState.ENDED else None,
            "ringing_at": _instant(m.ringing_at),
            "answered_at": _instant(m.answered_at),
            "verdict": m.verdict,
            "verdict_reason": m.verdict_reason,
            "verdict_at": _instant(m.verdict_at),
            "bridged_at": _instant(m.bridged_at),
            "ended_at": _instant(m.ended_at),
            "live": m.live,
            "abandoned": m.abandoned,
            "cancelled_before_answer": m.cancelled_before_answer,
            "agent_session_id": self.session_id if m.bridged_at is not None else None,
            "agent_id": self.agent_id if m.bridged_at is not None else None,
            "reserved_session_id": self.reserved_session_id,
            "sip_code": self.sip_code,
            "q850": self.q850,
            "hung_up_by": self.hung_up_by,
        }


def restore(row: Attempt, ring_timeout: int, session_id: UUID | None, agent_id: UUID | None) -> LiveCall:
    """The call of an open attempt's row, after a restart or a change of the lease.

    Args:
        session_id: the agent session that names this attempt, if there is one; ``agent_id`` its agent.
    """
    machine = Call(
        state=row.state,
        ringing_at=_seconds(row.ringing_at),
        answered_at=_seconds(row.answered_at),
        verdict=row.verdict,
        verdict_at=_seconds(row.verdict_at),
        verdict_reason=row.verdict_reason,
        machine_before_answer=row.cancelled_before_answer and row.verdict in MACHINES,
        queued_at=_seconds(row.verdict_at) if row.live else None,
        bridged_at=_seconds(row.bridged_at),
        live=row.live,
        abandoned=row.abandoned,
        cancelled_before_answer=row.cancelled_before_answer,
        stop_reason="stopped" if row.cancelled_before_answer and row.verdict is None else None,
    )
    machine.outcome = machine.decided_outcome()
    return LiveCall(
        id=row.id,
        brand_id=row.brand_id,
        campaign_id=row.campaign_id,
        lead_id=row.lead_id,
        debtor_id=row.debtor_id,
        case_id=row.case_id,
        contact_point_id=row.contact_point_id,
        phone=row.phone,
        trunk_id=row.trunk_id,
        media_node=row.media_node,
        created_at=row.created_at,
        ring_timeout=ring_timeout,
        next_action_id=row.next_action_id,
        reserved_session_id=row.reserved_session_id,
        machine=machine,
        session_id=session_id or row.agent_session_id,
        agent_id=agent_id or row.agent_id,
        sip_code=row.sip_code,
        q850=row.q850,
        hung_up_by=row.hung_up_by,
    )


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _seconds(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()
