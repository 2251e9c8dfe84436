"""Calls that agents ask for: the debtor looked at before it, a search, a refusal in words, call-backs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect
from sqlmodel import select

from cases.models import Debtor, NextAction
from core.db import Database
from core.models import Outbox
from core.settings import Settings
from dialer.agents.models import AgentSession, AgentState
from dialer.agents.states import change
from dialer.campaigns.models import Campaign, Lead, LeadState
from tests.agent_ui.conftest import Browser
from tests.agent_ui.served import log_in
from tests.agent_ui.world import World, attempt, bridge, call_back, history, open_shift


async def dialled_by(database: Database, world: World, mode: str) -> None:
    """Give the campaign that dialing mode."""
    async with database.begin() as session:
        campaign = await session.get_one(Campaign, world.campaign.id)
        campaign.mode = mode
        session.add(campaign)


async def refuse(database: Database, world: World, row: AgentSession, lead_id: str, reason: str) -> None:
    """What the engine does with a call that may not be made: the agent is reserved and given back, the lead waits."""
    async with database.begin() as session:
        lead = await session.get_one(Lead, lead_id)
        lead.reason, lead.due_at = reason, world.clock.now() + timedelta(hours=22)
        held = await session.get_one(AgentSession, row.id)
        await change(session, world.clock, held, AgentState.RESERVED)
        await change(session, world.clock, held, AgentState.READY)
        session.add(lead)


async def asked_of(database: Database, kind: str) -> list[dict[str, Any]]:
    """What stands in the outbox for the engine."""
    async with database.begin() as session:
        rows = (await session.exec(select(Outbox).where(Outbox.stream == "desk"))).all()
    found: list[dict[str, Any]] = [row.payload for row in rows if row.payload["kind"] == kind]
    return found


@pytest.mark.db
async def test_preview_in_json(browser: Browser, world: World, database: Database) -> None:
    await dialled_by(database, world, "preview")
    row = await open_shift(database, world, 0)
    await browser.log_in("agent1")
    first = (await browser.post("/api/desk/offer")).json()["asked"]
    assert (first["step"], first["reason"]) == ("offered", "offered")
    assert (await browser.post("/api/desk/offer")).json()["asked"]["lead_id"] == first["lead_id"]  # it is held
    chosen = {"lead_id": first["lead_id"]}
    assert (await browser.post("/api/desk/skip", json=chosen)).json()["asked"] is None
    second = (await browser.post("/api/desk/offer")).json()["asked"]
    assert second["lead_id"] != first["lead_id"]
    called = (await browser.post("/api/desk/call", json={"lead_id": second["lead_id"]})).json()["asked"]
    assert called["step"] == "calling"
    assert [m["lead_id"] for m in await asked_of(database, "dial_requested")] == [second["lead_id"]]
    await refuse(database, world, row, second["lead_id"], "attempts_today")
    told = (await browser.get("/api/desk/state")).json()["asked"]
    assert (told["step"], told["reason"]) == ("done", "attempts_today")
    assert told["next_allowed"] > world.clock.now().isoformat()


@pytest.mark.db
async def test_two_agents_never_look_at_one_debtor(browser: Browser, world: World, database: Database) -> None:
    await dialled_by(database, world, "preview")
    seen = []
    for number in (0, 1):
        await open_shift(database, world, number)
        await browser.log_in(f"agent{number + 1}")
        seen.append((await browser.post("/api/desk/offer")).json()["asked"]["lead_id"])
    assert seen[0] != seen[1]


@pytest.mark.db
async def test_a_refusal_is_told_in_words_with_its_figures(
    browser: Browser, world: World, database: Database, settings: Settings
) -> None:
    await dialled_by(database, world, "manual")
    await history(database, world, 16 * 8)  # eight attempts each this morning: more than the policy allows
    row = await open_shift(database, world, 0)
    await browser.log_in("agent1")
    page = (await browser.get("/desk")).text
    assert "Kogo chcesz wywołać?" in page
    lead_id = str(world.leads[0].id)
    assert (await browser.post("/desk/call", data={"lead_id": lead_id})).status_code == 200
    await refuse(database, world, row, lead_id, "attempts_today")
    page = (await browser.get("/desk")).text
    assert "Tego połączenia nie wolno wykonać" in page
    assert "wykonano 8 z" in page
    assert "Następne możliwe" in page
    assert "attempts_today" not in page
    assert "Rozumiem" not in page
    back = await browser.post("/desk/skip", data={"lead_id": lead_id})
    assert "Kogo chcesz wywołać?" in back.text


@pytest.mark.db
async def test_a_search_finds_by_name_reference_and_phone(browser: Browser, world: World, database: Database) -> None:
    await dialled_by(database, world, "manual")
    await open_shift(database, world, 0)
    async with database.begin() as session:
        done = await session.get_one(Lead, world.leads[1].id)
        done.state, done.reason = LeadState.FINISHED, "finished_paid"
        session.add(done)
        debtor = await session.get_one(Debtor, world.debtors[2].id)
        debtor.pesel_index = b"index"
        session.add(debtor)
    await browser.log_in("agent1")
    for query, name in (("kowal", "Jan Kowalski"), ("TP-10001", "Anna Nowak"), ("600 000 002", "Piotr Zieliński")):
        found = (await browser.post("/desk/search", data={"query": query})).text
        assert name in found, query
        assert "hx-vals" in found
    assert "Zakończony" in (await browser.post("/desk/search", data={"query": "TP-10001"})).text
    assert "Nikogo nie znaleziono" in (await browser.post("/desk/search", data={"query": "Brzęczyszczykiewicz"})).text
    assert "co najmniej trzy" in (await browser.post("/desk/search", data={"query": "ab"})).text
    refused = (await browser.post("/desk/search", data={"query": "44051401359"})).text
    assert "PESEL" in refused
    assert "nie pozwala" in refused


@pytest.mark.db
async def test_a_call_back_is_brought_forward(browser: Browser, world: World, database: Database) -> None:
    row = await open_shift(database, world, 0)
    planned = await call_back(database, world, 0, 5, world.clock.now() + timedelta(hours=2))
    foreign = await call_back(database, world, 1, 6, world.clock.now())
    await browser.log_in("agent1")
    assert (await browser.post("/desk/callback", data={"action_id": str(foreign.id)})).status_code == 409
    answer = await browser.post("/desk/callback", data={"action_id": str(planned.id)})
    assert answer.status_code == 200
    assert "Agnieszka Kamińska" in answer.text
    async with database.begin() as session:
        assert (await session.get_one(NextAction, planned.id)).due_at <= world.clock.now()
        assert (await session.get_one(AgentSession, row.id)).lead_id == world.leads[5].id
    assert [m["session_id"] for m in await asked_of(database, "session_touched")] == [str(row.id)]


@pytest.mark.browser
async def test_the_card_stands_before_the_call(page: Page, address: str, database: Database, world: World) -> None:
    await dialled_by(database, world, "preview")
    row = await open_shift(database, world, 0, AgentState.PAUSED, reason="break")
    await log_in(page, address, "agent1")
    await expect(page.locator("#link.on")).to_be_attached()
    await page.keyboard.press("r")
    offered = page.locator("#asked.asked-offered")
    await expect(offered).to_be_visible()  # without a click
    first = await page.locator("#work h1").inner_text()
    await page.keyboard.press("s")
    await expect(page.locator("#work h1")).not_to_have_text(first)
    await expect(offered).to_be_visible()
    name = await page.locator("#work h1").inner_text()
    await page.keyboard.press("Enter")
    await expect(page.locator("#asked.asked-calling")).to_contain_text(name)
    index = next(i for i, debtor in enumerate(world.debtors) if debtor.name == name)
    async with database.begin() as session:  # the engine reserves the agent and dials
        held = await session.get_one(AgentSession, row.id)
        await change(session, world.clock, held, AgentState.RESERVED)
        ringing = attempt(world, index, world.clock.now())
        session.add(ringing)
        held.attempt_id = ringing.id
        session.add(held)
    await expect(page.locator("#bar .state-reserved")).to_be_visible()
    await expect(page.locator("#asked.asked-calling")).to_contain_text(name)
    await bridge(database, world, row, index)
    await expect(page.locator("#hangup")).to_be_visible()
    await expect(page.locator("#work h1")).to_have_text(name)
    await expect(page.locator("#asked")).to_have_count(0)


@pytest.mark.browser
async def test_a_debtor_is_searched_and_called_by_keyboard(
    page: Page, address: str, database: Database, world: World
) -> None:
    await dialled_by(database, world, "manual")
    row = await open_shift(database, world, 0)
    await log_in(page, address, "agent1")
    await expect(page.locator("#link.on")).to_be_attached()
    await page.keyboard.press("/")
    await page.keyboard.type("lewandowski")
    await page.keyboard.press("Enter")
    await expect(page.locator("#found")).to_contain_text("Krzysztof Lewandowski")
    await call_back(database, world, 0, 5, world.clock.now())
    await page.locator("#found button").click()
    await expect(page.locator("#asked.asked-calling")).to_contain_text("Krzysztof Lewandowski")
    await expect(page.get_by_role("heading", name="Krzysztof Lewandowski")).to_be_visible()
    await refuse(database, world, row, str(world.leads[4].id), "after_busy")
    await expect(page.locator("#asked.asked-done")).to_contain_text("Zajęte")
    await page.keyboard.press("Enter")
    await expect(page.locator("#query")).to_be_visible()
