"""CSV as agencies send it: encoding and separator are told from the content."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, Final

from cases.importing.reader import BrokenFileError, Line

SEPARATORS: Final = (";", ",", "\t", "|")
MOST_LINES_A_ROW: Final = 50
_UNCLOSED: Final = "From line {} on the file can't be read: a quotation mark is opened and never closed."
_CHUNK: Final = 1 << 20  # bytes; a line that fills one is no row of a table
_SAMPLE: Final = 50  # lines that settle the separator
# Bytes of ąśźĄŚŹ, which tell Windows' and ISO's Central European pages apart.
_CP1250: Final = b"\xb9\x9c\x9f\xa5\x8c\x8f"
_LATIN2: Final = b"\xb1\xb6\xbc\xa1\xa6\xac"
_NOT_CP1250: Final = b"\x81\x83\x88\x90\x98"
_BINARY: Final = bytes(b for b in range(32) if b not in b"\t\n\r\x0c\x1a\x1b")


class CsvSource:
    """A CSV file. Raises :class:`BrokenFileError` when made if it is no text."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.encoding = encoding_of(path)
        self._file: IO[bytes] | None = None
        self._fraction = 0.0

    def fraction(self) -> float:
        """How much has been read, 0 to 1."""
        if self._file is not None and not self._file.closed:
            self._fraction = self._file.tell() / self.size
        return self._fraction

    def lines(self) -> Generator[Line, None, None]:
        """Rows; a quoted cell may go over several lines, the row's number is then its first line's."""
        with self.path.open("rb") as raw, io.TextIOWrapper(raw, self.encoding, newline="") as text:
            self._file = raw
            quotes = _Quotes()
            text_lines = quotes.counted(text)
            sample = [line for _, line in zip(range(_SAMPLE), text_lines, strict=False)]
            separator = separator_of(sample)
            reader = csv.reader(_chained(sample, text_lines), delimiter=separator, strict=False)
            number, span = 1, 0
            try:
                for cells in reader:
                    span = reader.line_num - number
                    if span > MOST_LINES_A_ROW:
                        raise BrokenFileError(_UNCLOSED.format(number))
                    if span and quotes.at_end and quotes.odd:
                        raise BrokenFileError(_UNCLOSED.format(number))
                    yield Line(number, cells)
                    number = reader.line_num + 1
            except UnicodeError as error:
                raise BrokenFileError(f"After line {number} the file is no text any more: it is damaged.") from error
            except csv.Error as error:
                raise BrokenFileError(_UNCLOSED.format(number)) from error
            finally:
                self._fraction = 1.0


class _Quotes:
    """Counts quotation marks as lines go by: an odd number at the end is one that was never closed."""

    def __init__(self) -> None:
        self.odd = False
        self.at_end = False

    def counted(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            if '"' in line:
                self.odd ^= line.count('"') % 2 == 1
            yield line
        self.at_end = True


def _chained(first: list[str], rest: Iterator[str]) -> Iterator[str]:
    yield from first
    yield from rest


def separator_of(sample: list[str]) -> str:
    """The separator that gives the same number of cells, above one, in most lines of a sample.

    Raises:
        BrokenFileError: none does.
    """
    best, score = "", (0, 0)
    for separator in SEPARATORS:
        try:
            widths = Counter(len(cells) for cells in csv.reader(sample, delimiter=separator) if len(cells) > 1)
        except csv.Error:
            continue
        for width, times in widths.items():
            if (times, width) > score:
                best, score = separator, (times, width)
    if not best:
        raise BrokenFileError("No columns found: cells must stand apart by a semicolon, comma, tab or bar.")
    return best


def encoding_of(path: Path) -> str:
    """UTF-8 (with or without a mark), UTF-16 with a mark, else the Central European page its Polish letters speak for.

    Raises:
        BrokenFileError: binary, cut off within a character, or a mixture.
    """
    counts: Counter[int] = Counter()
    decoder = codecs.getincrementaldecoder("utf-8")()
    utf8, wide, blank = True, 0, True
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            _check_lines(file)
            return "utf-16"
        while chunk := file.read(_CHUNK):
            if chunk.translate(None, _BINARY) != chunk:
                raise BrokenFileError("The file is binary, not a table: send CSV or XLSX.")
            _check_line(chunk)
            blank = blank and not chunk.strip(b" \t\r\n\xef\xbb\xbf;,")
            if not chunk.isascii():
                counts.update(chunk.translate(None, bytes(range(128))))
            if utf8:
                try:
                    text = decoder.decode(chunk)
                except UnicodeDecodeError as error:
                    utf8 = False
                    text = error.object[: error.start].decode()
                if not text.isascii():
                    wide += len(text) - len(text.encode("ascii", "ignore"))
        if utf8:
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                if wide:
                    raise BrokenFileError("The file is cut off in the middle of a character.") from None
                utf8 = False
    if blank:
        raise BrokenFileError("The file is empty.")
    if utf8:
        return "utf-8-sig"
    if wide > 3 or head.startswith(codecs.BOM_UTF8):
        raise BrokenFileError("The file mixes UTF-8 with another encoding: save it anew as UTF-8 or Windows-1250.")
    if any(counts[b] for b in _NOT_CP1250):
        raise BrokenFileError("The file is neither UTF-8 nor Windows-1250: save it anew as UTF-8.")
    latin2 = sum(counts[b] for b in _LATIN2) > sum(counts[b] for b in _CP1250)
    return "iso8859-2" if latin2 else "cp1250"


def _check_lines(file: IO[bytes]) -> None:
    while chunk := file.read(_CHUNK):
        _check_line(chunk)


def _check_line(chunk: bytes) -> None:
    if len(chunk) == _CHUNK and b"\n" not in chunk and b"\r" not in chunk:
        raise BrokenFileError("The file has a line of a million characters: this is no table.")
