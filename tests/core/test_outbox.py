"""The outbox and its relay."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel
from sqlmodel import select

from core import embedded
from core.bus import Bus
from core.db import Database
from core.models import Outbox
from core.outbox import BATCH, Relay, emit
from core.settings import Settings
from tests.support.until import until

STREAM = "test"


class Note(BaseModel):
    n: int


async def write(database: Database, *numbers: int) -> None:
    async with database.begin() as session:
        for n in numbers:
            await emit(session, STREAM, Note(n=n))


async def published(bus: Bus) -> list[int]:
    rows = await bus.redis.xrange(STREAM)
    return [Note.model_validate_json(fields["m"]).n for _, fields in rows]


async def emptied(database: Database) -> bool:
    async with database.begin() as session:
        return not (await session.exec(select(Outbox.id))).all()


@asynccontextmanager
async def running(*relays: Relay) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for relay in relays:
            group.create_task(relay.run(stop))
        try:
            yield
        finally:
            stop.set()


@pytest.mark.db
async def test_committed_messages_come_in_order_and_leave_the_table(database: Database, bus: Bus) -> None:
    numbers = list(range(BATCH * 2 + 7))
    async with running(Relay(database, bus)):
        for start in range(0, len(numbers), 100):
            await write(database, *numbers[start : start + 100])
        await until(lambda: emptied(database))
    assert await published(bus) == numbers


@pytest.mark.db
async def test_a_rollback_leaves_none(database: Database, bus: Bus) -> None:
    async def fail() -> None:
        async with database.begin() as session:
            await emit(session, STREAM, Note(n=13))
            await session.flush()
            raise RuntimeError("no")

    async with running(Relay(database, bus)):
        with pytest.raises(RuntimeError, match="no"):
            await fail()
        await write(database, 1)
        await until(lambda: emptied(database))
    assert await published(bus) == [1]


@pytest.mark.db
async def test_one_of_two_relays_leads_and_the_other_takes_over(
    settings: Settings, database: Database, bus: Bus
) -> None:
    assert settings.database_url is not None
    second_database = Database(settings.database_url)
    first, second = Relay(database, bus), Relay(second_database, bus)
    async with running(second):
        async with running(first):
            await until(lambda: first.leading or second.leading)
            await write(database, 1)
            await write(second_database, 2)  # from the process whose relay may not lead
            await until(lambda: emptied(database))
            assert first.leading != second.leading
        await until(lambda: second.leading)
        await write(second_database, 3)
        await until(lambda: emptied(database))
    await second_database.close()
    assert await published(bus) == [1, 2, 3]


@pytest.mark.db
async def test_a_process_without_relay_wakes_it_by_notification(
    settings: Settings, database: Database, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.outbox.POLL_SECONDS", 3600.0)
    assert settings.database_url is not None
    web = Database(settings.database_url)
    relay = Relay(database, bus)
    async with running(relay):
        await until(lambda: relay.leading)
        await write(database, 1)
        await until(lambda: emptied(database))
        await write(web, 2)
        await until(lambda: emptied(database))
    await web.close()
    assert await published(bus) == [1, 2]


@pytest.mark.db
async def test_it_survives_the_loss_of_its_connections(database: Database, bus: Bus) -> None:
    relay = Relay(database, bus)
    async with running(relay):
        await until(lambda: relay.leading)
        async with database.begin() as session:
            await (await session.connection()).exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await write(database, 1)
        await until(lambda: emptied(database))
    assert await published(bus) == [1]


@pytest.mark.crash
async def test_it_survives_the_loss_of_redis(database: Database, tmp_path: Path) -> None:
    own = Settings(data_dir=tmp_path / "own")
    bus = Bus(embedded.redis_url(own))

    def start() -> subprocess.Popen[bytes]:
        embedded.prepare_redis(own)
        child = subprocess.Popen(embedded.redis_argv(own), stdout=subprocess.DEVNULL)
        embedded.wait_ready(lambda: embedded.redis_ready(own), lambda: child.poll() is None)
        return child

    server = start()
    try:
        async with running(Relay(database, bus)):
            await write(database, 1)
            await until(lambda: emptied(database))
            server.kill()
            server.wait()
            await write(database, 2, 3)
            assert not await emptied(database)
            server = start()
            await write(database, 4)
            await until(lambda: emptied(database), 20)
        assert await published(bus) == [2, 3, 4]  # what it held before is gone with its memory
    finally:
        server.kill()
        server.wait()
        await bus.close()
        shutil.rmtree(embedded.socket_dir(own), ignore_errors=True)
