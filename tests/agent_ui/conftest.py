"""A web process inside the test, on the test's own database and bus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import Page

from agent_ui.app import create_app
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.models import Brand
from core.settings import Settings
from tests.agent_ui.served import Chromium, served
from tests.agent_ui.world import PASSWORD, World, build


@pytest.fixture
async def app(settings: Settings, database: Database) -> AsyncIterator[FastAPI]:
    """The application, started."""
    made = create_app(settings)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def world(database: Database, settings: Settings, brand: Brand) -> World:
    """Two agents, a supervisor, a manager, an administrator, and sixteen debtors in a running campaign."""
    clock: Clock = settings.clock()
    return await build(database, clock, brand)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """One Chromium for all tests of this test process."""
    started = Chromium()
    yield started
    started.stop()


@pytest.fixture
async def address(settings: Settings, database: Database, bus: Bus) -> AsyncIterator[str]:
    """The web process on a real port, answering."""
    async with served(settings, database, bus) as url:
        yield url


@pytest.fixture
async def page(chromium: Chromium) -> AsyncIterator[Page]:
    """A tab in Polish; any error in the console fails the test."""
    async with chromium.driven() as browser:
        context = await browser.new_context(locale="pl-PL", viewport={"width": 1366, "height": 768})
        tab = await context.new_page()
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda m: errors.append(m.text) if "Content Security Policy" in m.text else None)
        yield tab
        await context.close()
        assert errors == []


class Browser(httpx.AsyncClient):
    """A client that keeps cookies and, once logged in, sends its CSRF token."""

    async def log_in(self, login: str, password: str = PASSWORD) -> httpx.Response:
        """Log in as a machine does."""
        answer = await self.post("/api/login", json={"login": login, "password": password})
        if answer.is_success:
            self.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return answer


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[Browser]:
    """Somebody at the application's door."""
    async with Browser(transport=httpx.ASGITransport(app=app), base_url="http://floor.test") as made:
        yield made
