"""The web process as its command starts it: pages find it again after it was killed."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from playwright.async_api import Page, expect

from core.db import Database
from core.settings import Settings
from tests.agent_ui.served import log_in
from tests.agent_ui.world import World, bridge, open_shift
from tests.support.processes import Processes

pytestmark = pytest.mark.browser


async def answers(address: str) -> None:
    """Wait until the web process is well."""
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(30):
        while True:
            try:
                if (await client.get(f"{address}/healthz")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


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
