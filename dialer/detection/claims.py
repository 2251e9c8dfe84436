"""Which detector of a node listens to which call: one key per call in Redis that expires with its holder.

A claim is no lock: two detectors on one call for a moment only say the same thing twice, which the engine ignores.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from core.bus import Bus

LIFE_MS = 1500  # after its holder's death a call is without a listener for so long at most
RENEW_S = 0.4


class Claims:
    """Claims of one process, named by ``holder``."""

    def __init__(self, bus: Bus, holder: str) -> None:
        self._bus = bus
        self._holder = holder

    async def take(self, attempts: Sequence[UUID]) -> list[bool]:
        """Claim calls that nobody holds; which of them are ours now."""
        pipe = self._bus.redis.pipeline(transaction=False)
        for attempt in attempts:
            pipe.set(_key(attempt), self._holder, nx=True, px=LIFE_MS)
        return [bool(taken) for taken in await pipe.execute()]

    async def renew(self, attempts: Sequence[UUID]) -> list[bool]:
        """Keep our claims; which are still ours. One that Redis has forgotten is made anew."""
        holders = await self._bus.redis.mget([_key(attempt) for attempt in attempts]) if attempts else []
        ours = [holder in (None, self._holder) for holder in holders]
        pipe = self._bus.redis.pipeline(transaction=False)
        for attempt, own in zip(attempts, ours, strict=True):
            if own:
                pipe.set(_key(attempt), self._holder, px=LIFE_MS)
        await pipe.execute()
        return ours

    async def release(self, attempts: Sequence[UUID]) -> None:
        """Give claims back, so that another detector takes over at once."""
        if attempts:
            await self._bus.redis.delete(*map(_key, attempts))


def _key(attempt: UUID) -> str:
    return f"detector:tap:{attempt}"
