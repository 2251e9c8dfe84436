"""What can be computed of WCAG 2.2 AA, on every page, in light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from core.db import Database
from tests.agent_ui.served import Chromium, log_in
from tests.agent_ui.world import World, bridge, history, open_shift

pytestmark = pytest.mark.browser

FAULTS = (Path(__file__).parent / "accessibility.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_have_names_room_and_contrast(
    chromium: Chromium, address: str, database: Database, world: World, scheme: str
) -> None:
    await history(database, world, 40)
    row = await open_shift(database, world, 0)
    await open_shift(database, world, 1)
    await bridge(database, world, row, 0)
    campaign = f"/floor/campaigns/{world.campaign.id}"
    visits = {
        "agent1": ["/desk"],
        "agent2": ["/desk"],
        "kierownik": ["/floor", campaign, "/floor/campaigns/new", "/floor/upload", "/reports", "/reports/calls", "/no"],
    }
    found: dict[str, list[str]] = {}
    async with chromium.driven() as browser:
        for login, paths in visits.items():
            context = await browser.new_context(
                color_scheme="dark" if scheme == "dark" else "light", viewport={"width": 1366, "height": 768}
            )
            page = await context.new_page()
            await page.goto(f"{address}/login")
            found["/login"] = await page.evaluate(FAULTS)
            await log_in(page, address, login)
            for path in paths:
                await page.goto(address + path)
                if await page.locator("#link").count():
                    await expect(page.locator("#link.on")).to_be_attached()
                found[path] = found.get(path, []) + await page.evaluate(FAULTS)
            await context.close()
    assert {path: faults for path, faults in found.items() if faults} == {}


async def test_the_check_sees_faults(page: Page) -> None:
    page_text = (
        "<html><p style='color:#999;background:#fff'>pale</p><button style='height:9px;padding:0'>x</button><input>"
    )
    await page.set_content(page_text)
    faults = " ".join(await page.evaluate(FAULTS))
    assert "contrast 2.85" in faults
    assert "small: button" in faults
    assert "no name: <input" in faults
    assert "no language" in faults
