"""The media process's side of Redis: one thread reads commands, one publishes and says that we are alive.

Neither calls the library. If Redis goes away or loses its memory, what is published meanwhile is dropped here, because
the spool has it: the main thread is asked to send everything unacknowledged again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import redis
import structlog

from core.bus import FIELD, MAXLEN
from dialer.media.messages import alive_key, commands_stream

log = structlog.get_logger()
BLOCK_MS = 1000
ALIVE_EVERY = 1.0  # s
ALIVE_FOR = 3  # s
RETRY = 0.2  # s
BATCH = 500
STALE_AFTER = 10.0  # s
_AGAIN = ("", "")  # marks in the queue: what follows is the spool from its beginning


class Received(NamedTuple):
    """A command as it came. ``stale``: sent more than 10 s before this process began, so nobody waits for it now."""

    text: str
    stale: bool


class Wire:
    """Two threads and two queues between the main thread and Redis."""

    def __init__(self, url: str, node: str, position: Path, alive: Callable[[], str | None]) -> None:
        """``alive`` gives the value of the alive key, None while the main thread hangs; ``position`` is a file."""
        self.commands: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self._out: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._redis: Any = redis.Redis.from_url(url, decode_responses=True, socket_timeout=5, socket_connect_timeout=2)
        self._stream, self._key = commands_stream(node), alive_key(node)
        self._position, self._alive = position, alive
        self._said_at = float("-inf")  # when the alive key was last written
        self._stopping = threading.Event()
        self._wants_again = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, name="redis-reader", daemon=True),
            threading.Thread(target=self._write, name="redis-writer", daemon=True),
        ]

    def start(self) -> None:
        """Find where to read on (waits for Redis), then start the threads."""
        self._after, self._fresh_from = self._first_position()
        for thread in self._threads:
            thread.start()

    def publish(self, stream: str, text: str) -> None:
        """Append to a stream, soon. Never blocks."""
        self._out.put((stream, text))

    def wants_again(self) -> bool:
        """Whether the spool is to be sent again; the caller then calls :meth:`begin_again` and publishes all of it."""
        return self._wants_again.is_set()

    def begin_again(self) -> None:
        """What is published from now on is the spool from its beginning."""
        self._wants_again.clear()
        self._out.put(_AGAIN)

    def stop(self, seconds: float = 2.0) -> None:
        """Publish what is queued, take the alive key away and end the threads."""
        self._stopping.set()
        self._out.put(_AGAIN)
        for thread in self._threads:
            thread.join(seconds)
        self._redis.close()

    # ---- reading ----

    def _first_position(self) -> tuple[str, float]:
        """The entry to read on after, and from which ms of Redis's clock on commands are no longer stale."""
        while not self._stopping.is_set():
            try:
                seconds, microseconds = self._redis.time()
                rows = self._redis.xrevrange(self._stream, count=1)
            except redis.RedisError:
                self._stopping.wait(RETRY)
                continue
            fresh_from = (seconds - STALE_AFTER) * 1e3 + microseconds / 1e3
            if self._position.exists():
                return self._position.read_text().strip() or "0-0", fresh_from
            return str(rows[0][0]) if rows else "0-0", fresh_from
        return "0-0", 0.0

    def _read(self) -> None:
        while not self._stopping.is_set():
            try:
                found = self._redis.xread({self._stream: self._after}, count=200, block=BLOCK_MS)
            except redis.RedisError:
                self._stopping.wait(RETRY)
                continue
            for _, rows in found or []:
                self._after = str(rows[-1][0])
                self._remember(self._after)  # before anything is done: at most once
                for entry, fields in rows:
                    sent_at = float(entry.partition("-")[0])  # ms; a stream's ids begin with Redis's time
                    self.commands.put(Received(fields[FIELD], sent_at < self._fresh_from))

    def _remember(self, position: str) -> None:
        fresh = self._position.with_suffix(".new")
        fresh.write_text(position)
        fresh.replace(self._position)

    # ---- writing ----

    def _write(self) -> None:
        deaf = False  # Redis was away: wait for the spool from its beginning
        alive_at = 0.0
        while not (self._stopping.is_set() and self._out.empty()):
            batch = list(self._taken(max(0.0, min(ALIVE_EVERY, alive_at - time.monotonic()))))
            if _AGAIN in batch:
                batch = batch[batch.index(_AGAIN) + 1 :] if deaf else [item for item in batch if item != _AGAIN]
                deaf = False
            try:
                if batch and not deaf:
                    self._append(batch)
                if time.monotonic() >= alive_at:
                    alive_at = time.monotonic() + ALIVE_EVERY
                    if not self._say_alive():
                        raise redis.ConnectionError("its memory is gone")
            except redis.RedisError as error:
                if not deaf:
                    log.warning("bus_lost", error=type(error).__name__)
                deaf = True
                self._said_at = float("-inf")
                if self._stopping.is_set():
                    break
                self._wait_for_redis()
                self._wants_again.set()
        with suppress(redis.RedisError):
            self._redis.delete(self._key)

    def _taken(self, seconds: float) -> Iterator[tuple[str, str]]:
        """What waits in the queue, at most :data:`BATCH`; waits up to ``seconds`` for the first."""
        with suppress(queue.Empty):
            yield self._out.get(timeout=seconds) if seconds > 0 else self._out.get_nowait()
            for _ in range(BATCH - 1):
                yield self._out.get_nowait()

    def _append(self, batch: list[tuple[str, str]]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for stream, text in batch:
            pipe.xadd(stream, {FIELD: text}, maxlen=MAXLEN, approximate=True)
        pipe.execute()

    def _say_alive(self) -> bool:
        """Renew the alive key; False if Redis has forgotten one that must still be there."""
        value = self._alive()
        if value is None:
            return True
        before = self._redis.set(self._key, value, ex=ALIVE_FOR, get=True)
        now, said_at = time.monotonic(), self._said_at
        self._said_at = now
        return before is not None or now - said_at > ALIVE_FOR - 1

    def _wait_for_redis(self) -> None:
        while not self._stopping.is_set():
            try:
                self._redis.ping()
                return
            except redis.RedisError:
                self._stopping.wait(RETRY)
