"""What every test may ask for. Servers are real: one PostgreSQL and one Redis a test process, a database a test."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

from core.bus import Bus
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.models import Brand
from core.settings import Settings
from dialer.agents import defaults
from tests.support.installation import RTP_PORTS as RTP_PORTS
from tests.support.installation import START, installation
from tests.support.ports import Ports
from tests.support.processes import Processes
from tests.support.servers import Servers

MARKERS = ("unit", "db", "sip", "browser", "crash")

for _name in [name for name in os.environ if name.startswith("CALLFLOOR_")] + ["DATABASE_URL", "REDIS_URL"]:
    os.environ.pop(_name, None)  # a test sees the settings it makes, not those of who runs it
os.environ["CALLFLOOR_CONFIG"] = os.devnull

hypothesis.settings.register_profile("callfloor", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("callfloor")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test that does not have exactly one of the five markers."""
    wrong = [item.nodeid for item in items if sum(item.get_closest_marker(m) is not None for m in MARKERS) != 1]
    if wrong:
        raise pytest.UsageError(f"each test needs exactly one marker of {', '.join(MARKERS)}:\n" + "\n".join(wrong))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of each child's log with a failure."""
    report = yield
    children = getattr(item, "funcargs", {}).get("processes")
    if report.failed and isinstance(children, Processes):
        for child in children.children:
            report.sections.append((f"{child.name} (pid {child.pid})", child.tail()))
    return report


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and Redis of this test process."""
    running = Servers(Settings(clock_start=START, clock_epoch=time.time()))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def ports() -> Iterator[Ports]:
    """Free ports that no other test has: ``ports.take(n)``."""
    taken = Ports()
    yield taken
    taken.close()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at Monday, 2026-11-23 10:00 in Warsaw until the test moves it."""
    return ManualClock(START)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, ports: Ports) -> Iterator[Settings]:
    """Settings of an installation of the test's own: folders, ports, bus and (but for unit tests) a fresh database.

    Its shared clock starts now at 2026-11-23 10:00 in Warsaw and runs at real speed.
    """
    servers: Servers | None = None
    if request.node.get_closest_marker("unit") is None:
        servers = request.getfixturevalue("servers")
    with installation(servers, tmp_path, ports) as made:
        yield made


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The test's database with all tables and no rows."""
    assert settings.database_url is not None, "a test with a database is marked db, sip, browser or crash"
    opened = Database(settings.database_url, pool=settings.database_pool)
    yield opened
    await opened.close()


@pytest.fixture
async def bus(settings: Settings) -> AsyncIterator[Bus]:
    """The test's bus, empty."""
    assert settings.redis_url is not None, "a test with a bus is marked db, sip, browser or crash"
    opened = Bus(settings.redis_url)
    yield opened
    await opened.close()


@pytest.fixture
async def brand(database: Database, clock: ManualClock) -> Brand:
    """A brand with the dispositions and pause reasons each starts with."""
    row = Brand(
        id=new_id(clock), created_at=clock.now(), name="Dom Windykacji Przykład", callback_number="+48221230000"
    )
    async with database.begin() as session:
        session.add(row)
        await session.flush()
        defaults.seed(session, clock, row.id)
    return row


@pytest.fixture
def processes(settings: Settings, tmp_path: Path) -> Iterator[Processes]:
    """Starts ``callfloor`` commands as children with the test's settings and ends them after the test."""
    started = Processes(settings, tmp_path / "logs")
    yield started
    started.stop()
