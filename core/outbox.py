"""The outbox: a message is a row of the transaction it tells of, and reaches the bus only if that commits.

One relay at a time (advisory lock) publishes what is committed in the order of ids and deletes it. A crash between
the two publishes again, so handlers are idempotent. Ids are not commit order: a row that commits late follows later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
import structlog
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

from core.bus import Bus
from core.db import Database
from core.models import Outbox

CHANNEL = "callfloor_outbox"
LOCK = 0x0CA11F1  # advisory lock of the one relay
BATCH = 500
POLL_SECONDS = 1.0

TAKE = """
DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT %s)
RETURNING id, stream, payload::text
"""

log = structlog.get_logger()
_wakers: WeakKeyDictionary[AsyncEngine, asyncio.Event] = WeakKeyDictionary()


async def emit(session: AsyncSession, stream: str, message: BaseModel) -> None:
    """Have ``message`` published on ``stream`` once the session's transaction has committed."""
    session.add(Outbox(stream=stream, payload=message.model_dump(mode="json")))
    waker = _wakers.get(session.bind) if isinstance(session.bind, AsyncEngine) else None
    if waker is None:
        connection = await session.connection()
        await connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
    elif not session.info.get(CHANNEL):
        # A NOTIFY inside would make PostgreSQL commit all such transactions one after the other (a lock it holds
        # through the flush to disk). Where a relay runs in this process, it is woken after the commit instead.
        session.info[CHANNEL] = True
        event.listen(session.sync_session, "after_commit", lambda _: waker.set())


class Relay:
    """Publishes the outbox. Every process may run one; the advisory lock lets one of them work."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self.database = database
        self.bus = bus
        self.leading = False
        self._wake = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until ``stop`` is set; survives the loss of Redis and of PostgreSQL."""
        _wakers[self.database.engine] = self._wake
        stopping = asyncio.create_task(self._wake_on(stop))
        try:
            while not stop.is_set():
                try:
                    async with self._connected() as connection:
                        await self._serve(connection, stop)
                except (psycopg.Error, OSError) as error:
                    log.warning("outbox.database_away", error=type(error).__name__)
                    await _wait(stop, POLL_SECONDS)
        finally:
            _wakers.pop(self.database.engine, None)
            stopping.cancel()

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(self.database.url, autocommit=True, connect_timeout=5)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        connection = await self._connect()
        try:
            yield connection
        finally:
            self.leading = False
            await connection.close()

    async def _serve(self, connection: psycopg.AsyncConnection[Any], stop: asyncio.Event) -> None:
        while not stop.is_set():
            row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])).fetchone()
            if row is not None and row[0]:
                await self._lead(connection, stop)
                return
            if await _wait(self._wake, POLL_SECONDS) and not stop.is_set():
                self._wake.clear()
                await connection.execute(f"NOTIFY {CHANNEL}")  # tell the relay that leads

    async def _lead(self, connection: psycopg.AsyncConnection[Any], stop: asyncio.Event) -> None:
        self.leading = True
        listening = asyncio.create_task(self._listen())
        try:
            while not stop.is_set():
                self._wake.clear()
                while await self._publish(connection) and not stop.is_set():
                    pass
                if listening.done():
                    listening.result()
                await _wait(self._wake, POLL_SECONDS)
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError, psycopg.Error, OSError):
                await listening

    async def _listen(self) -> None:
        connection = await self._connect()
        try:
            await connection.execute(f"LISTEN {CHANNEL}")
            async for _ in connection.notifies():
                self._wake.set()
        finally:
            await connection.close()

    async def _publish(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        """Publish one batch; whether there may be more at once."""
        try:
            async with connection.transaction():
                rows = sorted(await (await connection.execute(TAKE, [BATCH])).fetchall())
                streams: dict[str, list[str]] = {}
                for _, stream, text in rows:
                    streams.setdefault(stream, []).append(text)
                for stream, texts in streams.items():
                    await self.bus.publish_json(stream, texts)
        except (RedisError, TimeoutError) as error:
            log.warning("outbox.bus_away", error=type(error).__name__)
            return False
        return len(rows) == BATCH


async def _wait(happened: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(happened.wait(), seconds)
    except TimeoutError:
        return False
    return True
