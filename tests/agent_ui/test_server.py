"""Losses: pages find the web process again after it was killed, and go on while Redis is dead."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect

from agent_ui import push
from core import embedded
from core.bus import Bus
from core.db import Database
from core.settings import Settings
from tests.agent_ui.served import log_in, served
from tests.agent_ui.world import World, bridge, hang_up, open_shift
from tests.support.processes import Child, Processes
from tests.support.until import until

pytestmark = pytest.mark.browser


async def answers(address: str) -> None:
    """Wait until the web process is well."""
    async with httpx.AsyncClient(trust_env=False) as client:

        async def well() -> bool:
            try:
                return (await client.get(f"{address}/healthz")).is_success
            except httpx.TransportError:
                return False

        await until(well, 30)


async def test_a_page_outlives_the_web_process(
    settings: Settings, database: Database, world: World, processes: Processes, page: Page
) -> None:
    address = f"http://127.0.0.1:{settings.web_port}"
    row = await open_shift(database, world, 0)
    first = processes.start("web")
    await answers(address)
    await log_in(page, address, "agent1")
    await expect(page.locator("#link.on")).to_be_attached()
    first.kill()
    await expect(page.locator("#link:not(.on)")).to_be_attached()
    await bridge(database, world, row, 0)  # the call comes while the page is alone
    second = processes.start("web", name="web-again")
    await answers(address)
    await expect(page.get_by_role("heading", name="Jan Kowalski")).to_be_visible(timeout=15_000)
    await expect(page.locator("#link.on")).to_be_attached()
    asked = await asyncio.to_thread(second.stop)
    assert asked in (0, -15)


async def test_pages_go_on_while_redis_is_dead(
    settings: Settings,
    database: Database,
    world: World,
    processes: Processes,
    page: Page,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(push, "LOOK_AGAIN", 300.0)  # no page looks again by itself: only news or the poll wakes it
    own = settings.model_copy(update={"redis_url": None, "data_dir": tmp_path / "redis"})
    own = own.model_copy(update={"redis_url": embedded.redis_url(own)})
    server = await asyncio.to_thread(start_redis, processes, own)
    bus = Bus(embedded.redis_url(own))
    row = await open_shift(database, world, 0)
    async with served(own, database, bus) as address:
        await log_in(page, address, "agent1")
        await expect(page.locator("#link.on")).to_be_attached()
        await asyncio.to_thread(server.kill)
        call = await bridge(database, world, row, 2)
        await expect(page.get_by_role("heading", name="Piotr Zieliński")).to_be_visible(timeout=15_000)
        assert await page.locator("#link.on").count()  # the page itself never lost its server
        await asyncio.to_thread(start_redis, processes, own)  # without its memory
        await hang_up(database, world, row, call)
        await expect(page.locator("#bar .state-wrapup")).to_be_visible(timeout=15_000)
    await bus.close()


def start_redis(processes: Processes, settings: Settings) -> Child:
    """A Redis of the test's own."""
    own = settings.model_copy(update={"redis_url": None})
    embedded.prepare_redis(own)
    child = processes.run(embedded.redis_argv(own), name="redis")
    child.wait_until(lambda: embedded.redis_ready(own))
    return child
