"""Logging in: sessions, roles, CSRF, lock-out."""

from __future__ import annotations

import httpx
import pytest

from agent_ui.identity import MAX_FAILURES
from core.db import Database
from core.models import Brand, Role
from tests.agent_ui.conftest import Browser
from tests.agent_ui.world import PASSWORD, World, stamped, user

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


async def test_machines_get_a_token_and_clear_errors(browser: Browser, world: World) -> None:
    assert (await browser.get("/api/desk/state")).status_code == 401
    wrong = await browser.log_in("agent1", "zgaduję")
    assert (wrong.status_code, wrong.json()) == (401, {"error": "Wrong login or password."})
    assert (await browser.log_in("agent1")).is_success
    state = (await browser.get("/api/desk/state")).json()
    assert state["session"] is None
    assert [c["name"] for c in state["campaigns"]] == ["Faktury po terminie"]


async def test_an_unsafe_request_without_its_token_is_refused(browser: Browser, world: World) -> None:
    await browser.log_in("agent1")
    token = browser.headers.pop("X-CSRF-Token")
    body = {"campaign_id": str(world.campaign.id)}
    assert (await browser.post("/api/desk/shift", json=body)).status_code == 403
    assert (await browser.post("/desk/shift", data=body)).status_code == 403
    assert (await browser.post("/desk/shift", data={**body, "csrf": "x" * 43})).status_code == 403
    foreign = {"X-CSRF-Token": token, "Origin": "http://elsewhere.test"}
    assert (await browser.post("/api/desk/shift", json=body, headers=foreign)).status_code == 403
    assert (await browser.get("/api/desk/state")).json()["session"] is None
    assert (await browser.post("/desk/shift", data={**body, "csrf": token})).status_code == 200


async def test_a_login_from_another_site_is_refused(browser: Browser, world: World) -> None:
    form = {"login": "agent1", "password": PASSWORD}
    answer = await browser.post("/login", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_guessing_locks_the_login(browser: Browser, world: World) -> None:
    for _ in range(MAX_FAILURES):
        await browser.log_in("agent1", "zgaduję")
    locked = await browser.log_in("agent1")
    assert locked.status_code == 401
    assert "locked" in locked.json()["error"]
    assert (await browser.log_in("agent2")).is_success


async def test_roles_open_their_pages_and_no_others(browser: Browser, world: World) -> None:
    doors = {"agent1": (200, 403, 403), "szefowa": (200, 200, 403), "kierownik": (200, 200, 200)}
    for login, expected in doors.items():
        await browser.log_in(login)
        answers = [await browser.get(path) for path in ("/desk", "/floor", "/reports")]
        assert tuple(a.status_code for a in answers) == expected, login


async def test_logging_out_ends_the_login(browser: Browser, world: World) -> None:
    await browser.log_in("agent1")
    cookie = browser.cookies["callfloor"]
    assert (await browser.post("/logout")).status_code == 303
    stolen = httpx.Request("GET", "http://floor.test/api/desk/state", headers={"Cookie": f"callfloor={cookie}"})
    assert (await browser.send(stolen)).status_code == 401


async def test_every_answer_carries_the_security_headers(browser: Browser, world: World) -> None:
    for path in ("/login", "/static/app.css", "/healthz", "/nowhere"):
        headers = (await browser.get(path)).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert (await browser.get("/login")).headers["cache-control"] == "no-store"


async def test_rows_of_another_brand_do_not_exist(browser: Browser, world: World, database: Database) -> None:
    other = Brand(**stamped(world.clock, name="Inna Marka", callback_number="+48221239999"))
    async with database.begin() as session:
        session.add(other)
        await session.flush()
        session.add(user(world.clock, "obca", "Obca Osoba", Role.MANAGER, other.id))
    await browser.log_in("obca")
    assert "Faktury po terminie" not in (await browser.get("/floor")).text
    assert (await browser.get(f"/floor/campaigns/{world.campaign.id}")).status_code == 404
    assert (await browser.post(f"/floor/campaigns/{world.campaign.id}/stop")).status_code == 404
