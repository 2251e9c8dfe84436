"""A media process under test, a peer it calls, and the engine's side of it: one process and one peer a module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.models import Brand
from core.security import Keys
from core.settings import Settings
from dialer.media import messages as m
from dialer.trunks.models import Trunk
from dialer.trunks.service import create_trunk
from tests.media.driver import Driver
from tests.media.peer import Peer, answers, refuses, rings
from tests.support import shared
from tests.support.ports import Ports
from tests.support.processes import Processes

ports, settings, processes, clock = shared.ports, shared.settings, shared.processes, shared.clock
database, bus, brand = shared.database, shared.bus, shared.brand

BEHAVIOURS = {
    "+48501": answers,
    "+48502": rings,
    "+48503": refuses(486, 'Reason: Q.850;cause=17;text="User busy"\r\n'),
    "agent": answers,
}
RTP_PORTS = 400


def pytest_itemcollected(item: pytest.Item) -> None:
    """Modules share their process."""
    shared.share(item)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lasting_peer(ports: Ports) -> AsyncIterator[Peer]:
    """The peer's sockets, open for the module."""
    started = Peer("127.0.0.1", ports.take(), ports.take(RTP_PORTS))
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def peer(lasting_peer: Peer) -> AsyncIterator[Peer]:
    """The carrier: numbers of +48501 answer, +48502 ring, +48503 are busy; "agent..." are agents' telephones."""
    lasting_peer.behaviours = dict(BEHAVIOURS)
    yield lasting_peer
    await lasting_peer.forget()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trunk(database: Database, clock: Clock, settings: Settings, brand: Brand, lasting_peer: Peer) -> Trunk:
    """A trunk to the peer."""
    async with database.begin() as session:
        return await create_trunk(
            session, clock, Keys.load(settings), brand_id=brand.id, name="peer",
            host=f"127.0.0.1:{lasting_peer.port}", max_calls=100, max_cps=100.0, options_interval=0,
        )  # fmt: skip


AddTrunk = Callable[..., Awaitable[Trunk]]


@pytest_asyncio.fixture(loop_scope="module")
async def add_trunk(media: Driver, database: Database, clock: Clock, settings: Settings, brand: Brand) -> AddTrunk:
    """Adds a trunk of the test's own; the media process loads it soon."""

    async def add(host: str, **fields: Any) -> Trunk:
        name = f"{host} {new_id(media.clock)}"
        async with database.begin() as session:
            made = await create_trunk(
                session, clock, Keys.load(settings), brand_id=brand.id, name=name, host=host,
                **{"options_interval": 0, **fields},
            )  # fmt: skip
        await media.send(m.ReloadTrunks())
        return made

    return add


@pytest_asyncio.fixture(loop_scope="module")
async def media(settings: Settings, bus: Bus, trunk: Trunk, peer: Peer, processes: Processes) -> AsyncIterator[Driver]:
    """A running media process, driven as an engine does; a campaign of the test's own. ``media.child`` is the process.

    It is the one of the test before, unless that killed it.
    """
    driver: Any = Driver(bus, settings.clock(), settings.node, trunk.id)
    running = [child for child in processes.children if child.name.startswith("media") and child.alive]
    driver.child = running[-1] if running else processes.start("media")
    await driver.alive()
    await driver.start()
    yield driver
    if driver.child.alive:
        await driver.clear()
    await driver.stop()
