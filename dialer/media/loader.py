"""Reading the trunks from the database, in a thread of its own: the main thread never waits for PostgreSQL."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

import structlog

from core.db import Database
from core.security import Keys
from dialer.media.sip import host_port
from dialer.trunks.service import load_specs
from dialer.trunks.specs import TrunkSpec

log = structlog.get_logger()
RETRY = 1.0  # s


class Loaded(NamedTuple):
    """Every enabled trunk, and the addresses their hosts and proxies have."""

    specs: Mapping[UUID, TrunkSpec]
    addresses: frozenset[str]


class TrunkLoader:
    """Loads once at the start and again whenever asked; tries until it succeeds."""

    def __init__(self, database_url: str, keys: Keys) -> None:
        self._url, self._keys = database_url, keys
        self._wanted, self._stopping = threading.Event(), threading.Event()
        self._loaded: queue.SimpleQueue[Loaded] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="trunk-loader", daemon=True)

    def start(self) -> None:
        """Begin with a first load."""
        self._wanted.set()
        self._thread.start()

    def ask(self) -> None:
        """Load again, soon."""
        self._wanted.set()

    def taken(self) -> Loaded | None:
        """The newest load not taken yet, None if there is none."""
        found = None
        while not self._loaded.empty():  # asked at every turn of the main loop, its only taker
            found = self._loaded.get_nowait()
        return found

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._wanted.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._stopping.is_set():
                return
            try:
                specs = asyncio.run(self._load())
            except Exception as error:
                log.warning("trunks_not_loaded", error=type(error).__name__)
                self._stopping.wait(RETRY)
                self._wanted.set()
                continue
            self._loaded.put(Loaded(specs, frozenset(addresses_of(specs.values()))))

    async def _load(self) -> dict[UUID, TrunkSpec]:
        database = Database(self._url, pool=1)
        try:
            return await load_specs(database, self._keys)
        finally:
            await database.close()


def addresses_of(specs: Iterable[TrunkSpec]) -> set[str]:
    """IPv4 addresses of the trunks' hosts and proxies; a name that does not resolve (SRV only) has none yet."""
    found: set[str] = set()
    for spec in specs:
        for place in (spec.host, spec.proxy):
            if place:
                with suppress(OSError):
                    host, _ = host_port(place)
                    found |= {str(info[4][0]) for info in socket.getaddrinfo(host, None, socket.AF_INET)}
    return found
