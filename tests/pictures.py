"""Pictures of every page, empty, full and failing: ``python -m tests.pictures [FOLDER]``."""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Browser, Page

from core.bus import Bus
from core.db import Database
from core.ids import new_id
from core.models import Brand
from core.settings import Settings
from dialer.agents import defaults
from dialer.agents.models import AgentSession, AgentState
from dialer.agents.states import change
from dialer.campaigns.models import Campaign, Lead
from tests.agent_ui import world as w
from tests.agent_ui.served import Chromium, log_in, served
from tests.conftest import START
from tests.support.servers import Servers

SIZES = {"1366": (1366, 768), "1920": (1920, 1080)}
Pose = Callable[[Page], Awaitable[None]]


class Studio:
    """One installation, its address, and where the pictures go."""

    def __init__(self, browser: Browser, address: str, folder: Path, size: str, scheme: str = "light") -> None:
        self.browser, self.address, self.folder, self.size, self.scheme = browser, address, folder, size, scheme

    async def take(
        self, name: str, login: str | None, path: str, pose: Pose | None = None, language: str = "pl"
    ) -> None:
        """One picture of ``path`` as ``login`` sees it, after ``pose``."""
        width, height = SIZES[self.size]
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if self.scheme == "dark" else "light",
            locale="pl-PL" if language == "pl" else "en-GB",
        )
        page = await context.new_page()
        if language != "pl":
            await context.add_cookies([{"name": "language", "value": language, "url": self.address}])
        if login:
            await log_in(page, self.address, login, path)
        else:
            await page.goto(self.address + path)
        if await page.locator("#link").count():
            await page.wait_for_selector("#link.on", state="attached")
        if pose:
            await pose(page)
        await page.screenshot(path=self.folder / f"{name}-{self.size}{'-dark' if self.scheme == 'dark' else ''}.png")
        await context.close()


async def _choose(page: Page) -> None:
    await page.keyboard.press("1")
    await page.fill("textarea[name=note]", "Zapłaci 500 zł w piątek, resztę do końca miesiąca.")


async def _wrong(page: Page) -> None:
    await page.click("form[data-draft] button")
    await page.wait_for_selector("#notice .bad")


async def _wrong_login(page: Page) -> None:
    await page.fill("input[name=login]", "agent1")
    await page.fill("input[name=password]", "nie to")
    await page.click("form[action='/login'] button")
    await page.wait_for_selector(".notice.bad")


async def _help(page: Page) -> None:
    await page.keyboard.press("?")


async def _pause(page: Page) -> None:
    await page.keyboard.press("p")


async def _down(page: Page) -> None:
    await page.locator("table.rules tr").nth(8).scroll_into_view_if_needed()


async def shoot(settings: Settings, chromium: Chromium, folder: Path, *, empty: bool) -> None:
    """All pictures of an installation without, or with, a morning of work behind it."""
    assert settings.database_url is not None
    assert settings.redis_url is not None
    database, bus, clock = Database(settings.database_url), Bus(settings.redis_url), settings.clock()
    brand = Brand(
        id=new_id(clock), created_at=clock.now(), name="Dom Windykacji Przykład", callback_number="+48221230000"
    )
    async with database.begin() as session:
        session.add(brand)
        await session.flush()
        defaults.seed(session, clock, brand.id)
        if empty:
            for login, role in (("szefowa", w.Role.SUPERVISOR), ("kierownik", w.Role.MANAGER)):
                session.add(w.user(clock, login, "Iga Sikora", role, brand.id))
    async with served(settings, database, bus) as address, chromium.driven() as browser:
        if empty:
            for size in SIZES:
                studio = Studio(browser, address, folder, size)
                await studio.take("floor-empty", "szefowa", "/floor")
                await studio.take("reports-empty", "kierownik", "/reports")
        else:
            await _full(database, browser, address, folder, brand, settings)
    await bus.close()
    await database.close()


