"""Imports that are called off or killed: nothing of them goes in, and their batches say so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
from sqlmodel import col

from cases.importing.abandoned import REASON, close_abandoned
from cases.importing.service import import_file
from cases.models import Debtor, ImportBatch, ImportState, Portfolio
from core.clock import ManualClock
from core.db import Database
from core.jobs import app
from core.settings import Settings
from tests.support.imports import HEAD, KEYS, ROWS, Importer, account, any_rejects, everything
from tests.support.people import put
from tests.support.processes import Processes
from tests.support.until import until

pytestmark = pytest.mark.db


async def test_calling_it_off_changes_nothing(
    database: Database, clock: ManualClock, portfolio: Portfolio, tmp_path: Path
) -> None:
    path = tmp_path / "plik.csv"
    path.write_text(HEAD + "".join(f"K{n};Jan;;;;1;;F\n" for n in range(20_000)))
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(rows: int, fraction: float) -> None:
        loop.call_soon_threadsafe(begun.set)

    work = asyncio.ensure_future(import_file(database, clock, KEYS, path, portfolio.id, progress=tell))
    await asyncio.wait_for(begun.wait(), 60)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    (batch,) = await everything(database, ImportBatch, col(ImportBatch.id))
    assert batch.state is ImportState.FAILED
    assert await everything(database, Debtor, col(Debtor.id)) == []


async def test_a_killed_import_is_marked_failed_and_can_be_done_again(
    database: Database,
    settings: Settings,
    portfolio: Portfolio,
    importer: Importer,
    processes: Processes,
    tmp_path: Path,
) -> None:
    path = tmp_path / "plik.csv"
    path.write_text(HEAD + ROWS + "K3;;;;;;;\n", encoding="utf-8")
    assert settings.database_url is not None
    async with await psycopg.AsyncConnection.connect(settings.database_url) as other:
        # As another import of the brand at work would: the child has read its file and waits to merge it.
        lock = "SELECT pg_advisory_xact_lock(hashtextextended('import:' || %s, 0))"
        await other.execute(lock, [str(portfolio.brand_id)])
        child = processes.start("import", str(path), "--portfolio", str(portfolio.id))
        waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

        async def waiting() -> bool:
            assert child.alive, child.tail()
            return bool(await (await other.execute(waits)).fetchall())

        await until(waiting, 60)
        assert any_rejects(tmp_path)
        assert await close_abandoned(database) == [], "it is at work"
        child.kill()
        assert len(await until(lambda: close_abandoned(database), 30)) == 1
    (batch,) = await everything(database, ImportBatch, col(ImportBatch.id))
    assert (batch.state, batch.error, batch.rows_in) == (ImportState.FAILED, REASON, 0)
    assert not any_rejects(tmp_path)
    assert await everything(database, Debtor, col(Debtor.id)) == []
    assert await close_abandoned(database) == []
    assert account(await importer(HEAD + ROWS)) == (2, 2, 0, 0)
    assert account(await importer(HEAD + ROWS)) == (2, 0, 0, 2)


async def test_the_next_import_and_the_worker_close_abandoned_ones(
    database: Database, clock: ManualClock, portfolio: Portfolio, importer: Importer
) -> None:
    left = {"brand_id": portfolio.brand_id, "portfolio_id": portfolio.id, "file_name": "a", "state": "running"}
    async with database.begin() as session:
        abandoned = await put(session, clock, ImportBatch, **left)
    await importer(HEAD + ROWS)
    async with database.begin() as session:
        assert (await session.get_one(ImportBatch, abandoned.id)).state is ImportState.FAILED
    app.perform_import_paths()  # type: ignore[no-untyped-call]
    assert "cases.close_abandoned_imports" in {task.task.name for task in app.periodic_registry.periodic_tasks.values()}
