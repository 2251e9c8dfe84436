"""The open cases of an import become leads."""

from __future__ import annotations

import pytest
from sqlmodel import col, select

from cases.models import CaseState, ImportBatch, ImportState
from core.clock import ManualClock
from core.db import Database
from core.models import Brand
from dialer.campaigns import service
from dialer.campaigns.lists import load_list
from dialer.campaigns.models import Campaign, Lead, LeadState
from dialer.campaigns.service import CampaignError
from tests.support.people import Person, person_of, pool_of, portfolio_of, put

pytestmark = pytest.mark.db


@pytest.fixture
async def campaign(database: Database, clock: ManualClock, brand: Brand) -> Campaign:
    async with database.begin() as session:
        trunk, pool, _ = await pool_of(session, clock, brand)
        return await service.create_campaign(session, clock, brand.id, "Jesień", trunk.id, pool.id)


@pytest.fixture
async def batch(database: Database, clock: ManualClock, brand: Brand) -> ImportBatch:
    """An import of four: one has no phone, one only a dead one, one is settled."""
    async with database.begin() as session:
        portfolio = await portfolio_of(session, clock, brand)
        batch = await put(
            session,
            clock,
            ImportBatch,
            brand_id=brand.id,
            portfolio_id=portfolio.id,
            file_name="a.csv",
            state=ImportState.DONE,
        )
        people: list[Person] = [
            await person_of(session, clock, portfolio, f"K{n}", phones=("+48600700800",) if n != 1 else ())
            for n in range(4)
        ]
        people[2].phones[0].dead = True
        people[3].case.state = CaseState.SETTLED
        session.add(people[2].phones[0])
        for person in people:
            person.case.import_id = batch.id
            session.add(person.case)
        return batch


async def test_each_open_case_once(
    database: Database, clock: ManualClock, campaign: Campaign, batch: ImportBatch
) -> None:
    async with database.begin() as session:
        row = await load_list(session, clock, campaign.id, batch.id, "pierwsza", priority=5)
    async with database.begin() as session:
        await load_list(session, clock, campaign.id, batch.id, "druga")
        leads = (await session.exec(select(Lead).order_by(col(Lead.id)))).all()
    assert sorted((lead.state, lead.reason) for lead in leads) == [
        (LeadState.FINISHED, "no_phone"),
        (LeadState.FINISHED, "no_phone"),
        (LeadState.READY, None),
    ]
    assert {(lead.list_id, lead.priority, lead.due_at, lead.attempts) for lead in leads} == {
        (row.id, 5, clock.now(), 0)
    }


async def test_an_import_that_failed_gives_no_list(
    database: Database, clock: ManualClock, campaign: Campaign, batch: ImportBatch
) -> None:
    async with database.begin() as session:
        batch.state = ImportState.FAILED
        session.add(batch)
        with pytest.raises(CampaignError, match=r"a\.csv"):
            await load_list(session, clock, campaign.id, batch.id, "x")
        with pytest.raises(CampaignError):
            await load_list(session, clock, batch.id, batch.id, "x")
