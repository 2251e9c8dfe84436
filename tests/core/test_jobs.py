"""Jobs are queued with their cause and survive their worker."""

from __future__ import annotations

import sys

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from core import jobs
from core.db import Database
from core.models import AuditEvent
from core.settings import Settings
from tests.support.processes import Processes
from tests.support.until import until
from tests.support.worker import act_once


async def statuses(database: Database) -> list[str]:
    async with database.begin() as session:
        query = text("SELECT status::text FROM procrastinate_jobs ORDER BY id")
        return list((await (await session.connection()).execute(query)).scalars())


async def actions(database: Database, subject: str) -> list[str]:
    async with database.begin() as session:
        found = select(AuditEvent.action).where(col(AuditEvent.subject) == subject).order_by(col(AuditEvent.id))
        return list((await session.exec(found)).all())


async def defer(database: Database, subject: str, *, hang: bool = False) -> None:
    async with database.begin() as session:
        await jobs.defer_in(session, act_once, subject=subject, hang=hang)


@pytest.mark.db
async def test_a_job_is_queued_by_the_commit(database: Database) -> None:
    async with database.begin() as session:
        await jobs.defer_in(session, act_once, subject="x:1", hang=False)
        assert await statuses(database) == []
    assert await statuses(database) == ["todo"]


@pytest.mark.db
async def test_a_rollback_leaves_none(database: Database) -> None:
    async def fail() -> None:
        async with database.begin() as session:
            await jobs.defer_in(session, act_once, subject="x:1", hang=False)
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await fail()
    assert await statuses(database) == []


@pytest.mark.db
async def test_jobs_of_a_silent_worker_are_put_back_and_no_others(database: Database) -> None:
    for _ in range(3):
        await defer(database, "x:1")
    async with database.begin() as session:
        connection = await session.connection()
        await connection.execute(
            text("""
            WITH workers AS (
                INSERT INTO procrastinate_workers (last_heartbeat)
                VALUES (now()), (now() - interval '1 hour') RETURNING id, last_heartbeat
            )
            UPDATE procrastinate_jobs SET status = 'doing', worker_id = (
                SELECT id FROM workers
                ORDER BY last_heartbeat = now() DESC OFFSET CASE WHEN procrastinate_jobs.id % 2 = 0 THEN 0 ELSE 1 END
                LIMIT 1
            )
            """)
        )
        silent = (
            await connection.execute(
                text("""
                SELECT count(*) FROM procrastinate_jobs job JOIN procrastinate_workers worker ON worker.id = worker_id
                WHERE last_heartbeat < now() - interval '1 minute'
                """)
            )
        ).scalar_one()
    assert await jobs.requeue_stalled_jobs(database) == silent
    assert sorted(await statuses(database)) == ["doing"] * (3 - silent) + ["todo"] * silent
    assert await jobs.requeue_stalled_jobs(database) == 0


@pytest.mark.crash
async def test_a_killed_worker_loses_no_job(settings: Settings, database: Database, processes: Processes) -> None:
    argv = [sys.executable, "-m", "tests.support.worker"]
    first = processes.run(argv, name="worker")
    await defer(database, "x:done")
    await defer(database, "x:cut", hang=True)

    async def both_started() -> bool:
        assert first.alive, first.tail()
        return bool(await actions(database, "x:done")) and bool(await actions(database, "x:cut"))

    await until(both_started, 60)
    first.kill()
    assert "doing" in await statuses(database)
    second = processes.run(argv, name="worker")

    async def finished() -> bool:
        assert second.alive, second.tail()
        return await statuses(database) == []

    await until(finished, 90)
    assert await actions(database, "x:cut") == ["job.started", "job.resumed"]
    assert await actions(database, "x:done") == ["job.started"]
    assert second.stop() == 0, second.tail()