async def _full(
    database: Database, browser: Browser, address: str, folder: Path, brand: Brand, settings: Settings
) -> None:
    clock = settings.clock()
    world = await w.build(database, clock, brand, debtors=180, agents=6)
    await w.history(database, world, 420)
    row = await w.open_shift(database, world, 0, ago=95)
    for number, (state, ago, reason) in enumerate(
        ((AgentState.WRAPUP, 21, None), (AgentState.PAUSED, 252, "break"), (AgentState.READY, 8, None)), start=1
    ):
        await w.open_shift(database, world, number, state, ago=ago, reason=reason)
    await w.call_back(database, world, 0, 5, clock.now() - timedelta(minutes=12), "po pracy, prosi o spokojną rozmowę")
    await w.call_back(database, world, 0, 8, clock.now() + timedelta(minutes=48))
    for size in SIZES:
        studio = Studio(browser, address, folder, size)
        await studio.take("login", None, "/login")
        await studio.take("login-wrong", None, "/login", _wrong_login)
        await studio.take("desk-no-shift", "agent6", "/desk")
        await studio.take("desk-paused", "agent3", "/desk")
        await studio.take("desk-ready", "agent4", "/desk", _pause)
    await _asking(database, world, Studio(browser, address, folder, "1366"), row)
    call = await w.bridge(database, world, row, 1)
    for size in SIZES:
        studio = Studio(browser, address, folder, size)
        await studio.take("desk-call", "agent1", "/desk", _choose)
        await studio.take("desk-refused", "agent1", "/desk", _wrong)
        await studio.take("desk-help", "agent1", "/desk", _help)
        await studio.take("floor", "szefowa", "/floor")
        await studio.take("campaign", "szefowa", f"/floor/campaigns/{world.campaign.id}")
        await studio.take("campaign-rules", "szefowa", f"/floor/campaigns/{world.campaign.id}", _down)
        await studio.take("campaign-new", "szefowa", "/floor/campaigns/new")
        await studio.take("upload", "szefowa", f"/floor/upload?campaign={world.campaign.id}")
        await studio.take("reports", "kierownik", "/reports")
        await studio.take("calls", "kierownik", "/reports/calls")
        await studio.take("refused", "agent1", "/reports")
    dark = Studio(browser, address, folder, "1366", "dark")
    await dark.take("desk-call", "agent1", "/desk", _choose)
    await dark.take("floor", "szefowa", "/floor")
    await dark.take("reports", "kierownik", "/reports")
    await Studio(browser, address, folder, "1366").take("desk-call-en", "agent1", "/desk", _choose, "en")
    await w.hang_up(database, world, row, call)
    await Studio(browser, address, folder, "1366").take("desk-wrapup", "agent1", "/desk", _choose)


async def _asking(database: Database, world: w.World, studio: Studio, row: AgentSession) -> None:
    """The desk of agents who ask for calls."""

    async def dialled_by(mode: str) -> None:
        async with database.begin() as session:
            campaign = await session.get_one(Campaign, world.campaign.id)
            campaign.mode = mode
            session.add(campaign)

    async def refused(page: Page) -> None:
        async with database.begin() as session:
            held = await session.get_one(AgentSession, row.id)
            lead = await session.get_one(Lead, held.lead_id)
            lead.reason, lead.due_at = "attempts_today", world.clock.now() + timedelta(hours=22)
            for state in (AgentState.RESERVED, AgentState.READY):
                await change(session, world.clock, held, state)
            session.add(lead)
        await page.wait_for_selector("#asked.asked-done")

    async def search(page: Page) -> None:
        await page.keyboard.press("/")
        await page.keyboard.type("kowalski")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#found li")

    async def call(page: Page) -> None:
        await search(page)
        await page.locator("#found button:not([disabled])").first.click()
        await page.wait_for_selector("#asked.asked-calling")

    async def offered(page: Page) -> None:
        await page.wait_for_selector("#asked.asked-offered")

    await dialled_by("manual")
    await studio.take("desk-search", "agent1", "/desk", search)
    await studio.take("desk-calling", "agent1", "/desk", call)
    await studio.take("desk-call-refused", "agent1", "/desk", refused)
    await dialled_by("preview")
    await studio.take("desk-preview", "agent4", "/desk", offered)
    await dialled_by("fixed_ratio")


def main(folder: Path) -> None:
    """Start servers of its own, take all pictures, end them."""
    folder.mkdir(parents=True, exist_ok=True)
    servers = Servers(Settings(clock_start=START, clock_epoch=time.time()))
    chromium = Chromium()
    with tempfile.TemporaryDirectory() as scratch:
        try:
            servers.start()
            for empty in (True, False):
                with socket.socket() as free:
                    free.bind(("127.0.0.1", 0))
                    port = free.getsockname()[1]
                settings = Settings(
                    data_dir=Path(scratch) / f"v{empty}",
                    keys_file=Path(scratch) / "keys" / "keys.json",
                    database_url=servers.create_database(),
                    redis_url=servers.empty_bus(),
                    clock_start=START,
                    clock_epoch=time.time(),
                    web_port=port,
                )
                asyncio.run(shoot(settings, chromium, folder, empty=empty))
        finally:
            servers.stop()
            chromium.stop()
    for picture in sorted(folder.glob("*.png")):
        print(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("var/pictures"))
