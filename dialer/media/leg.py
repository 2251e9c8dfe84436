"""One SIP dialog that we began: what debtors' calls and agents' legs have in common.

The library reports states that may be skipped and answers that may cross; what counts here is the messages themselves,
each looked at once. A leg's Python object lives in :class:`Legs` until the library is done with it: an object that
Python collects hangs its call up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pjsua2 as pj
import structlog

from dialer.media import native
from dialer.media.endpoint import call_param, let_go
from dialer.media.journal import Dialog, Journal
from dialer.media.loop import Loop, guarded
from dialer.media.sip import SipMessage, parse

if TYPE_CHECKING:
    from dialer.media.events import Events

log = structlog.get_logger()
NO_ANSWER_TO_CANCEL = 40.0  # s; Timer B and some: after it the library has given up in any case


@dataclass
class Legs:
    """Every call object the library knows, and what they share."""

    loop: Loop
    journal: Journal
    events: Events
    seen_peer: Callable[[str], None]  # an address (host:port) that answered one of our requests
    alive: set[Leg] = field(default_factory=set)
    gone: list[Callable[[Leg], None]] = field(default_factory=list)  # told once the library is done with a leg

    def forget(self, leg: Leg) -> None:
        """Let a finished leg's object go. Outside of its own callbacks only, and before the next call is made."""
        self.alive.discard(leg)
        for told in self.gone:
            told(leg)
        let_go(leg)


class Leg(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    """A dialog of ours. Subclasses say what its turns mean: :meth:`progressed`, :meth:`answered`, :meth:`over`."""

    def __init__(self, legs: Legs, account: Any, key: UUID, transport: str) -> None:
        super().__init__(account)
        self.legs = legs
        self.account = account
        self.key = key
        self.transport = transport
        self.heard = False  # anything at all came back
        self.cancelled = False  # we gave up before the answer
        self.ended_by_us = False
        self.is_answered = False
        self.is_over = False
        self.final: SipMessage | None = None
        self.farewell: SipMessage | None = None  # the far side's BYE
        self.audio: Any = None  # active audio, a pj.AudioMedia
        self._session: int | None = None
        self._last = ""
        self._dialog: Dialog | None = None

    # ---- what to do ----

    def invite(self, uri: str, from_uri: str, headers: dict[str, str]) -> None:
        """Send the INVITE.

        Raises:
            pj.Error: the library could not.
        """
        param = call_param()
        param.txOption.localUri = from_uri
        for name, value in headers.items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            param.txOption.headers.append(header)
        self.legs.alive.add(self)
        try:
            self.makeCall(uri, param)
        except pj.Error:
            self._finish()
            raise

    def end(self) -> None:
        """CANCEL or BYE, whichever fits; nothing if it is over."""
        if self.is_over or self.cancelled or self.ended_by_us:
            return
        if not self.is_answered and self._session is not None:
            self.cancelled = True
            if native.cancel(self._session):
                self.legs.loop.after(NO_ANSWER_TO_CANCEL, self._hang_up)
                return
        self._hang_up()

    def _hang_up(self) -> None:
        if self.is_over:
            return
        self.ended_by_us = True
        try:
            self.hangup(call_param(bare=True))
        except pj.Error:
            log.info("hangup_refused", leg=str(self.key))

    # ---- what subclasses say ----

    def progressed(self, message: SipMessage) -> None:
        """A provisional answer other than 100."""

    def answered(self, message: SipMessage, *, after_cancel: bool) -> None:
        """The first 200."""

    def audio_changed(self) -> None:
        """``audio`` is new, or None."""

    def over(self, status: int) -> None:
        """The dialog is gone; ``status``: the library's last code. Called once."""

    # ---- what the library says ----

    @guarded
    def onCallState(self, prm: Any) -> None:  # noqa: N802 - the library's name
        self._look_at(prm.e)
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._gone(int(info.lastStatusCode))

    @guarded
    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802
        self._look_at(prm.e)

    @guarded
    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802
        info = self.getInfo()  # held: its media dangle on a temporary
        active = any(m.type == pj.PJMEDIA_TYPE_AUDIO and m.status == pj.PJSUA_CALL_MEDIA_ACTIVE for m in info.media)
        self.audio = self.getAudioMedia(-1) if active else None
        self.audio_changed()

    def onCallRedirected(self, prm: Any) -> int:  # noqa: N802
        return int(pj.PJSIP_REDIRECT_STOP)  # a 3xx ends the attempt: never followed

    def _look_at(self, event: Any) -> None:
        """Pick the messages out of the library's events; the same one comes several times."""
        if event.type != pj.PJSIP_EVENT_TSX_STATE:
            return
        state = event.body.tsxState
        if self._session is None and state.tsx.method == "INVITE":
            self._session = native.invite_session(state.tsx)
        if state.type == pj.PJSIP_EVENT_TX_MSG:
            if state.tsx.method == "INVITE" and not self.is_answered:
                self._sent(parse(state.src.tdata.wholeMsg), state.src.tdata.dstAddress)
        elif state.type == pj.PJSIP_EVENT_RX_MSG and state.src.rdata.wholeMsg != self._last:
            self._last = state.src.rdata.wholeMsg
            if not self.heard:
                self.legs.seen_peer(state.src.rdata.srcAddress)
            self._received(parse(self._last))

    def _sent(self, message: SipMessage, destination: str) -> None:
        if message.method == "INVITE" and message.status is None:
            self._dialog = Dialog.of_invite(message, self.transport, destination)
            self.legs.journal.keep(str(self.key), self._dialog)

    def _received(self, message: SipMessage) -> None:
        self.heard = True
        if message.status is None:
            if message.method == "BYE":
                self.farewell = message
            return
        if message.method != "INVITE" or self.is_answered:
            return
        if 100 < message.status < 200:
            self.progressed(message)
        elif 200 <= message.status < 300:
            self.is_answered = True
            if self._dialog is not None:
                self._dialog = self._dialog.answered(message)
                self.legs.journal.keep(str(self.key), self._dialog)
            if self.cancelled:  # it crossed our CANCEL; the library has sent ACK
                self.legs.loop.later(self._hang_up)
            self.answered(message, after_cancel=self.cancelled)
        elif message.status >= 300:
            self.final = message

    def _gone(self, status: int) -> None:
        if self.is_over:
            return
        self.is_over = True
        self.audio = None
        try:
            self.audio_changed()
            self.over(status)
        finally:
            self._finish()

    def _finish(self) -> None:
        self.is_over = True
        self.legs.journal.drop(str(self.key))
        self.legs.loop.later(lambda: self.legs.forget(self))  # outside its own callback
