"""The bus: Redis streams of typed messages. What it holds can be rebuilt in seconds from PostgreSQL.

Each entry has one field ``m``: the message as JSON. Readers remember the id of the last entry they handled and ask for
what came after it; nothing is acknowledged to Redis, because whatever must not be lost is not only here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import redis.asyncio as aioredis
from pydantic import BaseModel
from redis import exceptions

FIELD = "m"
MAXLEN = 20_000  # entries kept per stream; readers are never so far behind
LOST = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.BusyLoadingError)  # Redis is away


class Entry(NamedTuple):
    """One entry as read: where it stood, its id, its JSON text."""

    stream: str
    id: str
    json: str


class Bus:
    """Asynchronous access for engine, web, worker and detector. Media has its own synchronous I/O thread."""

    def __init__(self, url: str) -> None:
        self.redis: Any = aioredis.from_url(url, decode_responses=True, socket_timeout=None, socket_connect_timeout=2)

    async def publish(self, stream: str, *messages: BaseModel) -> None:
        """Append messages in order, in one round trip. Raises one of :data:`LOST` if Redis is away."""
        await self.publish_json(stream, [m.model_dump_json() for m in messages])

    async def publish_json(self, stream: str, texts: Iterable[str]) -> None:
        """Append messages that are JSON already."""
        pipe = self.redis.pipeline(transaction=False)
        for text in texts:
            pipe.xadd(stream, {FIELD: text}, maxlen=MAXLEN, approximate=True)
        await pipe.execute()

    async def read(self, after: Mapping[str, str], *, block_ms: int = 1000, count: int = 200) -> list[Entry]:
        """Entries after the given id of each stream, waiting up to ``block_ms`` for the first."""
        found = await self.redis.xread(dict(after), count=count, block=block_ms)
        return [Entry(stream, id_, fields[FIELD]) for stream, rows in found or [] for id_, fields in rows]

    async def last_id(self, stream: str) -> str:
        """Id of the newest entry, ``0-0`` if there is none: where a fresh reader begins."""
        rows = await self.redis.xrevrange(stream, count=1)
        return str(rows[0][0]) if rows else "0-0"

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()
