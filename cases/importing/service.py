"""Import a creditor's file: whole, with an account of every row, or not at all."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog

from cases.importing.abandoned import at_work, close_abandoned
from cases.importing.columns import MappingError, columns_of
from cases.importing.load import MOST_ROWS, Target, merge_staged, stage
from cases.importing.reader import BrokenFileError, Table, open_table
from cases.importing.rejects import RejectsFile
from cases.importing.rows import Record, RowReader
from cases.models import ImportBatch, ImportState, Portfolio
from core.audit import record
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.security import Keys

Progress = Callable[[int, float], None]
"""Called from a thread now and then: rows read so far, and how much of the file that is (0 to 1)."""

_TELL_EVERY: Final = 2000  # rows
log = structlog.get_logger()


class ImportStoppedError(Exception):
    """The import was called off; nothing of it went in."""


@dataclass
class _Run:
    """One import at work in its thread."""

    connection: psycopg.Connection[Any]
    path: Path
    target: Target
    mapping: Mapping[str, str] | None
    keys: Keys
    rejects_path: Path
    locale: str
    progress: Progress | None
    stopped: threading.Event = field(default_factory=threading.Event)
    rows_in: int = 0


async def import_file(
    database: Database,
    clock: Clock,
    keys: Keys,
    path: Path,
    portfolio_id: UUID,
    mapping: Mapping[str, str] | None = None,
    author: str = "system",
    progress: Progress | None = None,
    *,
    file_name: str | None = None,
    rejects_dir: Path | None = None,
    locale: str = "pl",
) -> ImportBatch:
    """Import a CSV or XLSX file into a portfolio, in one transaction.

    A file that can't be read changes nothing: the batch given back is ``failed`` and says why.

    Args:
        mapping: heading -> field, for headings that don't speak for themselves.
        file_name: as shown; default: that of ``path``.
        rejects_dir: where the file of rejected rows goes; default: beside ``path``.
        locale: language of the reasons in it.

    Raises:
        LookupError: no such portfolio.
    """
    await close_abandoned(database)
    batch_id = new_id(clock)
    rejects = (rejects_dir or path.parent) / f"rejects-{batch_id}.csv"
    async with at_work(database.url, batch_id) as connection:
        async with database.begin() as session:
            portfolio = await session.get(Portfolio, portfolio_id)
            if portfolio is None:
                raise LookupError("No such portfolio.")
            batch = ImportBatch(
                id=batch_id,
                created_at=clock.now(),
                brand_id=portfolio.brand_id,
                portfolio_id=portfolio_id,
                file_name=file_name or path.name,
                state=ImportState.RUNNING,
                rejects_file=str(rejects),
                author=author,
            )
            session.add(batch)
            await record(
                session,
                clock,
                actor=author,
                action="import.file",
                subject=f"import:{batch_id}",
                brand_id=batch.brand_id,
            )
        target = Target(batch.brand_id, portfolio.creditor_id, portfolio_id, batch_id, batch.created_at)
        run = _Run(connection, path, target, mapping, keys, rejects, locale, progress)
        try:
            await _in_thread(run)
        except (BrokenFileError, MappingError) as error:
            return await _failed(database, batch_id, str(error))
        except BaseException:
            await _failed(database, batch_id, "The import broke off; nothing of it went in.")
            raise
    async with database.begin() as session:
        return await session.get_one(ImportBatch, batch_id)


async def _in_thread(run: _Run) -> None:
    """Parse and load beside the event loop; if the task is cancelled, the thread is told and waited for."""
    work = asyncio.ensure_future(asyncio.to_thread(_work, run))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        run.stopped.set()
        await asyncio.gather(work, return_exceptions=True)
        raise


def _work(run: _Run) -> None:
    table = open_table(run.path, run.mapping)
    rejects = RejectsFile(run.rejects_path, table.headings, run.locale)
    try:
        reader = RowReader(table.headings, columns_of(table.headings, run.mapping))
        with run.connection.transaction():
            staged = stage(run.connection, _records(run, table, reader, rejects), run.keys)
            if run.rows_in == 0:
                raise BrokenFileError("There are headings, but no rows below them.")
            merged = merge_staged(run.connection, run.target, staged)
            rejects.close()
            _account(run, merged.accepted, merged.duplicates, rejects)
    except BaseException:
        rejects.discard()
        raise
    finally:
        table.rows.close()
    if run.progress is not None:
        run.progress(run.rows_in, 1.0)


def _records(run: _Run, table: Table, reader: RowReader, rejects: RejectsFile) -> Iterator[Record]:
    """Valid rows, one by one; bad ones go to the rejects file, and valid ones with a bad number beside a good one."""
    for line in table.rows:
        run.rows_in += 1
        if run.rows_in % _TELL_EVERY == 0:
            if run.stopped.is_set():
                raise ImportStoppedError("The import was called off.")
            if run.progress is not None:
                run.progress(run.rows_in, table.source.fraction())
        if line.number >= MOST_ROWS:
            raise BrokenFileError(f"The file has more than {MOST_ROWS:,} lines: send it in parts.")
        found = reader.read(line)
        if isinstance(found, Record):
            if found.bad_phones:
                rejects.note(line, found.bad_phones)
            yield found
        else:
            rejects.add(line, found)


def _account(run: _Run, accepted: int, duplicates: int, rejects: RejectsFile) -> None:
    """Close the batch's account in the transaction of its rows."""
    assert run.rows_in == accepted + rejects.count + duplicates, "an import's rows must add up"
    run.connection.execute(
        "UPDATE import_batch SET state = 'done', rows_in = %s, accepted = %s, rejected = %s, duplicates = %s,"
        " bad_phones = %s, rejects_file = %s WHERE id = %s",
        [
            run.rows_in,
            accepted,
            rejects.count,
            duplicates,
            rejects.bad_phones,
            str(rejects.path) if rejects.written else None,
            run.target.import_id,
        ],
    )


async def _failed(database: Database, batch_id: UUID, why: str) -> ImportBatch:
    log.warning("import.failed", batch=str(batch_id))
    async with database.begin() as session:
        batch = await session.get_one(ImportBatch, batch_id)
        batch.state, batch.error, batch.rejects_file = ImportState.FAILED, why, None
        session.add(batch)
    return batch
