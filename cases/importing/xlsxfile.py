"""XLSX, streamed: the first sheet that holds anything. Sizes are checked before anything is unpacked."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterator
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from cases.importing.reader import BrokenFileError, Line

LARGEST_SHEET: Final = 2 << 30  # bytes unpacked; a full sheet of 1,048,576 rows stays below
LARGEST_PART: Final = 96 << 20  # any other part, e.g. the shared texts, which are held in memory
MOST_PARTS: Final = 2000
_BATCH: Final = 1000
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, IndexError, AttributeError, EOFError, OSError,
    ParseError, InvalidFileException, NotImplementedError, RuntimeError,
)  # fmt: skip
_CUT: Final = "The file is damaged or cut off: it is no whole XLSX file. Save or send it again."


class XlsxSource:
    """An XLSX file. Raises :class:`BrokenFileError` when made if it is none, or would unpack beyond bounds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._done = 0
        self._rows = 0
        _check(path)

    def fraction(self) -> float:
        """How much has been read, 0 to 1, by the size the sheet says it has."""
        return min(1.0, self._done / self._rows) if self._rows else 0.0

    def lines(self) -> Generator[Line, None, None]:
        """Rows of the first sheet that has any; formulas give the values they were saved with."""
        with self.path.open("rb") as file:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions it leaves out
                    book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            except _BROKEN as error:
                raise BrokenFileError(_CUT) from error
            try:
                for sheet in book.worksheets:
                    self._rows = sheet.max_row or 0
                    sheet.reset_dimensions()
                    any_row = False
                    for line in self._sheet(sheet):
                        any_row = True
                        yield line
                    if any_row:
                        return
            finally:
                book.close()

    def _sheet(self, sheet: Any) -> Iterator[Line]:
        rows = enumerate(sheet.iter_rows(values_only=True), start=1)
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    batch = list(islice(rows, _BATCH))
            except _BROKEN as error:
                raise BrokenFileError(_CUT) from error
            for number, values in batch:
                self._done = number
                if any(value is not None for value in values):
                    yield Line(number, [_text(value) for value in values])
            if len(batch) < _BATCH:
                return


def _check(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except _BROKEN as error:
        raise BrokenFileError(_CUT) from error
    if not any(part.filename == "[Content_Types].xml" for part in parts):
        raise BrokenFileError("This is a ZIP archive, not an XLSX file: unpack it and send what is inside.")
    if len(parts) > MOST_PARTS:
        raise BrokenFileError(f"The XLSX file has {len(parts)} parts: this is no ordinary table.")
    if any(part.flag_bits & 1 for part in parts):
        raise BrokenFileError("The XLSX file has a password: save it without one.")
    sheets = 0
    for part in parts:
        if part.filename.startswith("xl/worksheets/"):
            sheets += part.file_size
        elif part.file_size > LARGEST_PART:
            raise BrokenFileError(f"The XLSX file would unpack {part.filename} to {part.file_size >> 20} MB: refused.")
    if sheets > LARGEST_SHEET:
        raise BrokenFileError(f"The XLSX file would unpack to {sheets >> 20} MB: refused. Send it as CSV.")


def _text(value: Any) -> str:
    """A cell as its plain text: dates in ISO form, whole numbers without a fraction."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(round(value, 6))
    return str(value)
