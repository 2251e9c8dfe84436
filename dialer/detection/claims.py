"""Which detector of a node listens to which call: one key per call in Redis that expires with its holder.

A claim is no lock: two detectors on one call for a moment only say the same thing twice, which the engine ignores.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from core.bus import Bus
from dialer.detection.exchange import Exchange

LIFE_MS = 1500  # after its holder's death a call is without a listener for so long at most
RENEW_S = 0.4


class Claims:
    """Claims of one process, named by ``holder``."""

    def __init__(self, bus: Bus, holder: str) -> None:
        self._exchange = Exchange(bus)
        self._holder = holder

    async def take(self, attempts: Sequence[UUID]) -> list[bool]:
        """Claim calls that nobody holds; which of them are ours now."""
        told = await self._exchange.ask(
            *(("SET", _key(attempt), self._holder, "NX", "PX", LIFE_MS) for attempt in attempts)
        )
        return [taken is not None for taken in told]

    async def renew(self, attempts: Sequence[UUID]) -> list[bool]:
        """Keep our claims; which are still ours. One that Redis has forgotten is made anew."""
        if not attempts:
            return []
        (holders,) = await self._exchange.ask(("MGET", *map(_key, attempts)))
        ours = [holder in (None, self._holder) for holder in holders]
        kept = [attempt for attempt, own in zip(attempts, ours, strict=True) if own]
        if kept:
            await self._exchange.ask(*(("SET", _key(attempt), self._holder, "PX", LIFE_MS) for attempt in kept))
        return ours

    async def release(self, attempts: Sequence[UUID]) -> None:
        """Give claims back, so that another detector takes over at once."""
        if attempts:
            await self._exchange.ask(("DEL", *map(_key, attempts)))


def _key(attempt: UUID) -> str:
    return f"detector:tap:{attempt}"
