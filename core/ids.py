"""Identifiers: UUIDv7 (RFC 9562, section 5.7), ordered by the shared clock.

The first 60 bits of freedom are the instant: milliseconds, then 12 bits of their fraction (method 3 of section 6.2).
Ids made by one process at one instant grow as well (method 2), so even a clock that stands still gives an order.
"""

from __future__ import annotations

import secrets
import threading
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from core.clock import Clock

_VERSION = 7 << 76
_VARIANT = 2 << 62
_lock = threading.Lock()
_last = (0, 0)  # stamp and tail of the id made last


def new_id(clock: Clock) -> UUID:
    """A fresh UUIDv7 whose time part is ``clock``'s present instant."""
    global _last  # noqa: PLW0603 - the order of ids is one per process
    milliseconds, microseconds = divmod(int(clock.timestamp() * 1_000_000), 1000)
    stamp = (milliseconds << 12) | (microseconds * 4096 // 1000)
    with _lock:
        # A random tail with room above it: 2**29 ids fit into one instant.
        tail = _last[1] + 1 + secrets.randbits(32) if stamp == _last[0] else secrets.randbits(61)
        _last = (stamp, tail)
    return UUID(int=(milliseconds << 80) | _VERSION | ((stamp & 0xFFF) << 64) | _VARIANT | tail)


def lowest_id_at(instant: datetime) -> UUID:
    """The smallest UUIDv7 that can be made at ``instant``: a bound for partitions and time ranges by id."""
    milliseconds = round(instant.timestamp() * 1000)
    return UUID(int=milliseconds << 80)


def instant_of(identifier: UUID) -> float:
    """Unix seconds (to the millisecond) at which a UUIDv7 was made."""
    return (identifier.int >> 80) / 1000


def bulk_id_sql(milliseconds: LiteralString, counter: LiteralString) -> LiteralString:
    """SQL for the UUIDv7 of row number ``counter`` (0 to 16,777,215) of a set made at ``milliseconds`` since the epoch.

    For set-based inserts. The counter stands in the random part (RFC 9562, section 6.2, method 1) and the variant is
    fixed, so that ids rise with it and large inserts fill indexes from one end; 48 bits stay random.
    """
    low = f"lpad(to_hex({counter} & 4095), 3, '0')"
    high = f"lpad(to_hex(({counter} >> 12) & 4095), 3, '0')"
    noise = "substr(CAST(gen_random_uuid() AS text), 25)"
    parts = f"lpad(to_hex(CAST({milliseconds} AS bigint)), 12, '0') || '7' || {high} || '8' || {low} || {noise}"
    return f"CAST({parts} AS uuid)"
