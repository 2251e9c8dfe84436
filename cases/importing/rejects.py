"""The rejects file: each bad row as it came, with its line number and every reason. Mended, it can be sent again.

Rows that were accepted without a bad number beside a good one stand there too, so that no number is lost in silence.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from cases.importing.reader import Line
from cases.importing.reasons import Reason, in_words

_TAKEN = {True: "wiersz przyjęty bez numeru", False: "row accepted without the number"}
_HEADINGS = {True: ("wiersz", "powody"), False: ("line", "reasons")}


class RejectsFile:
    """A CSV file (UTF-8 with a mark, semicolons: what a spreadsheet opens), made with its first row.

    It holds personal data: only its owner may read it. A cell that a spreadsheet would run as a formula gets an
    apostrophe before it, which our reader takes off again.
    """

    def __init__(self, path: Path, headings: Sequence[str], locale: str) -> None:
        self.path = path
        self.count = 0  # rejected rows
        self.bad_phones = 0  # numbers that accepted rows went in without
        self._headings = headings
        self._locale = locale
        self._polish = locale.startswith("pl")
        self._file: IO[str] | None = None
        self._writer: Any = None

    def add(self, line: Line, reasons: Sequence[Reason]) -> None:
        """Enter a rejected row with all that is wrong with it."""
        self._write(line, self._told(reasons))
        self.count += 1

    def note(self, line: Line, bad_phones: Sequence[Reason]) -> None:
        """Enter a row that was taken without some of its numbers. Mended and sent again, it only adds them."""
        self._write(line, f"{_TAKEN[self._polish]}: {self._told(bad_phones)}")
        self.bad_phones += len(bad_phones)

    @property
    def written(self) -> bool:
        """Whether there is a file: some row was rejected or noted."""
        return self._file is not None

    def close(self) -> None:
        """Finish the file, if there is one."""
        if self._file is not None:
            self._file.close()

    def discard(self) -> None:
        """Take the file away: the import did not go in."""
        self.close()
        if self._file is not None:
            self.path.unlink(missing_ok=True)

    def _told(self, reasons: Sequence[Reason]) -> str:
        return "; ".join(in_words(reason, self._locale) for reason in reasons)

    def _write(self, line: Line, told: str) -> None:
        if self._file is None:
            self._open()
        self._writer.writerow([line.number, _safe(told), *map(_safe, line.cells)])

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, delimiter=";")
        self._writer.writerow([*_HEADINGS[self._polish], *map(_safe, self._headings)])


def _safe(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
