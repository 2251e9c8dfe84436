"""Logging in: sessions, roles, CSRF, lock-out."""

from __future__ import annotations

import pytest

from tests.agent_ui.conftest import Browser
from tests.agent_ui.world import PASSWORD, World

pytestmark = pytest.mark.db


async def test_a_page_asks_for_a_login_and_leads_back(browser: Browser, world: World) -> None:
    answer = await browser.get("/desk")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?to=/desk"
    form = {"login": "agent1", "password": PASSWORD, "to": "/desk"}
    entered = await browser.post("/login", data=form)
    assert entered.headers["location"] == "/desk"
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    page = await browser.get("/desk")
    assert page.status_code == 200
    assert "Ola Sowa" in page.text
