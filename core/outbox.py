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
from prometheus_client import Counter
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from core.bus import Bus
from core.db import Database
from core.driver import run_inside

CHANNEL = "callfloor_outbox"
WAKER = "outbox_waker"  # key in Session.info: what to set after the commit
SAID = "outbox_said"  # key in Session.info: what this transaction has emitted, in order
LOCK = 0x0CA11F1  # advisory lock of the one relay
BATCH = 500
POLL_SECONDS = 1.0
BUS_SECONDS = 5.0  # a bus that takes longer counts as away

TAKE = """
DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT %s)
RETURNING id, stream, payload::text
"""

_SAY = """INSERT INTO outbox (stream, payload)
    SELECT stream, CAST(payload AS jsonb)
    FROM unnest(CAST(%(streams)s AS text[]), CAST(%(payloads)s AS text[]))
    WITH ORDINALITY AS said(stream, payload, place)
    ORDER BY place"""
# A NOTIFY inside makes PostgreSQL commit all such transactions one after the other (a lock it holds through the flush
# to disk). Where a relay runs in this process, it is woken after the commit instead.
_SAY_ALOUD = f"WITH said AS ({_SAY} RETURNING 1) SELECT pg_notify('{CHANNEL}', '') FROM said LIMIT 1"  # noqa: S608

PUBLISHED = Counter("callfloor_outbox_published_total", "Messages this process's relay has published")

log = structlog.get_logger()
_wakers: WeakKeyDictionary[AsyncEngine, asyncio.Event] = WeakKeyDictionary()


async def emit(session: AsyncSession, stream: str, message: BaseModel) -> None:
    """Have ``message`` published on ``stream`` once the session's transaction has committed.

    The same message said again in the same transaction is published once. All of a transaction's messages are written
    in one statement, just before it commits.
    """
    said: dict[tuple[str, str], None] = session.info.setdefault(SAID, {})
    said[stream, message.model_dump_json()] = None
    if isinstance(session.bind, AsyncEngine) and (waker := _wakers.get(session.bind)) is not None:
        session.info[WAKER] = waker


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    said: dict[tuple[str, str], None] = session.info.pop(SAID, {})
    if said:
        streams, payloads = zip(*said, strict=True)
        statement = _SAY if WAKER in session.info else _SAY_ALOUD
        run_inside(session, statement, {"streams": list(streams), "payloads": list(payloads)})


@event.listens_for(Session, "after_commit")
def _wake_relay(session: Session) -> None:
    waker = session.info.get(WAKER)
    if waker is not None:
        waker.set()


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

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        connection = await psycopg.AsyncConnection.connect(self.database.url, autocommit=True, connect_timeout=5)
        try:
            yield connection
        finally:
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
        async with self._connected() as listener:
            await listener.execute(f"LISTEN {CHANNEL}")
            self.leading = True
            listening = asyncio.create_task(self._listen(listener))
            try:
                while not stop.is_set():
                    self._wake.clear()
                    while await self._publish(connection) and not stop.is_set():
                        pass
                    if listening.done():
                        listening.result()
                    await _wait(self._wake, POLL_SECONDS)
            finally:
                self.leading = False
                listening.cancel()
                with suppress(asyncio.CancelledError, psycopg.Error, OSError):
                    await listening

    async def _listen(self, listener: psycopg.AsyncConnection[Any]) -> None:
        async for _ in listener.notifies():
            self._wake.set()

    async def _publish(self, connection: psycopg.AsyncConnection[Any]) -> bool:
        """Publish one batch; whether there may be more at once."""
        try:
            async with connection.transaction():
                rows = sorted(await (await connection.execute(TAKE, [BATCH])).fetchall())
                streams: dict[str, list[str]] = {}
                for _, stream, payload in rows:
                    streams.setdefault(stream, []).append(payload)
                async with asyncio.timeout(BUS_SECONDS):
                    for stream, texts in streams.items():
                        await self.bus.publish_json(stream, texts)
        except (RedisError, TimeoutError) as error:
            log.warning("outbox.bus_away", error=type(error).__name__)
            return False
        PUBLISHED.inc(len(rows))
        return len(rows) == BATCH


async def _wait(happened: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(happened.wait(), seconds)
    except TimeoutError:
        return False
    return True
