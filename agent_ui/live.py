"""Live updates: pages wait here for news, then read the database again and push what differs.

News comes from the stream ``ui``. While Redis is away every waiter is woken every two seconds instead, so pages go
on by themselves, only slower. A waiter that has never been woken looks again after its own patience.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from core.bus import LOST, Bus
from dialer.events import UI, UI_EVENT, UiEvent

log = structlog.get_logger()

POLL_SECONDS: Final = 2.0  # while Redis is away

Concerns = Callable[[UiEvent], bool]


class Waiter:
    """One page's wish to hear of changes. News that comes while it is busy is kept as one flag."""

    def __init__(self, concerns: Concerns) -> None:
        self.concerns = concerns
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There may be something new."""
        self._news.set()

    async def wait(self, seconds: float) -> None:
        """Return at the first news since the last call, at the latest after ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
        finally:
            self._news.clear()


class Hub:
    """Reads the stream once for all pages of the process."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiters: set[Waiter] = set()

    @contextmanager
    def waiter(self, concerns: Concerns) -> Iterator[Waiter]:
        """A waiter for the changes that ``concerns`` says yes to, for as long as the block lasts."""
        waiter = Waiter(concerns)
        self._waiters.add(waiter)
        try:
            yield waiter
        finally:
            self._waiters.discard(waiter)

    async def run(self) -> None:
        """Pass news on until cancelled."""
        after: str | None = None
        while True:
            try:
                if after is None:
                    after = await self._bus.last_id(UI)
                    self._wake_all()  # whatever was missed meanwhile
                for entry in await self._bus.read({UI: after}, block_ms=1000):
                    after = entry.id
                    self._pass_on(UI_EVENT.validate_json(entry.json))
            except LOST:
                if after is not None:
                    log.warning("live_updates_poll", why="redis is away")
                after = None  # a Redis that lost its memory counts its ids anew
                self._wake_all()
                await asyncio.sleep(POLL_SECONDS)

    def _pass_on(self, event: UiEvent) -> None:
        for waiter in self._waiters:
            if waiter.concerns(event):
                waiter.wake()

    def _wake_all(self) -> None:
        for waiter in self._waiters:
            waiter.wake()
