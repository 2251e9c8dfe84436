"""Time as a dependency: code asks a :class:`Clock`, never the operating system.

All processes of one run share one clock. The demo and the tests start it on a working day; it then runs at
real speed, so calling windows, partitions and reports give the same result at any hour of any day.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Source of the present instant."""

    def now(self) -> datetime:
        """The present instant, timezone-aware, in UTC."""

    def timestamp(self) -> float:
        """The present instant in seconds since the Unix epoch."""

    async def sleep(self, seconds: float) -> None:
        """Return once ``seconds`` of this clock have passed."""


class SystemClock:
    """The machine's clock, moved by a fixed ``offset`` in seconds (0 in production)."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    @classmethod
    def starting_at(cls, start: datetime, epoch: float) -> SystemClock:
        """A clock that showed ``start`` when the machine's clock showed ``epoch`` (Unix seconds)."""
        return cls(start.timestamp() - epoch)

    def timestamp(self) -> float:
        return time.time() + self.offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp(), UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def timestamp(self) -> float:
        return self._now.timestamp()

    def advance(self, seconds: float) -> None:
        """Move the clock forward (or back, if negative) by ``seconds``."""
        self._now += timedelta(seconds=seconds)

    def set(self, instant: datetime) -> None:
        """Put the clock to ``instant``."""
        self._now = instant.astimezone(UTC)

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)
