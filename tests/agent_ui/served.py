"""The web process on a real port, the relay beside it, and Chromium in front."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from playwright.async_api import Browser, Page, async_playwright

from agent_ui.app import create_app
from core.bus import Bus
from core.db import Database
from core.outbox import Relay
from core.settings import Settings
from tests.agent_ui.world import PASSWORD

CHROMIUM_ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@asynccontextmanager
async def served(settings: Settings, database: Database, bus: Bus) -> AsyncIterator[str]:
    """The application under uvicorn and a relay of the outbox; the address."""
    config = uvicorn.Config(
        create_app(settings), host="127.0.0.1", port=settings.web_port, log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    stop = asyncio.Event()
    serving = asyncio.create_task(server._serve())
    relaying = asyncio.create_task(Relay(database, bus).run(stop))
    try:
        async with asyncio.timeout(15):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{settings.web_port}"
    finally:
        server.should_exit = True
        stop.set()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(serving, relaying)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path is not None, "set-up installs chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_ARGS))
        yield browser
        await browser.close()


async def log_in(page: Page, address: str, login: str, to: str = "/") -> None:
    """Log in through the page, as people do."""
    await page.goto(f"{address}/login?to={to}")
    await page.fill("input[name=login]", login)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("form[action='/login'] button")
    await page.wait_for_url(lambda url: "/login" not in url)
