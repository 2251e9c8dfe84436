"""SIPp as a second carrier: each scenario is a trunk of its own, so that one media process meets them all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.models import Brand
from core.security import Keys
from core.settings import Settings
from dialer.media import messages as m
from dialer.trunks.service import create_trunk
from tests.media.driver import Driver
from tests.support import shared
from tests.support.ports import Ports
from tests.support.processes import Child, Processes
from tests.support.until import until

ports, settings, processes, clock = shared.ports, shared.settings, shared.processes, shared.clock
database, bus, brand = shared.database, shared.bus, shared.brand

SCENARIOS = Path(__file__).parent / "scenarios"
CODECS = {"offer_pcmu_first": ["PCMU", "PCMA"], "offer_pcmu_only": ["PCMU"]}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Modules share their process."""
    shared.share(item)


class Sipp:
    """SIPp instances, one a scenario, and the attempts that were sent to them."""

    def __init__(self, driver: Driver, processes: Processes, trunks: dict[str, tuple[UUID, int]]) -> None:
        self.driver, self._processes, self._trunks = driver, processes, trunks
        self._running: dict[str, Child] = {}

    async def call(self, scenario: str, *, ring_timeout: int = 15) -> UUID:
        """Start a scenario and place one call to it."""
        trunk_id, port = self._trunks[scenario]
        argv = ["sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", "127.0.0.1", "-p", str(port)]
        argv += ["-mp", str(port + 2), "-m", "1", "-nostdin", "-timeout", "60"]
        self._running[scenario] = self._processes.run(argv, name=f"sipp-{scenario}")
        return await self.driver.place("+48501000001", trunk_id=trunk_id, ring_timeout=ring_timeout)

    async def well(self, *scenarios: str) -> None:
        """Every message SIPp expected came, and no other."""
        for scenario in scenarios:
            child = self._running[scenario]
            await until(lambda c=child: not c.alive, 40, f"end of {scenario}")
            assert child.popen.returncode == 0, f"{scenario}: {child.tail()}"

    async def end(self, attempt_id: UUID, seconds: float = 20.0) -> m.CallEnded:
        """The attempt's end."""
        return await self.driver.event(attempt_id, m.CallEnded, seconds)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trunks(
    database: Database, clock: Clock, settings: Settings, brand: Brand, ports: Ports
) -> dict[str, tuple[UUID, int]]:
    """Id and port of a trunk for every scenario; some with an order of codecs of their own."""
    trunks: dict[str, tuple[UUID, int]] = {}
    for path in sorted(SCENARIOS.glob("*.xml")):
        port = ports.take(6)
        async with database.begin() as session:
            trunk = await create_trunk(
                session, clock, Keys.load(settings), brand_id=brand.id, name=path.stem, host=f"127.0.0.1:{port}",
                options_interval=0, codecs=CODECS.get(path.stem, ["PCMA", "PCMU"]),
            )  # fmt: skip
        trunks[path.stem] = (trunk.id, port)
    return trunks


@pytest_asyncio.fixture(loop_scope="module")
async def sipp(
    settings: Settings, bus: Bus, trunks: dict[str, tuple[UUID, int]], processes: Processes
) -> AsyncIterator[Sipp]:
    """The module's media process, and a campaign of the test's own."""
    driver = Driver(bus, settings.clock(), settings.node, trunks["busy"][0])
    if not any(child.name == "media" for child in processes.children):
        processes.start("media")
    await driver.alive()
    await driver.start()
    yield Sipp(driver, processes, trunks)
    await driver.clear()
    await driver.stop()
