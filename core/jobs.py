"""Background jobs on procrastinate, kept in PostgreSQL.

A job is put in the queue by the transaction that causes it (:func:`defer_in`). A worker that is killed leaves its
jobs marked as running; another worker, or the same after its restart, puts them back. So a job may run again: each
starts by reading what it has to do from its rows. Arguments are ids and figures, never personal data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import psycopg
import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.tasks import Task
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from core import partitions
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.embedded import postgres_url, redis_url
from core.outbox import Relay
from core.process import run_async, until
from core.settings import Settings

IMPORT_PATHS: Final[list[str]] = ["agent_ui.floor.jobs", "cases.importing.jobs"]  # modules that register tasks
CONCURRENCY = 4  # jobs at once in one worker
HEARTBEAT_SECONDS = 3.0
STALLED_SECONDS = 15.0  # a worker silent for so long is dead
UPKEEP_SECONDS = 2.0
PARTITIONS_SECONDS = 600.0  # the daily job: cheap, so rather too often than on a day the worker was down
GRACE_SECONDS = 6.0  # for running jobs when the worker is told to stop; less than the supervisor waits
AWAY = (psycopg.Error, ConnectorException, PoolTimeout, DBAPIError, OSError)  # PostgreSQL is away

# A job whose queueing lock waits again already stays until that one has started.
REQUEUE = text("""
WITH stalled AS (
    SELECT job.id FROM procrastinate_jobs job LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
    WHERE job.status = 'doing'
      AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => :silent))
      AND NOT EXISTS (
          SELECT FROM procrastinate_jobs other WHERE other.status = 'todo' AND other.queueing_lock = job.queueing_lock
      )
    FOR UPDATE OF job SKIP LOCKED
)
SELECT procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL) FROM stalled
""")

log = structlog.get_logger()
app = App(connector=PsycopgConnector(), import_paths=IMPORT_PATHS)


@dataclass(frozen=True)
class House:
    """What a job works with."""

    settings: Settings
    database: Database
    bus: Bus
    clock: Clock


def house(context: JobContext) -> House:
    """The worker's house, for a task registered with ``pass_context=True``."""
    found = context.additional_context["house"]
    assert isinstance(found, House)
    return found


async def defer_in(session: AsyncSession, task: Task[Any, Any, Any], **arguments: Any) -> int:
    """Queue a job in the session's transaction: without its commit there is no job. The job's id."""
    raw = await (await session.connection()).get_raw_connection()
    return await task.configure(connection=raw.driver_connection).defer_async(**arguments)


def run_worker(settings: Settings) -> None:
    """The worker process: jobs, one relay of the outbox, and the house's upkeep, until SIGTERM."""
    run_async(lambda stop: work(settings, stop))


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """What :func:`run_worker` runs; survives the loss of PostgreSQL and Redis."""
    database = Database(postgres_url(settings), settings.database_pool)
    bus = Bus(redis_url(settings))
    tools = House(settings, database, bus, settings.clock())
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(Relay(database, bus).run(stop))
            group.create_task(_repeat(stop, UPKEEP_SECONDS, partial(requeue_stalled_jobs, database)))
            group.create_task(_repeat(stop, PARTITIONS_SECONDS, partial(_keep_partitions, tools)))
            group.create_task(_run_jobs(tools, stop))
    finally:
        await bus.close()
        await database.close()


async def _run_jobs(tools: House, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            async with AsyncExitStack() as stack:
                pool = AsyncConnectionPool(
                    tools.database.url,
                    open=False,
                    min_size=1,
                    max_size=CONCURRENCY,
                    timeout=5.0,
                    check=AsyncConnectionPool.check_connection,
                )
                await stack.enter_async_context(pool)
                await stack.enter_async_context(app.open_async(pool))
                await _run_until(stop, tools)
        except AWAY as error:
            log.warning("jobs.database_away", error=type(error).__name__)
        await until(stop, 1.0)


async def _run_until(stop: asyncio.Event, tools: House) -> None:
    worker = asyncio.create_task(
        app.run_worker_async(
            concurrency=CONCURRENCY,
            install_signal_handlers=False,
            delete_jobs="successful",
            shutdown_graceful_timeout=GRACE_SECONDS,
            update_heartbeat_interval=HEARTBEAT_SECONDS,
            stalled_worker_timeout=STALLED_SECONDS,
            additional_context={"house": tools},
        )
    )
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({worker, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        worker.cancel()  # procrastinate then ends its jobs within the grace
        while not worker.done():
            # Told while it was still starting, it forgets the first word and would run on: it is told again.
            await asyncio.wait({worker}, timeout=GRACE_SECONDS + 1.0)
            worker.cancel()
        if not worker.cancelled():
            worker.result()


async def requeue_stalled_jobs(database: Database) -> int:
    """Put back the jobs whose worker is dead (or gone without a word); how many."""
    async with database.begin() as session:
        found = await (await session.connection()).execute(REQUEUE, {"silent": STALLED_SECONDS})
        return len(found.all())


async def _keep_partitions(tools: House) -> None:
    async with tools.database.begin() as session:
        made = await partitions.ensure(session, tools.clock)
    if made:
        log.info("partitions.made", names=made)


async def _repeat(stop: asyncio.Event, seconds: float, act: Callable[[], Awaitable[object]]) -> None:
    while not stop.is_set():
        try:
            await act()
        except AWAY as error:
            log.warning("upkeep.database_away", error=type(error).__name__)
        await until(stop, seconds)
