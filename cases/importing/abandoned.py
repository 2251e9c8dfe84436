"""Imports whose process died. None of their rows went in; their batches must not stay ``running`` for ever.

An import at work holds an advisory lock on its batch by the connection that writes its rows. A process that is killed
loses the connection, and PostgreSQL the lock with it: a batch that is ``running`` and not locked is abandoned.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import text

from core.db import Database

REASON: Final = "The import's process ended before the import did; nothing of it went in. Import the file again."

_LOCK: Final = "SELECT pg_advisory_lock(hashtextextended('importing:' || %s, 0))"
# Without it a killed import's statement would run to its end before PostgreSQL sees that nobody waits for it.
_NOTICE_DEATH: Final = "SET client_connection_check_interval = '2s'"
_CLOSE: Final = text("""
WITH abandoned AS MATERIALIZED (SELECT id, rejects_file FROM import_batch WHERE state = 'running')
UPDATE import_batch batch SET state = 'failed', error = :reason, rejects_file = NULL
FROM abandoned
WHERE batch.id = abandoned.id AND batch.state = 'running'
  AND pg_try_advisory_xact_lock(hashtextextended('importing:' || abandoned.id, 0))
RETURNING batch.id, abandoned.rejects_file
""")

log = structlog.get_logger()


@asynccontextmanager
async def at_work(url: str, batch_id: UUID) -> AsyncIterator[psycopg.Connection[Any]]:
    """A connection that marks the batch as being imported, from before its row is there until the block ends."""
    opening = asyncio.ensure_future(asyncio.to_thread(_open, url, batch_id))
    try:
        yield await asyncio.shield(opening)
    finally:
        await asyncio.gather(opening, return_exceptions=True)
        if opening.exception() is None:
            opening.result().close()


def _open(url: str, batch_id: UUID) -> psycopg.Connection[Any]:
    connection = psycopg.connect(url)
    try:
        connection.execute(_NOTICE_DEATH)
        connection.execute(_LOCK, [str(batch_id)])
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


async def close_abandoned(database: Database) -> list[UUID]:
    """Mark abandoned imports failed, and take away the rejects files they had begun; their batches."""
    async with database.begin() as session:
        found = (await (await session.connection()).execute(_CLOSE, {"reason": REASON})).all()
    for batch_id, rejects_file in found:
        log.warning("import.abandoned", batch=str(batch_id))
        if rejects_file is not None:
            await asyncio.to_thread(Path(rejects_file).unlink, missing_ok=True)
    return [batch_id for batch_id, _ in found]
