"""The web process on a real port, the relay beside it, and Chromium in front."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvicorn
from playwright.async_api import Browser, Page, async_playwright

from agent_ui.app import create_app
from core import embedded
from core.bus import Bus
from core.db import Database
from core.outbox import Relay
from core.settings import Settings
from tests.agent_ui.world import PASSWORD
from tests.support.until import until

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
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{settings.web_port}"
    finally:
        server.should_exit = True
        stop.set()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(serving, relaying)


class Chromium:
    """The system's Chromium as a process of its own, which any number of tests drive one after another."""

    def __init__(self) -> None:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        assert path is not None, "set-up installs chromium"
        self.profile = Path(tempfile.mkdtemp(prefix="cf-chromium-"))
        argv = [path, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={self.profile}", *CHROMIUM_ARGS]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
        )

    def address(self) -> str:
        """Where it is driven from (Chrome DevTools Protocol), once it says so."""
        port_file = self.profile / "DevToolsActivePort"
        embedded.wait_ready(lambda: port_file.exists() and port_file.read_text().count("\n") == 1, self.alive)
        port, _, path = port_file.read_text().partition("\n")
        return f"ws://127.0.0.1:{port}{path}"

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it and remove its profile."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    @asynccontextmanager
    async def driven(self) -> AsyncIterator[Browser]:
        """The browser, for the loop that runs now; its pages are closed in the end, it runs on."""
        async with async_playwright() as playwright:
            browser = await playwright.chromium.connect_over_cdp(self.address())
            yield browser
            await browser.close()


async def log_in(page: Page, address: str, login: str, to: str = "/") -> None:
    """Log in through the page, as people do."""
    await page.goto(f"{address}/login?to={to}")
    await page.fill("input[name=login]", login)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("form[action='/login'] button")
    await page.wait_for_url(lambda url: "/login" not in url)
