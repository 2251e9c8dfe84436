"""Agents' legs: nailed up once a shift, so that joining a debtor is an operation of the bridge and no call set-up."""

from __future__ import annotations

from typing import Any

from dialer.media.calls import DebtorCall, connect
from dialer.media.endpoint import Endpoint
from dialer.media.leg import Leg, Legs
from dialer.media.loop import Timer
from dialer.media.messages import DialAgent, LegDown, LegUp
from dialer.media.sip import SipMessage

ANSWER_WITHIN = 60.0  # s that an agent's telephone may ring


class AgentLeg(Leg):
    """One agent's standing dialog. ``debtor`` is the call it is bridged to, if any."""

    def __init__(self, legs: Legs, account: Any, command: DialAgent) -> None:
        transport = next((t for t in ("tls", "tcp") if f"transport={t}" in command.uri.lower()), "udp")
        super().__init__(legs, account, command.session_id, transport)
        self.session_id, self.campaign_id = command.session_id, command.campaign_id
        self.debtor: DebtorCall | None = None
        self._call_id = ""
        self._timer: Timer | None = None

    def dial(self, command: DialAgent, endpoint: Endpoint) -> None:
        """Call the agent's telephone. Raises pj.Error if the library can't."""
        display = "".join(c for c in command.display if c.isprintable() and c not in '"\\')
        self.invite(command.uri, f'"{display}" <sip:callfloor@{endpoint.public_host or endpoint.host}>', {})
        self._timer = self.legs.loop.after(ANSWER_WITHIN, self._not_answered)

    def tell_up(self) -> None:
        """Tell (again) that the leg is answered."""
        self.legs.events.tell(LegUp, self.campaign_id, session_id=self.session_id, sip_call_id=self._call_id)

    def answered(self, message: SipMessage, *, after_cancel: bool) -> None:
        """The 200; one that crosses our CANCEL is hung up at once."""
        self._call_id = message.value("call-id")
        if not after_cancel:
            self.tell_up()

    def audio_changed(self) -> None:
        """Audio began or was renegotiated: join the debtor again."""
        if self.audio is not None and self.debtor is not None and self.debtor.audio is not None:
            connect(self.audio, self.debtor.audio)

    def over(self, status: int) -> None:
        """The leg is gone; its debtor's call stays up until the engine decides."""
        if self._timer is not None:
            self._timer.cancel()
        if self.debtor is not None:
            self.debtor.agent, self.debtor = None, None
        code = 200 if self.is_answered else (self.final.status if self.final else None) or status or 408
        self.legs.events.tell(LegDown, self.campaign_id, session_id=self.session_id, sip_code=code)

    def _not_answered(self) -> None:
        if not self.is_answered:
            self.end()
