"""Free ports for a test: blocks locked across all test processes of this machine, whoever runs them."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
import time
from pathlib import Path
from typing import IO

FIRST, LAST, BLOCK = 10_000, 32_000, 1_000  # below the ports the kernel gives away by itself
CHECKED = 16  # of longer ranges (RTP) the taker skips a busy port by itself
PATIENCE_SECONDS = 120


class Ports:
    """Ports of one test; :meth:`close` gives their blocks back."""

    def __init__(self) -> None:
        self._locks: list[IO[bytes]] = []
        self._next = self._end = 0

    def take(self, n: int = 1) -> int:
        """The first of ``n`` consecutive ports (at most a block) that nobody listens on."""
        if not 1 <= n <= BLOCK:
            raise ValueError(f"1 to {BLOCK} ports, not {n}")
        while True:
            if self._next + n > self._end:
                self._next = self._lock_block()
                self._end = self._next + BLOCK
            first, self._next = self._next, self._next + n
            if n > CHECKED or all(_free(port) for port in range(first, first + n)):
                return first

    def close(self) -> None:
        """Give all blocks back."""
        while self._locks:
            self._locks.pop().close()
        self._next = self._end = 0

    def _lock_block(self) -> int:
        folder = Path(tempfile.gettempdir()) / f"callfloor-test-ports-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        blocks = list(range(FIRST, LAST, BLOCK))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            # Any order, so that a block rests before its ports are used again.
            for block in random.SystemRandom().sample(blocks, len(blocks)):
                lock = (folder / str(block)).open("wb")
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    lock.close()
                    continue
                self._locks.append(lock)
                return block
            time.sleep(0.1)
        raise RuntimeError("other test runs hold every block of ports")


def _free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
