"""A list on its way in: uploaded, its columns told, brought in by a worker, its rejects given back."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import pytest
from sqlmodel import col, func, select

from agent_ui.floor.uploads import Step, Upload, forget_old
from core.db import Database
from core.jobs import work
from core.settings import Settings
from dialer.campaigns.models import Lead, LeadList
from tests.agent_ui.conftest import Browser
from tests.agent_ui.world import World
from tests.support.until import until

pytestmark = pytest.mark.db

FILE = """Nr klienta;Imię i nazwisko;Telefon;Kwota;Faktura
K-1;Adam Bocian;600 100 200;1 234,56;FV/1
K-2;Beata Czyż;600 100 201;99,00;FV/2
K-3;;600 100 202;10,00;FV/3
""".encode("cp1250")
SECONDS = 30


async def test_a_list_goes_in_and_its_rows_add_up(
    browser: Browser, world: World, settings: Settings, database: Database
) -> None:
    await browser.log_in("szefowa")
    form = {"campaign_id": str(world.campaign.id), "portfolio_id": str(world.portfolio.id), "list_name": "Zima"}
    taken = await browser.post("/floor/upload", data=form, files={"file": ("zima.csv", FILE)})
    assert taken.status_code == 303, taken.text
    address = taken.headers["location"]
    preview = (await browser.get(address)).text
    assert "Adam Bocian" in preview
    columns = {
        f"column.{i}": c for i, c in enumerate(("debtor_reference", "name", "phones", "amount", "debt_reference"))
    }
    missing = await browser.post(address, data={**columns, "column.3": "ignore"})
    assert missing.status_code == 409
    assert (await browser.post(address, data=columns)).status_code == 303

    async def done() -> str:
        shown = (await browser.get(f"{address}/progress")).text
        return "" if "hx-trigger" in shown else shown

    stop = asyncio.Event()
    worker = asyncio.create_task(work(settings, stop))
    try:
        page = await until(done, SECONDS)
    finally:
        stop.set()
        await worker
    assert "Lista została wczytana" in page
    async with database.begin() as session:
        made = (await session.exec(select(LeadList).where(LeadList.name == "Zima"))).one()
        leads = (await session.exec(select(func.count()).where(col(Lead.list_id) == made.id))).one()
    assert leads == 2
    assert "K-3" in (await browser.get(f"{address}/rejects.csv")).text


async def test_uploads_given_up_are_removed(browser: Browser, world: World, settings: Settings) -> None:
    await browser.log_in("szefowa")
    form = {"campaign_id": str(world.campaign.id), "portfolio_id": str(world.portfolio.id), "list_name": "Zima"}
    addresses = []
    for step in (Step.MAPPING, Step.DONE):
        taken = await browser.post("/floor/upload", data=form, files={"file": ("zima.csv", FILE)})
        addresses.append(taken.headers["location"])
        held = Upload(settings, UUID(addresses[-1].rpartition("/")[2]))
        order = held.read()
        assert order is not None
        held.write(order.model_copy(update={"step": step}))
    now = time.time()
    assert forget_old(settings, now + 3600) == 0
    assert forget_old(settings, now + 2 * 86400) == 1
    assert [(await browser.get(address)).status_code for address in addresses] == [404, 200]
    assert forget_old(settings, now + 40 * 86400) == 1


async def test_a_broken_file_is_told_and_changes_nothing(browser: Browser, world: World, database: Database) -> None:
    await browser.log_in("szefowa")
    form = {"campaign_id": str(world.campaign.id), "portfolio_id": str(world.portfolio.id), "list_name": "Zima"}
    answer = await browser.post("/floor/upload", data=form, files={"file": ("zima.csv", b"")})
    assert answer.status_code == 409
    assert 'value="Zima"' in answer.text  # what was typed is kept
    assert "Plik jest pusty." in answer.text
    assert (await browser.post("/floor/upload", data=form)).status_code == 409
    async with database.begin() as session:
        assert (await session.exec(select(func.count()).select_from(LeadList))).one() == 1
