"""Identifiers: UUIDv7 (RFC 9562, section 5.7), ordered by the shared clock."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from uuid_utils import compat

from core.clock import Clock


def new_id(clock: Clock) -> UUID:
    """A fresh UUIDv7 whose time part is ``clock``'s present instant."""
    seconds, fraction = divmod(clock.timestamp(), 1.0)
    return compat.uuid7(timestamp=int(seconds), nanos=int(fraction * 1e9))


def lowest_id_at(instant: datetime) -> UUID:
    """The smallest UUIDv7 that can be made at ``instant``: a bound for partitions and time ranges by id."""
    milliseconds = round(instant.timestamp() * 1000)
    return UUID(int=milliseconds << 80)


def instant_of(identifier: UUID) -> float:
    """Unix seconds (to the millisecond) at which a UUIDv7 was made."""
    return (identifier.int >> 80) / 1000
