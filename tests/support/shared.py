"""Fixtures that last for a module, under the names of those that last for a test.

Starting a process takes seconds, so tests of telephony share one a module. A ``conftest.py`` that imports these needs
:func:`share` too, for one event loop a module; ``--dist loadfile`` keeps a module on one worker.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from core.bus import Bus
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.models import Brand
from core.settings import Settings
from dialer.agents import defaults
from tests.support.installation import START, installation
from tests.support.ports import Ports
from tests.support.processes import Processes


def share(item: pytest.Item) -> None:
    """Let a test share its module's event loop, and so its fixtures."""
    if pytest_asyncio.is_async_test(item):
        item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.fixture(scope="module")
def ports() -> Iterator[Ports]:
    """Free ports of this module."""
    taken = Ports()
    yield taken
    taken.close()


@pytest.fixture(scope="module")
def clock() -> ManualClock:
    """A clock that stands still; tests that share it leave it alone."""
    return ManualClock(START)


@pytest.fixture(scope="module")
def settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, ports: Ports
) -> Iterator[Settings]:
    """One installation for the module; without database and bus if it is one of unit tests."""
    unit = request.node.get_closest_marker("unit") is not None
    servers = None if unit else request.getfixturevalue("servers")
    with installation(servers, tmp_path_factory.mktemp("house"), ports) as made:
        yield made


@pytest.fixture(scope="module")
def processes(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Children that live as long as the module's tests."""
    started = Processes(settings, tmp_path_factory.mktemp("logs"))
    yield started
    started.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The module's database."""
    assert settings.database_url is not None
    opened = Database(settings.database_url, pool=settings.database_pool)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bus(settings: Settings) -> AsyncIterator[Bus]:
    """The module's bus."""
    assert settings.redis_url is not None
    opened = Bus(settings.redis_url)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
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
