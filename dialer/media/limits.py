"""A trunk's calls per second, as a token bucket."""

from __future__ import annotations


class TokenBucket:
    """At most ``rate`` a second, in bursts of at most one second's worth (at least one)."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._tokens = self._size
        self._at: float | None = None

    @property
    def _size(self) -> float:
        return max(1.0, self.rate)

    def take(self, now: float) -> bool:
        """Take one token at ``now`` (monotonic seconds); False: the rate is used up."""
        if self._at is not None:
            self._tokens = min(self._size, self._tokens + max(0.0, now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
