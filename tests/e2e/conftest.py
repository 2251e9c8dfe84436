"""A house whose agents are the test: every process but the scripts, with real SIP and RTP on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cli import probes
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.models import Brand
from core.settings import Settings
from dialer.media.messages import alive_key
from dialer.simulation.behaviour import Kind, number_for
from dialer.simulation.phones import phone_uri
from tests.simulation.caller import answers_options
from tests.support import shared
from tests.support.alone import alone
from tests.support.processes import Processes
from tests.support.until import until
from tests.support.world import World, make_world

ports, settings, processes = shared.ports, shared.settings, shared.processes
database, bus, brand = shared.database, shared.bus, shared.brand

START_SECONDS = 90.0
PHONES = [*(number_for(Kind.PERSON, n) for n in range(6)), number_for(Kind.BUSY, 1)]


def pytest_itemcollected(item: pytest.Item) -> None:
    """The tests of a module share its house."""
    shared.share(item)


@pytest.fixture(scope="module")
def clock(settings: Settings) -> Clock:
    """The shared clock, which runs."""
    return settings.clock()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def floor(
    settings: Settings, database: Database, bus: Bus, brand: Brand, clock: Clock, processes: Processes
) -> AsyncIterator[World]:
    """One agent with a telephone, six debtors who answer (numbers 0 to 5 of the list) and one who is busy (6)."""
    world = await make_world(
        database, clock, brand, phones=PHONES, mode="preview", media_node=settings.node,
        trunk_host=f"127.0.0.1:{settings.carrier_sip_port}", agent_uri=phone_uri(settings, 1),
    )  # fmt: skip
    with alone():
        processes.start("carrier", "--preset", "easy", "--seed", "1")
        processes.start("agents", "--count", "0")
        for name in ("web", "engine", "media", "detector"):
            processes.start(name)

        async def up() -> bool:
            assert all(child.alive for child in processes.children)
            return (
                probes.web(settings)
                and await answers_options(settings.carrier_sip_port)
                and await answers_options(settings.agents_sip_port)
                and bool(await bus.redis.exists(alive_key(settings.node)))
            )

        await until(up, START_SECONDS)
        yield world
        await asyncio.gather(*(asyncio.to_thread(child.stop) for child in processes.children))
