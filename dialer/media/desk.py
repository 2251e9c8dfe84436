"""Carrying commands out: the one place that decides whether a call is placed, and what each command does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pjsua2 as pj
import structlog

from dialer.media import messages as m
from dialer.media.agents import AgentLeg
from dialer.media.bridge import bridge
from dialer.media.calls import DebtorCall
from dialer.media.endpoint import Endpoint
from dialer.media.known import Known
from dialer.media.leg import Leg, Legs
from dialer.media.loader import TrunkLoader
from dialer.media.sip import host_port
from dialer.media.trunks import Trunks
from dialer.trunks.numbers import why_not

log = structlog.get_logger()


class Desk:
    """Debtors' calls by attempt, agents' legs by session, and the newest fencing token of each campaign."""

    def __init__(
        self,
        legs: Legs,
        trunks: Trunks,
        endpoint: Endpoint,
        known: Known,
        loader: TrunkLoader,
        taps: Path,
        expect: Callable[[str], None],
    ) -> None:
        self._legs, self._trunks, self._endpoint = legs, trunks, endpoint
        self._known, self._loader, self._taps, self._expect = known, loader, taps, expect
        self._events = legs.events
        self._calls: dict[UUID, DebtorCall] = {}
        self._agents: dict[UUID, AgentLeg] = {}
        self._fences: dict[UUID, int] = {}
        legs.gone.append(self._gone)
        self._handlers: dict[type[m.Message], Callable[[Any], None]] = {
            m.PlaceCall: self._place,
            m.CancelCall: self._cancel,
            m.HangupCall: self._hang_up,
            m.BridgeCall: self._bridge,
            m.PlayMessage: self._play,
            m.DialAgent: self._dial_agent,
            m.HangupAgent: self._hang_up_agent,
            m.AckEvents: lambda c: self._events.spool.ack(c.source, c.stream, c.seq),
            m.ResendEvents: self._resend,
            m.ReloadTrunks: lambda _: self._loader.ask(),
        }

    def carry_out(self, command: m.Command) -> None:
        """Do what a command says, once. Errors are the caller's to log."""
        self._handlers[type(command)](command)

    def tell_all_again(self) -> None:
        """Redis was away: every unacknowledged event again, what is up in each campaign, every open tap."""
        self._events.send_again()
        for campaign_id in list(self._events.campaigns):
            self._inventory(campaign_id)
        for call in self._calls.values():
            call.repeat_tap()

    def clear(self) -> None:
        """Let all call objects go, before the library ends."""
        self._calls.clear()
        self._agents.clear()
        self._legs.alive.clear()

    # ---- debtors' calls ----

    def _place(self, command: m.PlaceCall) -> None:
        why = self._refusal(command)
        if why != "known":
            self._known.add(command.attempt_id, command.deadline)
        if why is not None:
            self._events.tell(m.CallRefused, command.campaign_id, attempt_id=command.attempt_id, why=why)
            return
        line = self._trunks.lines[command.trunk_id]
        call = DebtorCall(self._legs, line, command, self._taps, min(command.max_duration, line.spec.max_duration))
        self._calls[command.attempt_id] = call
        call.place(command, self._endpoint.public_host or self._endpoint.host)

    def _refusal(self, command: m.PlaceCall) -> str | None:
        """Why a call must not be placed; the order matters: what is known stays known."""
        if command.attempt_id in self._known:
            return "known"
        newest = self._fences.get(command.campaign_id, 0)
        if command.fence < newest:
            return "fenced"
        self._fences[command.campaign_id] = command.fence
        if self._events.clock.timestamp() > command.deadline:
            return "late"
        line = self._trunks.lines.get(command.trunk_id)
        if line is None:
            return "no_trunk"
        if why_not(command.number, line.spec.allowed_prefixes) is not None:
            return "prefix"
        if len(line.calls) >= line.spec.max_calls or len(self._legs.alive) >= self._endpoint.max_calls:
            return "lines"
        return None if line.bucket.take(time.monotonic()) else "cps"

    def _cancel(self, command: m.CancelCall) -> None:
        if (call := self._calls.get(command.attempt_id)) is not None:
            call.cancel()

    def _hang_up(self, command: m.HangupCall) -> None:
        if (call := self._calls.get(command.attempt_id)) is not None:
            call.end()

    def _play(self, command: m.PlayMessage) -> None:
        if (call := self._calls.get(command.attempt_id)) is not None:
            call.play(command.path, hangup=command.hangup)

    def _bridge(self, command: m.BridgeCall) -> None:
        bridge(self._events, command, self._calls.get(command.attempt_id), self._agents.get(command.session_id))

    # ---- agents' legs ----

    def _dial_agent(self, command: m.DialAgent) -> None:
        leg = self._agents.get(command.session_id)
        if leg is not None and not leg.is_over:
            if leg.is_answered:
                leg.tell_up()
            return
        leg = AgentLeg(self._legs, self._trunks.local, command)
        self._agents[command.session_id] = leg
        self._expect("{}:{}".format(*host_port(command.uri)))
        try:
            leg.dial(command, self._endpoint)
        except pj.Error as error:
            log.error("agent_not_dialled", session_id=str(command.session_id), status=error.status)
            self._events.tell(m.LegDown, command.campaign_id, session_id=command.session_id, sip_code=500)

    def _hang_up_agent(self, command: m.HangupAgent) -> None:
        if (leg := self._agents.get(command.session_id)) is not None:
            leg.end()

    # ---- the campaign's engine ----

    def _resend(self, command: m.ResendEvents) -> None:
        campaign = command.campaign_id
        self._fences[campaign] = max(command.fence, self._fences.get(campaign, 0))
        self._events.send_again(command.stream)
        self._inventory(campaign)

    def _inventory(self, campaign: UUID) -> None:
        self._events.inventory(
            campaign,
            [key for key, call in self._calls.items() if call.campaign_id == campaign and not call.is_told],
            [
                key
                for key, leg in self._agents.items()
                if leg.campaign_id == campaign and leg.is_answered and not leg.is_over
            ],
        )

    def _gone(self, leg: Leg) -> None:
        """The library is done with a leg."""
        known: dict[UUID, Any] = self._calls if isinstance(leg, DebtorCall) else self._agents
        if known.get(leg.key) is leg:
            del known[leg.key]
