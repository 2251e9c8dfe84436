"""A media process under test, a peer it calls, and the engine's side of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.models import Brand
from core.security import Keys
from core.settings import Settings
from dialer.trunks.models import Trunk
from dialer.trunks.service import create_trunk
from tests.media.driver import Driver
from tests.media.peer import Peer, answers, refuses, rings
from tests.support.ports import Ports
from tests.support.processes import Processes


@pytest.fixture
async def peer(ports: Ports) -> AsyncIterator[Peer]:
    """The carrier: numbers of +48501 answer, +48502 ring, +48503 are busy; +48509 are agents' telephones."""
    started = Peer("127.0.0.1", ports.take(), ports.take(40))
    started.behaviours |= {
        "+48501": answers,
        "+48502": rings,
        "+48503": refuses(486, 'Reason: Q.850;cause=17;text="User busy"\r\n'),
        "agent": answers,
    }
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
async def trunk(database: Database, clock: Clock, settings: Settings, brand: Brand, peer: Peer) -> Trunk:
    """A trunk to the peer."""
    async with database.begin() as session:
        return await create_trunk(
            session, clock, Keys.load(settings), brand_id=brand.id, name="peer", host=f"127.0.0.1:{peer.port}",
            max_calls=100, max_cps=100.0, options_interval=0,
        )  # fmt: skip


@pytest.fixture
async def media(settings: Settings, bus: Bus, trunk: Trunk, processes: Processes) -> AsyncIterator[Driver]:
    """A running media process, driven as an engine does. ``media.child`` is the process."""
    driver: Any = Driver(bus, settings.clock(), settings.node, trunk.id)
    driver.start()
    driver.child = processes.start("media")
    await driver.alive()
    yield driver
    await driver.stop()
