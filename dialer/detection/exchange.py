"""One connection to Redis for what is asked at every call: without the client library's work around each command."""

from __future__ import annotations

import asyncio
from typing import Any

from core.bus import FIELD, Bus, Entry

BLOCK_MS = 1000  # longest wait for the first new entry


class Exchange:
    """A connection out of the bus's pool, taken when first needed, made anew when it was lost, closed with the bus.

    One asks at a time.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._connection: Any = None
        self._free = asyncio.Lock()

    async def ask(self, *commands: tuple[str | int, ...]) -> list[Any]:
        """The replies to the commands, in one round trip. Raises one of ``core.bus.LOST`` if Redis is away."""
        async with self._free:
            if self._connection is None:
                self._connection = await self._bus.redis.connection_pool.get_connection()
            connection = self._connection
            replies: list[Any] = []
            try:
                await connection.send_packed_command(connection.pack_commands(commands))
                replies += [await connection.read_response() for _ in commands]
            finally:
                if len(replies) < len(commands):  # what is still to come would be taken for other replies
                    await connection.disconnect(nowait=True)
            return replies

    async def entries(self, stream: str, after: str, count: int = 200) -> list[Entry]:
        """Entries of a stream after an id, as :meth:`core.bus.Bus.read` gives them."""
        (found,) = await self.ask(("XREAD", "COUNT", count, "BLOCK", BLOCK_MS, "STREAMS", stream, after))
        rows = found.get(stream, ()) if isinstance(found, dict) else found[0][1] if found else []  # by protocol 3 or 2
        return [Entry(stream, id_, text) for id_, (field, text) in rows if field == FIELD]
