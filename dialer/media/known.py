"""Attempts this node has been asked for: a command is carried out at most once, across restarts too."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from dialer.media.lines import Lines

KEPT = 3600.0  # s; commands carry a deadline of about 1 s, so an hour is plenty


class Known:
    """Ids with the deadline of their command, in memory and in a file that is written before anything is done."""

    def __init__(self, path: Path, now: float) -> None:
        self._lines = Lines(path)
        self._deadlines: dict[UUID, float] = {}
        for line in self._lines.read():
            found, _, deadline = line.partition(" ")
            if float(deadline) > now - KEPT:
                self._deadlines[UUID(found)] = float(deadline)
        self._rewrite()

    def __contains__(self, attempt_id: UUID) -> bool:
        return attempt_id in self._deadlines

    def add(self, attempt_id: UUID, deadline: float) -> None:
        """Remember an id, for good as far as its command's deadline goes.

        Raises:
            OSError: it could not be written; the command must not be carried out.
        """
        self._lines.append(f"{attempt_id} {deadline}")
        self._deadlines[attempt_id] = deadline

    def prune(self, now: float) -> None:
        """Forget what is past any use."""
        old = [attempt_id for attempt_id, deadline in self._deadlines.items() if deadline <= now - KEPT]
        if old:
            for attempt_id in old:
                del self._deadlines[attempt_id]
            self._rewrite()

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _rewrite(self) -> None:
        self._lines.replace(f"{attempt_id} {deadline}" for attempt_id, deadline in self._deadlines.items())
