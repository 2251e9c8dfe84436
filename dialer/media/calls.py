"""Debtors' calls: from the command to the last event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pjsua2 as pj
import structlog

from dialer.media.leg import Leg, Legs
from dialer.media.loop import Timer, guarded
from dialer.media.messages import (
    CallAccepted,
    CallAnswered,
    CallDigit,
    CallEnded,
    CallProgress,
    CallRefused,
    MessageDone,
    PlaceCall,
)
from dialer.media.player import Player
from dialer.media.sdp import CODECS, with_codecs
from dialer.media.sip import SipMessage, cause_of, retry_after, signals_of
from dialer.media.taps import Tap
from dialer.media.trunks import TrunkLine
from dialer.trunks.headers import caller_identity

log = structlog.get_logger()
# s without any answer, not even 100, after which a trunk is given up. PJSIP alone would wait for Timer B, 32 s
# (RFC 3261 17.1.1.2), while the debtor could long be called through another trunk. A trunk's ring time-out is longer.
NO_REPLY = 5.0


class DebtorCall(Leg):
    """One attempt's dialog. ``agent`` is the leg it is bridged to, if any (kept by :mod:`dialer.media.bridge`)."""

    def __init__(self, legs: Legs, line: TrunkLine, command: PlaceCall, taps: Path, max_duration: int) -> None:
        super().__init__(legs, line.account, command.attempt_id, line.spec.transport.value)
        self.line = line
        self.attempt_id, self.campaign_id = command.attempt_id, command.campaign_id
        self.agent: Any = None
        self.player: Player | None = None
        self._ring_timeout = command.ring_timeout
        self._max_duration = max_duration
        self._rang_out = False
        self._timer: Timer | None = None
        self._reply_timer: Timer | None = None
        self.is_told = False  # CallEnded has been told
        self._told: tuple[int, bool, dict[str, str]] | None = None
        self._signals: dict[str, str] = {}
        self._tap = Tap(legs.events, taps, self.attempt_id, self.campaign_id)

    def place(self, command: PlaceCall, local_host: str) -> None:
        """Accept the command and send the INVITE; a failure of the library becomes CallRefused."""
        tell = self.legs.events.tell
        identity = caller_identity(self.line.spec, command.caller_id, local_host)
        uri = self.line.spec.target(command.number)
        tell(CallAccepted, self.campaign_id, attempt_id=self.attempt_id)
        self.line.calls.add(self.attempt_id)
        try:
            self.invite(uri, identity.from_uri, identity.headers)
        except pj.Error as error:
            log.error("invite_failed", attempt_id=str(self.attempt_id), status=error.status)
            self.line.calls.discard(self.attempt_id)
            tell(CallRefused, self.campaign_id, attempt_id=self.attempt_id, why="error")
            return
        if not self.is_over:
            self._timer = self.legs.loop.after(self._ring_timeout, self._ring_out)
            self._reply_timer = self.legs.loop.after(NO_REPLY, self._no_reply)

    def cancel(self) -> None:
        """Give up before the answer; an answered call goes on."""
        if not self.is_answered:
            self.end()

    def play(self, path: str, *, hangup: bool) -> None:
        """Play a WAV to the debtor, then tell; ``hangup`` ends the call after it."""
        if self.audio is None:
            if hangup:
                self.end()
            return
        if self.player is not None:
            return

        def done() -> None:
            self.player = None
            if self.is_over:
                return
            self.legs.events.tell(MessageDone, self.campaign_id, attempt_id=self.attempt_id)
            if hangup:
                self.end()

        try:
            self.player = Player(self.legs.loop, path, done)
            self.player.start(self.audio)
        except pj.Error as error:
            log.error("message_not_played", attempt_id=str(self.attempt_id), status=error.status)
            self.player = None
            if hangup:
                self.end()

    def repeat_tap(self) -> None:
        """Tell detectors of this call again."""
        self._tap.repeat()

    # ---- turns of the dialog ----

    def progressed(self, message: SipMessage) -> None:
        """180 to 183: told when it says something new."""
        signals = signals_of(message)
        self._signals.update(signals)
        told = (message.status or 0, message.has_sdp, signals)
        if told != self._told and not self.cancelled:
            self._told = told
            self.legs.events.tell(
                CallProgress, self.campaign_id, attempt_id=self.attempt_id,
                sip_code=told[0], early_media=told[1], signals=signals,
            )  # fmt: skip

    def answered(self, message: SipMessage, *, after_cancel: bool) -> None:
        """The 200."""
        if self.is_told:  # given up without a reply, and now there is one: hung up, and too late to tell
            log.warning("answer_after_the_end", attempt_id=str(self.attempt_id))
            return
        self._signals.update(signals_of(message))
        self.legs.events.tell(
            CallAnswered, self.campaign_id, attempt_id=self.attempt_id,
            sip_call_id=message.value("call-id"), after_cancel=after_cancel,
        )  # fmt: skip
        self._stop_timer()
        if not after_cancel:
            self._tap.answered()
            self._timer = self.legs.loop.after(self._max_duration, self.end)

    def audio_changed(self) -> None:
        """Audio began, was renegotiated or stopped."""
        if self.audio is None or self.cancelled:
            return
        self._tap.listen(self.audio, early=not self.is_answered)
        if self.agent is not None and self.agent.audio is not None:
            connect(self.audio, self.agent.audio)
        if self.player is not None:
            self.player.start(self.audio)

    @guarded
    def onDtmfDigit(self, prm: Any) -> None:  # noqa: N802 - the library's name
        self.legs.events.tell(CallDigit, self.campaign_id, attempt_id=self.attempt_id, digit=prm.digit)

    @guarded
    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802 - the library's name
        if self.line.spec.codecs != CODECS:  # the library's own order holds for all trunks
            prm.sdp.wholeSdp = with_codecs(prm.sdp.wholeSdp, self.line.spec.codecs)

    def over(self, status: int) -> None:
        """The dialog is gone."""
        if not self.is_told:
            self._tell_end(status)

    def _tell_end(self, status: int) -> None:
        """Tell the call's last event and give back all it held."""
        self.is_told = True
        self._stop_timer()
        self.line.calls.discard(self.attempt_id)
        if self.agent is not None:
            self.agent.debtor, self.agent = None, None
        self._tap.close()
        self.legs.loop.later(self._release)
        last = self.farewell if self.is_answered else self.final
        cause = cause_of(last) if last is not None else None
        if last is not None:
            self._signals.update(signals_of(last))
        self.legs.events.tell(
            CallEnded,
            self.campaign_id,
            attempt_id=self.attempt_id,
            sip_code=self._code(status),
            q850=cause.q850 if cause else None,
            reason=cause.text if cause else None,
            by=self._by(),
            no_reply=not self.heard,
            ring_timeout=self._rang_out,
            retry_after=retry_after(last) if last is not None and not self.is_answered else None,
            signals=self._signals,
        )

    def _code(self, status: int) -> int:
        if self.is_answered:
            return 200
        if self.final is not None and self.final.status is not None:
            return self.final.status
        return status if self.heard or status >= 500 else 408

    def _by(self) -> str:
        if self.farewell is not None:
            return "debtor"
        return "us" if self.ended_by_us or self.cancelled else "network"

    def _ring_out(self) -> None:
        self._rang_out = not self.cancelled
        self.end()

    def _no_reply(self) -> None:
        """Give up a trunk that says nothing; the library listens on until Timer B, to end what may yet be answered."""
        if not self.heard and not self.is_told:
            self.end()
            if not self.is_told:
                self._tell_end(408)

    def _stop_timer(self) -> None:
        for timer in (self._timer, self._reply_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._reply_timer = None

    def _release(self) -> None:
        self._tap.release()
        self.player = None


def connect(one: Any, other: Any) -> None:
    """Let two audio ports hear each other; doing it again changes nothing."""
    one.startTransmit(other)
    other.startTransmit(one)
