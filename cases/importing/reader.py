"""A creditor's file as a stream of rows of text, whatever its form: CSV or XLSX. One row is held at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from cases.importing.columns import looks_like_header

MOST_COLUMNS: Final = 200
HEADER_WITHIN: Final = 20  # rows looked through for the headings: titles and dates may stand above them


class BrokenFileError(Exception):
    """The file can't be read at all; the text says what is wrong with it and what to do."""


class Line(NamedTuple):
    """One row: its number in the file, counted from 1 as an editor or a spreadsheet counts, and its cells."""

    number: int
    cells: Sequence[str]


class Source(Protocol):
    """A file being read."""

    def lines(self) -> Generator[Line, None, None]:
        """Rows from the first on. Raises :class:`BrokenFileError` where the file breaks off or proves to be none."""

    def fraction(self) -> float:
        """How much of the file has been read, 0 to 1."""


@dataclass(frozen=True)
class Table:
    """A file whose headings have been found. ``rows``: what follows them but blank rows; its end closes the file."""

    headings: Sequence[str]
    rows: Generator[Line, None, None]
    source: Source


def open_table(path: Path, mapping: Mapping[str, str] | None = None) -> Table:
    """Open a file and find its headings.

    Args:
        mapping: heading -> field of a saved mapping: its headings are known, too.

    Raises:
        BrokenFileError: unreadable, empty, no headings, too many columns.
    """
    source = source_of(path)
    rows = _filled(source.lines())
    try:
        for seen, line in enumerate(rows):
            if looks_like_header(line.cells, mapping):
                return Table(_trimmed(line.cells), rows, source)
            if seen + 1 == HEADER_WITHIN:
                break
    except BaseException:
        rows.close()
        raise
    rows.close()
    raise BrokenFileError(
        f"No row of headings among the first {HEADER_WITHIN} rows: name at least reference, name and amount, "
        "or give a mapping of the file's own headings."
    )


def source_of(path: Path) -> Source:
    """The reader for a file, told by its content, not by its name.

    Raises:
        BrokenFileError: no such file, or a kind that can't be read.
    """
    from cases.importing.csvfile import CsvSource
    from cases.importing.xlsxfile import XlsxSource

    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise BrokenFileError(f"The file can't be opened: {error.strerror}.") from error
    if not head:
        raise BrokenFileError("The file is empty.")
    if head.startswith(b"PK"):
        return XlsxSource(path)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise BrokenFileError("This is an old Excel file (.xls) or one with a password: save it as XLSX or CSV.")
    return CsvSource(path)


def _filled(lines: Generator[Line, None, None]) -> Generator[Line, None, None]:
    """Rows that hold anything."""
    with closing(lines):
        yield from _checked(lines)


def _checked(lines: Iterable[Line]) -> Iterator[Line]:
    for line in lines:
        if len(line.cells) > MOST_COLUMNS and len(_trimmed(line.cells)) > MOST_COLUMNS:
            raise BrokenFileError(
                f"Row {line.number} has {len(line.cells)} columns; at most {MOST_COLUMNS} are read. "
                "Is it the right file, and the right separator?"
            )
        if any(map(str.strip, line.cells)):
            yield line


def _trimmed(cells: Sequence[str]) -> list[str]:
    """Cells without the empty ones at the end."""
    kept = list(cells)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept
