"""The supervisor's floor over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from core.db import Database
from core.models import Brand
from dialer.agents.models import AgentState
from dialer.call import Outcome
from dialer.campaigns.models import Campaign, CampaignState, RecyclingRule
from reports import exports
from tests.agent_ui.conftest import Browser
from tests.agent_ui.world import World, ended, history, open_shift

pytestmark = pytest.mark.db


async def test_the_floor_shows_campaigns_and_agents(browser: Browser, world: World, database: Database) -> None:
    await history(database, world, 60)
    await open_shift(database, world, 0)
    await browser.log_in("szefowa")
    page = (await browser.get("/floor")).text
    assert "Faktury po terminie" in page
    assert "Ola Sowa" in page
    detail = (await browser.get(f"/floor/campaigns/{world.campaign.id}")).text
    assert "Nie odbiera" in detail  # why leads wait
    assert 'name="no_answer.delay"' in detail


async def test_a_pause_stands_by_its_name(browser: Browser, world: World, database: Database) -> None:
    await open_shift(database, world, 0, AgentState.PAUSED, reason="break")
    await browser.log_in("szefowa")
    page = (await browser.get("/floor")).text
    assert "Przerwa" in page
    assert "· break" not in page


async def test_instants_and_days_are_the_brands(browser: Browser, world: World, database: Database) -> None:
    async with database.begin() as session:
        brand = await session.get_one(Brand, world.brand.id)
        brand.timezone = "Pacific/Auckland"  # twelve hours ahead: 22:00 there
        session.add(brand)
        session.add(ended(world, 0, world.clock.now() - timedelta(hours=23), Outcome.BUSY))  # yesterday there, too
        session.add(ended(world, 1, world.clock.now() - timedelta(hours=12), Outcome.BUSY))  # today there only
    await open_shift(database, world, 0)
    await browser.log_in("kierownik")
    assert 'id="total-dials">1<' in (await browser.get("/reports")).text
    await browser.log_in("agent1")
    assert "od</" not in (await browser.get("/desk")).text
    assert "22:0" in (await browser.get("/desk")).text


async def test_a_campaign_is_made_edited_started_and_paused(browser: Browser, world: World, database: Database) -> None:
    await browser.log_in("szefowa")
    form = {
        "name": "Pożyczki",
        "trunk_id": str(world.trunk.id), "caller_id_pool_id": str(world.pool.id), "mode": "progressive",
        "ratio": "1,5", "max_lines": "12", "patience_ms": "2000", "wrapup_seconds": "45",
    }  # fmt: skip
    made = await browser.post("/floor/campaigns/new", data=form)
    assert made.status_code == 303, made.text
    address = made.headers["location"]
    wrong = await browser.post(f"{address}/settings", data={**form, "max_lines": "dużo"})
    assert wrong.status_code == 409
    assert "«dużo» to nie jest liczba całkowita" in wrong.text
    assert (await browser.post(f"{address}/settings", data={**form, "max_lines": "20"})).status_code == 303
    assert (await browser.post(f"{address}/start")).status_code == 303
    async with database.begin() as session:
        row = (await session.exec(select(Campaign).where(Campaign.name == "Pożyczki"))).one()
    assert (row.ratio, row.max_lines, row.wrapup_seconds, row.state) == (1.5, 20, 45, CampaignState.RUNNING)
    assert (await browser.post(f"{address}/stop")).status_code == 303
    async with database.begin() as session:
        assert (await session.get_one(Campaign, row.id)).state is CampaignState.STOPPED


async def test_rules_are_set_and_go_back_to_the_default(browser: Browser, world: World, database: Database) -> None:
    await browser.log_in("szefowa")
    address = f"/floor/campaigns/{world.campaign.id}/rules"

    async def own() -> list[tuple[str, int, int]]:
        async with database.begin() as session:
            rows = (await session.exec(select(RecyclingRule))).all()
        return [(row.outcome, row.delay_minutes, row.max_times) for row in rows]

    assert (await browser.post(address, data={"busy.delay": "25", "busy.times": "4"})).status_code == 303
    assert await own() == [("busy", 25, 4)]
    assert (await browser.post(address, data={"busy.delay": "-1", "busy.times": "4"})).status_code == 409
    assert (await browser.post(address, data={"busy.delay": "10", "busy.times": "3"})).status_code == 303
    assert await own() == []


async def test_a_workbook_has_a_bound(
    browser: Browser, world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await history(database, world, 12)
    await browser.log_in("kierownik")
    assert (await browser.get("/reports/report.xlsx")).status_code == 200
    monkeypatch.setattr(exports, "MOST_CALLS", 11)
    refused = await browser.get("/reports/report.xlsx")
    assert refused.status_code == 403
    assert "jako CSV" in refused.text
    assert (await browser.get("/reports/calls.csv")).status_code == 200
