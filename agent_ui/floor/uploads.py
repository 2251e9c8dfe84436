"""An uploaded list on its way in: the file, what is to be done with it, and how far it has come.

Each upload is a folder under the data folder that web processes and workers share: ``file`` as it came, and
``order.json`` with an :class:`Order`. The order is replaced whole at each step, so a reader sees one step or the next.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from cases.importing.columns import Column, recognise
from cases.importing.reader import BrokenFileError, open_table, source_of
from core.settings import Settings

LARGEST: Final = 1024 * 1024 * 1024  # bytes
SAMPLE_ROWS: Final = 5
UPLOADS: Final = "uploads"
KEPT_OPEN: Final = timedelta(days=1)
KEPT_DONE: Final = timedelta(days=30)


class Step(StrEnum):
    """How far an upload has come."""

    MAPPING = "mapping"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Order(BaseModel):
    """What is to be done with a file, by whom, and what has become of it."""

    model_config = ConfigDict(extra="forbid")
    file_name: str
    campaign_id: UUID
    portfolio_id: UUID
    list_name: str
    priority: int
    author: str
    language: str
    step: Step = Step.MAPPING
    mapping: dict[str, str] = {}
    rows: int = 0
    fraction: float = 0.0
    import_id: UUID | None = None
    error: str = ""


@dataclass(frozen=True)
class Preview:
    """The head of a file: its headings, the field each seems to be, and the first rows."""

    headings: list[str]
    guesses: list[str]
    rows: list[list[str]]


def forget_old(settings: Settings, now: float) -> int:
    """Remove what nobody needs any more; how many uploads.

    Files never told their columns, or failed, go after a day: they hold personal data. Orders and rejects files of
    lists that went in go after a month.

    Args:
        now: seconds since the epoch by the machine's clock, as file systems write them.
    """
    folder, removed = settings.data_dir.absolute() / UPLOADS, 0
    for one in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            order = Upload(settings, UUID(one.name)).read()
            age = now - one.stat().st_mtime
        except (ValueError, OSError):
            continue
        open_still = order is not None and order.step in (Step.WAITING, Step.RUNNING, Step.DONE)
        if age > (KEPT_DONE if open_still else KEPT_OPEN).total_seconds():
            shutil.rmtree(one, ignore_errors=True)
            removed += 1
    return removed


class Upload:
    """One upload by its id."""

    def __init__(self, settings: Settings, upload_id: UUID) -> None:
        self.id = upload_id
        self.folder = settings.data_dir.absolute() / UPLOADS / str(upload_id)

    @property
    def file(self) -> Path:
        """The file as it came."""
        return self.folder / "file"

    def read(self) -> Order | None:
        """The order; None: there is no such upload."""
        try:
            return Order.model_validate_json((self.folder / "order.json").read_text())
        except FileNotFoundError:
            return None

    def write(self, order: Order) -> None:
        """Replace the order."""
        draft = self.folder / f"order.{os.getpid()}.draft"
        draft.write_text(order.model_dump_json())
        draft.replace(self.folder / "order.json")

    def preview(self, mapping: Mapping[str, str] | None = None) -> Preview:
        """The head of the file. Without headings we know, its first row is taken for them, to be told by hand.

        Raises:
            BrokenFileError: the file can't be read.
        """
        try:
            table = open_table(self.file, mapping)
            headings, lines = list(table.headings), table.rows
        except BrokenFileError:
            filled = (line for line in source_of(self.file).lines() if any(cell.strip() for cell in line.cells))
            first = next(filled, None)
            if first is None:
                raise
            headings, lines = [str(cell) for cell in first.cells], filled
        own = mapping or {}
        guesses = [own.get(heading) or str(recognise(heading) or Column.IGNORE) for heading in headings]
        return Preview(headings, guesses, [list(line.cells) for line in islice(lines, SAMPLE_ROWS)])
