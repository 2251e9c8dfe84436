"""The media process's side of Redis: one thread reads commands, one publishes and says that we are alive.

Neither calls the library. If Redis goes away or loses its memory, what is published meanwhile is dropped here, because
the spool has it: the main thread is asked to send everything unacknowledged again.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import redis
import structlog

from core.bus import FIELD, MAXLEN
from dialer.media.exchange import Exchange
from dialer.media.messages import alive_key, commands_stream

log = structlog.get_logger()
BLOCK_MS = 1000
ALIVE_EVERY = 1.0  # s
ALIVE_FOR = 3  # s
RETRY = 0.2  # s
BATCH = 500  # messages in one round trip, or as many more as were handed on together
POSITION_CHARS = 48  # two 64 bit numbers, a dash and room
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
        self._out: queue.SimpleQueue[list[tuple[str, str]]] = queue.SimpleQueue()
        self._said: list[tuple[str, str]] = []  # since the last flush
        self._hears, self._says = Exchange(url), Exchange(url)  # one of each thread's own
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
        self._remembers = os.open(self._position, os.O_WRONLY | os.O_CREAT, 0o600)
        for thread in self._threads:
            thread.start()

    def publish(self, stream: str, text: str) -> None:
        """Append to a stream with the next :meth:`flush`. Never blocks."""
        self._said.append((stream, text))

    def flush(self) -> None:
        """Hand on what was published, in one batch: a round trip and a waking of the other thread for all of it."""
        if self._said:
            self._out.put(self._said)
            self._said = []

    def wants_again(self) -> bool:
        """Whether the spool is to be sent again; the caller then calls :meth:`begin_again` and publishes all of it."""
        return self._wants_again.is_set()

    def begin_again(self) -> None:
        """What is published from now on is the spool from its beginning."""
        self._wants_again.clear()
        self._said.append(_AGAIN)

    def stop(self, seconds: float = 2.0) -> None:
        """Publish what is queued, take the alive key away and end the threads."""
        self._stopping.set()
        self._said.append(_AGAIN)
        self.flush()
        for thread, exchange in zip(self._threads, (self._hears, self._says), strict=True):
            thread.join(seconds)
            if not thread.is_alive():
                exchange.close()

    # ---- reading ----

    def _first_position(self) -> tuple[str, float]:
        """The entry to read on after, and from which ms of Redis's clock on commands are no longer stale."""
        while not self._stopping.is_set():
            try:
                seconds, microseconds = map(int, self._hears.ask("TIME"))
                rows = self._hears.ask("XREVRANGE", self._stream, "+", "-", "COUNT", 1)
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
                found = self._hears.ask("XREAD", "COUNT", 200, "BLOCK", BLOCK_MS, "STREAMS", self._stream, self._after)
            except redis.RedisError:
                self._stopping.wait(RETRY)
                continue
            for _, rows in found or []:
                self._after = str(rows[-1][0])
                self._remember(self._after)  # before anything is done: at most once
                for entry, (_, text) in rows:  # an entry has one field
                    sent_at = float(entry.partition("-")[0])  # ms; a stream's ids begin with Redis's time
                    self.commands.put(Received(text, sent_at < self._fresh_from))

    def _remember(self, position: str) -> None:
        os.pwrite(self._remembers, position.ljust(POSITION_CHARS).encode(), 0)  # in place: no kill leaves half of it

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
            self._says.ask("DEL", self._key)

    def _taken(self, seconds: float) -> Iterator[tuple[str, str]]:
        """What waits in the queue, about :data:`BATCH` at most; waits up to ``seconds`` for the first."""
        count = 0
        with suppress(queue.Empty):
            while count < BATCH:
                said = self._out.get_nowait() if count or seconds <= 0 else self._out.get(timeout=seconds)
                count += len(said)
                yield from said

    def _append(self, batch: list[tuple[str, str]]) -> None:
        self._says.ask_all([("XADD", stream, "MAXLEN", "~", MAXLEN, "*", FIELD, text) for stream, text in batch])

    def _say_alive(self) -> bool:
        """Renew the alive key; False if Redis has forgotten one that must still be there."""
        value = self._alive()
        if value is None:
            return True
        before = self._says.ask("SET", self._key, value, "EX", ALIVE_FOR, "GET")
        now, said_at = time.monotonic(), self._said_at
        self._said_at = now
        return before is not None or now - said_at > ALIVE_FOR - 1

    def _wait_for_redis(self) -> None:
        while not self._stopping.is_set():
            try:
                self._says.ask("PING")
                return
            except redis.RedisError:
                self._stopping.wait(RETRY)
