"""The rejects file: each bad row as it came, with its line number and every reason. Mended, it can be sent again."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from cases.importing.reader import Line
from cases.importing.reasons import Reason, in_words

_HEADINGS = {True: ("wiersz", "powody"), False: ("line", "reasons")}


class RejectsFile:
    """A CSV file (UTF-8 with a mark, semicolons: what a spreadsheet opens), made with the first bad row.

    It holds personal data: only its owner may read it. A cell that a spreadsheet would run as a formula gets an
    apostrophe before it, which our reader takes off again.
    """

    def __init__(self, path: Path, headings: Sequence[str], locale: str) -> None:
        self.path = path
        self.count = 0
        self._headings = headings
        self._locale = locale
        self._file: IO[str] | None = None
        self._writer: Any = None

    def add(self, line: Line, reasons: Sequence[Reason]) -> None:
        """Enter a row with all that is wrong with it."""
        if self._file is None:
            self._open()
        told = "; ".join(in_words(reason, self._locale) for reason in reasons)
        self._writer.writerow([line.number, _safe(told), *map(_safe, line.cells)])
        self.count += 1

    def close(self) -> None:
        """Finish the file, if there is one."""
        if self._file is not None:
            self._file.close()

    def discard(self) -> None:
        """Take the file away: the import did not go in."""
        self.close()
        if self._file is not None:
            self.path.unlink(missing_ok=True)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, delimiter=";")
        self._writer.writerow([*_HEADINGS[self._locale.startswith("pl")], *map(_safe, self._headings)])


def _safe(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
