"""The desk for machines: a whole shift in JSON, and every refusal as clear text."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from core.db import Database
from dialer.agents.models import AgentSession
from tests.agent_ui.conftest import Browser
from tests.agent_ui.world import World, bridge, hang_up, open_shift

pytestmark = pytest.mark.db


async def test_a_shift_in_json(browser: Browser, world: World, database: Database) -> None:
    await browser.log_in("agent1")
    begun = (await browser.post("/api/desk/shift", json={"campaign_id": str(world.campaign.id)})).json()
    assert begun["session"]["state"] == "connecting"
    early = await browser.post("/api/desk/ready")
    assert (early.status_code, early.json()) == (409, {"error": "Your telephone is not connected yet."})
    async with database.begin() as session:
        row = await session.get_one(AgentSession, begun["session"]["id"])
        row.leg_up = True
        session.add(row)
    assert (await browser.post("/api/desk/ready")).json()["session"]["state"] == "ready"
    call = await bridge(database, world, row, 0)
    state = (await browser.get("/api/desk/state")).json()
    assert state["call"]["attempt_id"] == str(call.id)
    assert (state["call"]["debtor"], state["call"]["ended"]) == ("Jan Kowalski", False)
    await hang_up(database, world, row, call)
    assert (await browser.post("/api/desk/close")).status_code == 409
    given = {"attempt_id": str(call.id), "code": "promise", "note": "w piątek"}
    for _ in range(2):  # the same once more changes nothing
        answer = await browser.post("/api/desk/disposition", json=given)
        assert answer.json()["session"]["state"] == "ready", answer.text
    other = await browser.post("/api/desk/disposition", json={**given, "code": "refused"})
    assert other.status_code == 409
    assert (await browser.post("/api/desk/pause", json={"reason": "break"})).json()["session"][
        "pause_reason"
    ] == "break"
    assert (await browser.post("/api/desk/close")).json()["session"] is None


async def test_nonsense_is_told(browser: Browser, world: World, database: Database) -> None:
    await browser.log_in("agent1")
    assert (await browser.post("/api/desk/ready")).json() == {"error": "Begin a shift first."}
    wrong = await browser.post("/api/desk/pause", json={"why": 1})
    assert wrong.status_code == 422
    assert "reason" in wrong.json()["error"]
    foreign = await open_shift(database, world, 1)
    call = await bridge(database, world, foreign, 0)
    await open_shift(database, world, 0)
    stolen = await browser.post("/api/desk/disposition", json={"attempt_id": str(call.id), "code": "promise"})
    assert (stolen.status_code, stolen.json()) == (409, {"error": "This is not a call of your shift."})


async def test_health_and_metrics(browser: Browser) -> None:
    assert (await browser.get("/healthz")).json() == {"ok": True, "database": True, "redis": True}
    assert "callfloor_web_sockets" in (await browser.get("/metrics")).text


async def test_metrics_are_not_for_the_world(app: FastAPI, browser: Browser, world: World) -> None:
    through_proxy = {"X-Forwarded-For": "203.0.113.7"}
    assert (await browser.get("/metrics", headers=through_proxy)).status_code == 403
    far = httpx.ASGITransport(app=app, client=("8.8.8.8", 1234))
    async with Browser(transport=far, base_url="http://floor.test") as stranger:
        assert (await stranger.get("/metrics")).status_code == 403
        await stranger.log_in("szefowa")
        assert (await stranger.get("/metrics")).status_code == 403
        await stranger.log_in("admin")
        assert (await stranger.get("/metrics")).status_code == 200
