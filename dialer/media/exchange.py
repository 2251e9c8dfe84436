"""One connection to Redis for one thread: a command goes out, its reply comes back, nothing else happens.

The client library's ``Redis`` object takes a connection from its pool, counts, measures and converts at every command;
that is several times the work of the exchange itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis


class Exchange:
    """A connection that is made when it is needed, and made anew after it was lost."""

    def __init__(self, url: str) -> None:
        # Protocol 2 (RESP2): replies are lists, whatever the library's default is.
        pool: Any = redis.ConnectionPool.from_url(
            url, decode_responses=True, protocol=2, socket_timeout=5, socket_connect_timeout=2
        )
        self._connection: Any = pool.make_connection()

    def ask(self, *command: str | int) -> Any:
        """The reply to one command.

        Raises:
            redis.RedisError: Redis is away or refuses.
        """
        return self.ask_all([command])[0]

    def ask_all(self, commands: Sequence[tuple[str | int, ...]]) -> list[Any]:
        """The replies to several commands, in one round trip. Raises as :meth:`ask` does."""
        connection = self._connection
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            return [connection.read_response() for _ in commands]
        except redis.RedisError:
            connection.disconnect()  # replies that are still to come would be taken for others
            raise

    def close(self) -> None:
        """Give the connection back."""
        self._connection.disconnect()
