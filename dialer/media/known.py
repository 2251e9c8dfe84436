"""Attempts this node has been asked for: a command is carried out at most once, across restarts too."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

KEPT = 3600.0  # s; commands carry a deadline of about 1 s, so an hour is plenty


class Known:
    """Ids with the deadline of their command, in memory and in a file that is written before anything is done."""

    def __init__(self, path: Path, now: float) -> None:
        self._path = path
        self._deadlines: dict[UUID, float] = {}
        if path.exists():
            for line in path.read_text().split("\n")[:-1]:
                found, _, deadline = line.partition(" ")
                if float(deadline) > now - KEPT:
                    self._deadlines[UUID(found)] = float(deadline)
        self._handle = self._rewritten()

    def __contains__(self, attempt_id: UUID) -> bool:
        return attempt_id in self._deadlines

    def add(self, attempt_id: UUID, deadline: float) -> None:
        """Remember an id, for good as far as its command's deadline goes.

        Raises:
            OSError: it could not be written; the command must not be carried out.
        """
        line = f"{attempt_id} {deadline}\n".encode()
        if os.write(self._handle, line) != len(line):
            raise OSError("the run folder's disk is full")
        self._deadlines[attempt_id] = deadline

    def prune(self, now: float) -> None:
        """Forget what is past any use."""
        old = [attempt_id for attempt_id, deadline in self._deadlines.items() if deadline <= now - KEPT]
        if old:
            for attempt_id in old:
                del self._deadlines[attempt_id]
            os.close(self._handle)
            self._handle = self._rewritten()

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def _rewritten(self) -> int:
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.write_text("".join(f"{attempt_id} {deadline}\n" for attempt_id, deadline in self._deadlines.items()))
        fresh.replace(self._path)
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
