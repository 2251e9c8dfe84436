"""What the simulated carrier and telephones share: a polling loop with timers, and calls that play clips."""

from __future__ import annotations

import heapq
import itertools
import re
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import phonenumbers
import pjsua2 as pj
import structlog

from dialer.media.endpoint import Endpoint, call_param, let_go
from dialer.simulation.speech import looped

log = structlog.get_logger()
P = ParamSpec("P")
POLL_MS = 10
FAREWELL_SECONDS = 1.0  # for the far ends to answer our BYE
_REQUEST = re.compile(r"^\w+\s+<?(?:sips?|tel):([^@;>\s]*)", re.IGNORECASE)


def guarded(callback: Callable[P, None]) -> Callable[P, None]:
    """A callback of the library whose exceptions are logged: the library would swallow them."""

    @wraps(callback)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except pj.Error as error:
            log.warning("sip_error", where=callback.__qualname__, why=str(error.info()))
        except Exception:
            log.exception("callback_failed", where=callback.__qualname__)

    return run


def called_user(message: str) -> str:
    """The user part of a request's URI, as it was dialled; empty if there is none."""
    found = _REQUEST.match(message)
    return found.group(1) if found else ""


def called_number(message: str) -> str | None:
    """The called number of a request in E.164, whichever way a trunk writes it; None if it is no number."""
    dialled = called_user(message)
    if re.fullmatch(r"48\d{9}", dialled):  # a Polish number in digits; nine digits are a national one
        dialled = f"+{dialled}"
    elif re.fullmatch(r"0\d{9}", dialled):  # with the trunk zero that is no part of Polish numbers any more
        dialled = dialled[1:]
    try:
        return phonenumbers.format_number(phonenumbers.parse(dialled, "PL"), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return None


class Loop:
    """Owns the library's thread: polls it and runs what is due."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run ``action`` in ``seconds`` on the loop's thread, never inside a callback of the library."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), guarded(action)))

    def run(self, stop: threading.Event, calls: set[PlayingCall]) -> None:
        """Go on until ``stop`` is set, then hang up ``calls`` and end the library."""
        while not stop.is_set():
            self._turn()
        for call in list(calls):
            self.later(0, call.end)
        give_up = time.monotonic() + FAREWELL_SECONDS
        while calls and time.monotonic() < give_up:
            self._turn()
        self._endpoint.libDestroy()

    def _turn(self) -> None:
        self._endpoint.libHandleEvents(POLL_MS)
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()


class PlayingCall(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    """An incoming call that can play one clip at a time. It stays in ``registry`` until it has ended."""

    def __init__(
        self, account: pj.Account, call_id: int, loop: Loop, clips: Mapping[str, Path], registry: set[PlayingCall]
    ) -> None:
        super().__init__(account, call_id)
        self.loop = loop
        self.over = False
        self._hanging_up = False
        self._clips = clips
        self._wanted: str | None = None
        self._playing: str | None = None
        self._player: Any = None
        self._registry = registry
        registry.add(self)  # the library hangs up a call that Python collects

    def respond(self, code: int, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Answer the INVITE with ``code``."""
        param = call_param(bare=True)
        param.statusCode = code
        vector = pj.SipHeaderVector()
        for name, value in headers:
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            vector.push_back(header)
        param.txOption.headers = vector
        self.answer(param)

    def end(self) -> None:
        """Hang up."""
        if not self.over:
            self._hanging_up = True
            self.hangup(call_param(bare=True))

    def play(self, clip: str | None) -> None:
        """Play a clip, or nothing, from its beginning as soon as there is media."""
        self._wanted = clip
        self._connect()

    def ended(self) -> None:
        """The dialog is over; a subclass may add to this."""

    @guarded
    def onCallState(self, _prm: pj.OnCallStateParam) -> None:  # noqa: N802 - the library's name
        if not self.over and self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.over = True
            self.ended()
            if self._hanging_up:  # the library is still in our call of hangup()
                self.loop.later(0, self._forget)
            else:  # the next INVITE may come in this very round, into the slot that gets free now
                self._forget()

    @guarded
    def onCallMediaState(self, _prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802 - the library's name
        self._connect()

    def _connect(self) -> None:
        if self.over or self._wanted == self._playing or not self.hasMedia():
            return
        info = self.getInfo()
        if not any(
            media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE for media in info.media
        ):
            return
        self._player = None  # an old player leaves the bridge as it goes
        self._playing = self._wanted
        if self._wanted is not None:
            player = pj.AudioMediaPlayer()
            player.createPlayer(str(self._clips[self._wanted]), 0 if looped(self._wanted) else pj.PJMEDIA_FILE_NO_LOOP)
            player.startTransmit(self.getAudioMedia(-1))
            self._player = player

    def _forget(self) -> None:
        self._player = None
        self._registry.discard(self)
        let_go(self)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop
