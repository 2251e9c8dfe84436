"""The agent's desk in Chromium: rows are written as the engine writes them, the page follows by itself."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from sqlmodel import select

from cases.models import NextAction
from core.db import Database
from dialer.agents.models import AgentSession, Disposition
from dialer.attempts.models import Attempt
from tests.agent_ui.served import log_in
from tests.agent_ui.world import World, bridge, hang_up, open_shift

pytestmark = pytest.mark.browser


async def test_a_shift_from_log_in_to_saved_disposition_by_keyboard(
    page: Page, address: str, database: Database, world: World
) -> None:
    await log_in(page, address, "agent1")
    await expect(page.locator("#link.on")).to_be_attached()
    await page.get_by_role("button", name="Faktury po terminie").click()
    await expect(page.locator(".state-connecting").first).to_be_visible()
    async with database.begin() as session:
        row = (await session.exec(select(AgentSession))).one()
        row.leg_up = True
        session.add(row)
    await page.reload()
    await expect(page.locator("#link.on")).to_be_attached()
    await page.keyboard.press("r")
    await expect(page.locator("#bar .state-ready")).to_be_visible()

    call = await bridge(database, world, row, 4)
    await expect(page.get_by_role("heading", name="Krzysztof Lewandowski")).to_be_visible(timeout=3000)
    await expect(page.locator("#announce")).to_contain_text("Krzysztof Lewandowski")
    assert "1 224,46 zł" in (await page.locator(".sum").inner_text()).replace("\N{NO-BREAK SPACE}", " ")
    await page.keyboard.press("2")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#notice")).to_contain_text("Podaj, kiedy oddzwonić")
    assert await page.locator("input[value=callback]").is_checked()  # the refused form is as it was
    await page.keyboard.press("Escape")
    await page.fill("input[name=callback_on]", "2026-11-24")
    await page.fill("input[name=callback_time]", "17:30")
    await page.fill("textarea[name=note]", "Po pracy, 3 raty")  # digits in a note choose nothing
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(f"#disposed-{call.id}")).to_be_visible()
    async with database.begin() as session:
        saved = await session.get_one(Attempt, call.id)
        given = await session.get_one(Disposition, saved.disposition_id)
        action = (await session.exec(select(NextAction))).one()
    assert (given.code, saved.note) == ("callback", "Po pracy, 3 raty")
    assert action.due_at.isoformat() == "2026-11-24T16:30:00+00:00"


async def test_a_half_typed_note_survives_pushes_and_a_reload(
    page: Page, address: str, database: Database, world: World
) -> None:
    row = await open_shift(database, world, 0)
    await log_in(page, address, "agent1")
    await expect(page.locator("#link.on")).to_be_attached()
    call = await bridge(database, world, row, 1)
    note = page.locator("textarea[name=note]")
    await note.wait_for()
    await page.keyboard.press("1")
    await page.keyboard.press("n")
    await page.keyboard.type("Zapłaci w pią")
    await hang_up(database, world, row, call)
    await expect(page.locator("#bar .state-wrapup")).to_be_visible(timeout=3000)
    await expect(note).to_have_value("Zapłaci w pią")
    await expect(note).to_be_focused()
    await page.keyboard.type("tek")
    await page.reload()
    await expect(note).to_have_value("Zapłaci w piątek")
    assert await page.locator("input[value=promise]").is_checked()


async def test_both_languages_and_logging_out(page: Page, address: str, world: World) -> None:
    await log_in(page, address, "agent1")
    await expect(page.get_by_role("heading", name="Rozpocznij zmianę")).to_be_visible()
    await page.get_by_title("English").click()
    await expect(page.get_by_role("heading", name="Begin your shift")).to_be_visible()
    assert await page.get_attribute("html", "lang") == "en"
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_title("Log out").click()
    await page.wait_for_url("**/login")
    await page.goto(f"{address}/desk")
    assert "/login" in page.url
