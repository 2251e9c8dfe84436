"""A file of lines that outlives its process: what is appended is there after the death of the process by any signal.

Each line is one write and nothing is synced, so a loss of power may cost the last ones. Appending is all that happens
often: making, renaming and removing files costs a file system ten times as much.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


class Lines:
    """One such file, made with the first line. ``count``: lines in it that were read or appended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self.count = 0

    def read(self) -> list[str]:
        """What an earlier process left, for good: an unfinished last line was never acted on, and is cut off."""
        if not self._path.exists():
            return []
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.truncate(self._path, len(whole))
        found = whole.decode().split("\n")[:-1]
        self.count = len(found)
        return found

    def append(self, line: str) -> None:
        """Write a line down.

        Raises:
            OSError: it could not be written; what it says must not be acted on.
        """
        if self._handle is None:
            self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        data = line.encode() + b"\n"
        written = os.write(self._handle, data)
        if written != len(data):
            os.ftruncate(self._handle, os.fstat(self._handle).st_size - written)
            raise OSError(f"the disk of {self._path.name} is full")
        self.count += 1

    def replace(self, lines: Iterable[str]) -> None:
        """Have these lines and no others, in one step."""
        kept = list(lines)
        if kept:
            self.close()
            fresh = self._path.with_name(self._path.name + ".new")
            fresh.touch(0o600)
            fresh.write_text("".join(f"{line}\n" for line in kept))
            fresh.replace(self._path)
        elif self.count:
            os.truncate(self._path, 0)
        self.count = len(kept)

    def remove(self) -> None:
        """Do away with the file."""
        self.close()
        self._path.unlink(missing_ok=True)
        self.count = 0

    def close(self) -> None:
        """Give the file back; it stays."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
