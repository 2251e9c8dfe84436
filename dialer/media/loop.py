"""The main thread of a media process: the one thread that calls the library.

It polls the library, runs what callbacks left to do outside of them, and fires timers. Nothing here may block.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import structlog

log = structlog.get_logger()
P = ParamSpec("P")
POLL_MS = 5  # longest wait in the library; commands wait as long at worst


def _nothing() -> None:
    pass


class Timer:
    """Something to do later, unless it is cancelled."""

    __slots__ = ("cancelled", "work")

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.cancelled = False

    def cancel(self) -> None:
        """Never do it, and keep nothing of it alive."""
        self.cancelled = True
        self.work = _nothing


class Loop:
    """Deferred work and timers of the main thread, by the machine's monotonic clock."""

    def __init__(self) -> None:
        self._later: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def later(self, work: Callable[[], None]) -> None:
        """Do ``work`` soon, outside of the present callback."""
        self._later.append(work)

    def after(self, seconds: float, work: Callable[[], None]) -> Timer:
        """Do ``work`` in so many seconds."""
        timer = Timer(work)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def every(self, seconds: float, work: Callable[[], None]) -> None:
        """Do ``work`` again and again, first in so many seconds."""

        def again() -> None:
            self.after(seconds, again)
            work()

        self.after(seconds, again)

    def turn(self, endpoint: Any) -> None:
        """One round: the library's events, what they left to do, and due timers."""
        endpoint.libHandleEvents(0 if self._later else POLL_MS)
        for _ in range(len(self._later)):
            self._run(self._later.popleft())
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if not timer.cancelled:
                self._run(timer.work)

    @staticmethod
    def _run(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.exception("media_work_failed")


def guarded(callback: Callable[P, None]) -> Callable[P, None]:
    """A callback of the library whose exceptions are logged: across the C++ border they would vanish."""

    @wraps(callback)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except Exception:
            log.exception("media_callback_failed", callback=callback.__name__)

    return run
