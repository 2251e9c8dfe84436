"""Month partitions of the tables of calls, on their UUIDv7 ids.

A start-up check (:func:`ensure` in ``callfloor migrate``, engine and worker) and a daily job keep three months ahead.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.ids import lowest_id_at

TABLES: Final = ("attempt", "call_event")
LOCK: Final = 0x0CA11F3  # advisory lock: one process makes partitions at a time
PRESENT: Final = """
SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = oid
WHERE inhparent IN ('attempt'::regclass, 'call_event'::regclass)
"""


async def ensure(session: AsyncSession, clock: Clock, months: int = 3) -> list[str]:
    """Make the partitions from ``clock``'s present month (UTC) to ``months`` ahead; the names of those made."""
    connection = await session.connection()
    present = set((await connection.execute(text(PRESENT))).scalars())
    wanted = _partitions(clock.now(), months)
    if present.issuperset(wanted):
        return []
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    present = set((await connection.execute(text(PRESENT))).scalars())
    made = [name for name in wanted if name not in present]
    for name in made:
        table, start, end = wanted[name]
        bounds = f"FOR VALUES FROM ('{lowest_id_at(start)}') TO ('{lowest_id_at(end)}')"
        await connection.execute(text(f"CREATE TABLE {name} PARTITION OF {table} {bounds}"))
    return made


def _partitions(now: datetime, months: int) -> dict[str, tuple[str, datetime, datetime]]:
    """Name of each partition -> its table, its first instant and the first after it."""
    wanted = {}
    start = _month(now.astimezone(UTC), 0)
    for ahead in range(months + 1):
        first, after = _month(start, ahead), _month(start, ahead + 1)
        for table in TABLES:
            wanted[f"{table}_{first:%Y_%m}"] = (table, first, after)
    return wanted


def _month(instant: datetime, ahead: int) -> datetime:
    """Midnight UTC of the first day of the month ``ahead`` months after ``instant``'s."""
    years, month = divmod(instant.month - 1 + ahead, 12)
    return datetime(instant.year + years, month + 1, 1, tzinfo=UTC)
