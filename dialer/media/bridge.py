"""Joining a debtor's call and an agent's leg: two connections on the conference bridge."""

from __future__ import annotations

from uuid import UUID

import pjsua2 as pj
import structlog

from dialer.media.agents import AgentLeg
from dialer.media.calls import DebtorCall, connect
from dialer.media.events import Events
from dialer.media.messages import BridgeCall, BridgeFailed, CallBridged

log = structlog.get_logger()


def bridge(events: Events, command: BridgeCall, call: DebtorCall | None, leg: AgentLeg | None) -> None:
    """Carry the command out and tell the result. The same pair again is told again and changes nothing.

    A call that is gone is only told by its own CallEnded.
    """
    if call is None or call.is_told:
        return
    why = _why_not(call, leg, command.session_id)
    if why is None and leg is not None:
        try:
            _join(call, leg)
        except pj.Error as error:
            log.error("bridge_failed", attempt_id=str(call.attempt_id), status=error.status)
            why = "error"
    fields = {"attempt_id": command.attempt_id, "session_id": command.session_id}
    if why is None:
        events.tell(CallBridged, call.campaign_id, **fields)
    else:
        events.tell(BridgeFailed, call.campaign_id, **fields, why=why)


def _why_not(call: DebtorCall, leg: AgentLeg | None, session_id: UUID) -> str | None:
    if leg is None or leg.is_over or leg.audio is None:
        return "leg_gone"
    if leg.session_id != session_id:
        return "leg_gone"
    if call.audio is None:
        return "no_audio"
    return None


def _join(call: DebtorCall, leg: AgentLeg) -> None:
    for old_call, old_leg in ((call, call.agent), (leg.debtor, leg)):
        if old_call is not None and old_leg is not None and (old_call, old_leg) != (call, leg):
            part(old_call, old_leg)
    connect(call.audio, leg.audio)
    call.agent, leg.debtor = leg, call


def part(call: DebtorCall, leg: AgentLeg) -> None:
    """Take a pair apart; both stay up."""
    call.agent = leg.debtor = None
    if call.audio is not None and leg.audio is not None:
        call.audio.stopTransmit(leg.audio)
        leg.audio.stopTransmit(call.audio)
