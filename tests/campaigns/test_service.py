"""What a supervisor does with a campaign."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.models import AuditEvent, Brand, Outbox
from dialer.call import Outcome
from dialer.campaigns import service
from dialer.campaigns.models import Campaign, CampaignState
from dialer.campaigns.recycling import DEFAULTS, Rule, rules_of
from dialer.campaigns.service import CampaignError
from tests.support.people import pool_of

pytestmark = pytest.mark.db


@pytest.fixture
async def campaign(database: Database, clock: ManualClock, brand: Brand) -> Campaign:
    async with database.begin() as session:
        trunk, pool, _ = await pool_of(session, clock, brand)
        return await service.create_campaign(session, clock, brand.id, "Jesień", trunk.id, pool.id, ratio=1.5)


async def test_create_start_stop(database: Database, clock: ManualClock, campaign: Campaign) -> None:
    assert (campaign.state, campaign.ratio) == (CampaignState.STOPPED, 1.5)
    async with database.begin() as session:
        await service.start(session, clock, campaign.id, actor="anna")
        await service.start(session, clock, campaign.id, actor="anna")
    async with database.begin() as session:
        assert (await session.get_one(Campaign, campaign.id)).state is CampaignState.RUNNING
        stopped = await service.stop(session, clock, campaign.id, actor="anna")
        assert stopped.state is CampaignState.STOPPED  # no call is up, so there is nothing to drain
    async with database.begin() as session:
        audit = (await session.exec(select(AuditEvent.action, AuditEvent.actor))).all()
        told = (await session.exec(select(Outbox.stream, Outbox.payload))).all()
    assert sorted(audit) == [("campaign.create", "system"), ("campaign.start", "anna"), ("campaign.stop", "anna")]
    assert sorted(stream for stream, _ in told) == ["campaigns"] * 3 + ["ui"] * 3
    assert all(payload == {"kind": "campaign_changed", "campaign_id": str(campaign.id)} for _, payload in told)


async def test_edit(database: Database, clock: ManualClock, campaign: Campaign) -> None:
    async with database.begin() as session:
        row = await service.edit_campaign(
            session, clock, campaign.id, name="Zima", mode="progressive", max_lines=5, policy={"attempts_per_day": 2}
        )
    assert (row.name, row.mode, row.max_lines, row.policy) == ("Zima", "progressive", 5, {"attempts_per_day": 2})


@pytest.mark.parametrize(
    "change",
    [
        {"ratio": 0},
        {"ratio": "2"},
        {"max_lines": 0},
        {"max_lines": True},
        {"patience_ms": 2001},  # the pack allows 2 s
        {"mode": "psychic"},
        {"name": "  "},
        {"policy": {"attempts": 1}},
        {"policy": {"attempts_per_day": "many"}},
        {"state": "running"},
        {"trunk_id": None},
        {"caller_id_pool_id": None},
    ],
    ids=str,
)
async def test_changes_refused(
    database: Database, clock: ManualClock, campaign: Campaign, change: dict[str, Any]
) -> None:
    change = {key: new_id(clock) if value is None else value for key, value in change.items()}
    with pytest.raises(CampaignError):
        async with database.begin() as session:
            await service.edit_campaign(session, clock, campaign.id, **change)
    async with database.begin() as session:
        row = await session.get_one(Campaign, campaign.id)
    assert (row.name, row.ratio, row.policy) == ("Jesień", 1.5, {})


async def test_a_name_is_one_campaigns(database: Database, clock: ManualClock, campaign: Campaign) -> None:
    async with database.begin() as session:
        with pytest.raises(CampaignError, match="already"):
            await service.create_campaign(
                session, clock, campaign.brand_id, "Jesień", campaign.trunk_id, campaign.caller_id_pool_id
            )
        with pytest.raises(CampaignError, match="No such campaign"):
            await service.start(session, clock, new_id(clock))


async def test_rules_of_its_own(database: Database, clock: ManualClock, campaign: Campaign) -> None:
    own = Rule(30, 2, other_phone=True)
    async with database.begin() as session:
        await service.set_rule(session, clock, campaign.id, Outcome.BUSY, Rule(99, 1))
        await service.set_rule(session, clock, campaign.id, Outcome.BUSY, own)
        rules = await rules_of(session, campaign.id)
        assert rules == {**DEFAULTS, Outcome.BUSY: own}
        await service.set_rule(session, clock, campaign.id, Outcome.BUSY, None)
        assert await rules_of(session, campaign.id) == DEFAULTS
        with pytest.raises(CampaignError):
            await service.set_rule(session, clock, campaign.id, "bored", own)
        with pytest.raises(CampaignError):
            await service.set_rule(session, clock, campaign.id, Outcome.BUSY, Rule(-1, 1))
