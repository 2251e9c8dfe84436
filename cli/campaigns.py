"""``callfloor campaign``: what is dialled, how, and by whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.lookup import ACTOR, brand_named, campaign_named, given, pool_named, trunk_named
from cli.transaction import OperatorError, in_transaction
from core.models import Brand, UserAccount
from core.settings import Settings
from dialer.agents.models import Agent, CampaignAgent
from dialer.campaigns import people, service
from dialer.campaigns.models import Campaign, CampaignState, Lead
from dialer.campaigns.service import CampaignError
from dialer.trunks.models import Trunk
from numbering.models import CallerIdPool


def add(
    settings: Settings, name: str, *, brand: str | None, trunk: str | None, pool: str | None, options: Mapping[str, Any]
) -> None:
    """Add a campaign, stopped, with every agent of its brand. The brand's only trunk and pool need not be named."""
    clock, figures = settings.clock(), _figures(options)

    async def act(session: AsyncSession) -> int:
        owner = await brand_named(session, brand)
        carrier = await trunk_named(session, trunk, owner.id)
        numbers = await pool_named(session, pool, owner.id)
        try:
            row = await service.create_campaign(
                session, clock, owner.id, name, carrier.id, numbers.id, actor=ACTOR, **figures
            )  # fmt: skip
        except CampaignError as error:
            raise OperatorError(str(error)) from None
        agents = (await session.exec(select(Agent.id).where(Agent.brand_id == owner.id))).all()
        for agent_id in agents:
            await people.assign(session, clock, row.id, agent_id, actor=ACTOR)
        return len(agents)

    count = in_transaction(settings, act)
    print(f"Added the campaign {name} with {count} agents, stopped: `callfloor campaign start` starts it")


def edit(
    settings: Settings, name: str, *, brand: str | None, trunk: str | None, pool: str | None, options: Mapping[str, Any]
) -> None:
    """Change what is given; a running campaign follows at once."""
    clock, changes = settings.clock(), _figures(options)
    if not changes and trunk is None and pool is None:
        raise SystemExit("Nothing to change: name at least one option, see --help")

    async def act(session: AsyncSession) -> None:
        owner = await brand_named(session, brand)
        campaign = await campaign_named(session, name, owner.id)
        if trunk is not None:
            changes["trunk_id"] = (await trunk_named(session, trunk, owner.id)).id
        if pool is not None:
            changes["caller_id_pool_id"] = (await pool_named(session, pool, owner.id)).id
        try:
            await service.edit_campaign(session, clock, campaign.id, actor=ACTOR, **changes)
        except CampaignError as error:
            raise OperatorError(str(error)) from None

    in_transaction(settings, act)
    print(f"Changed the campaign {name}")


def start(settings: Settings, name: str, *, brand: str | None) -> None:
    """Let a campaign launch calls."""
    clock = settings.clock()

    async def act(session: AsyncSession) -> None:
        campaign = await campaign_named(session, name, (await brand_named(session, brand)).id)
        try:
            await service.start(session, clock, campaign.id, actor=ACTOR)
        except CampaignError as error:
            raise OperatorError(str(error)) from None

    in_transaction(settings, act)
    print(f"{name} runs: it dials as soon as an agent of it is ready")


def stop(settings: Settings, name: str, *, brand: str | None) -> None:
    """Launch nothing more; what is up goes on to its end."""
    clock = settings.clock()

    async def act(session: AsyncSession) -> CampaignState:
        campaign = await campaign_named(session, name, (await brand_named(session, brand)).id)
        return (await service.stop(session, clock, campaign.id, actor=ACTOR)).state

    state = in_transaction(settings, act)
    print(f"{name} launches nothing more" + (" and finishes its calls" if state is CampaignState.DRAINING else ""))


def assign(settings: Settings, name: str, login: str, *, brand: str | None, withdraw: bool) -> None:
    """Let an agent work in a campaign, or no longer."""
    clock = settings.clock()

    async def act(session: AsyncSession) -> None:
        owner = await brand_named(session, brand)
        campaign = await campaign_named(session, name, owner.id)
        query = select(Agent).join(UserAccount, col(UserAccount.id) == Agent.user_id)
        agent = (await session.exec(query.where(UserAccount.login == login, Agent.brand_id == owner.id))).first()
        if agent is None:
            raise OperatorError(f"{login} is no agent of {owner.name}; `callfloor user list` shows who there is")
        verb = people.withdraw if withdraw else people.assign
        await verb(session, clock, campaign.id, agent.id, actor=ACTOR)

    in_transaction(settings, act)
    print(f"{login} {'can open no further shift' if withdraw else 'may work'} in {name}")


def show(settings: Settings) -> None:
    """Print the campaigns, one a line: name, state, how it dials, its agents and leads."""

    async def act(session: AsyncSession) -> list[str]:
        agents = await _counts(session, CampaignAgent.campaign_id)
        leads = await _counts(session, Lead.campaign_id)
        rows = await session.exec(
            select(Campaign, Brand.name, Trunk.name, CallerIdPool.name)
            .join(Brand, col(Brand.id) == Campaign.brand_id)
            .join(Trunk, col(Trunk.id) == Campaign.trunk_id)
            .join(CallerIdPool, col(CallerIdPool.id) == Campaign.caller_id_pool_id)
            .order_by(Brand.name, Campaign.name)
        )
        return [
            f"{row.name:<24} {row.state:<9} {row.mode} {row.ratio:g}, {row.max_lines} lines,"
            f" trunk {trunk}, pool {pool}, {agents.get(row.id, 0)} agents, {leads.get(row.id, 0):,} leads,"
            f" brand {owner}"
            for row, owner, trunk, pool in rows.all()
        ]

    for line in in_transaction(settings, act):
        print(line)


async def _counts(session: AsyncSession, column: Any) -> dict[Any, int]:
    rows = await session.exec(select(column, func.count()).group_by(column))
    return dict(rows.all())


def _figures(options: Mapping[str, Any]) -> dict[str, Any]:
    figures = given(options)
    if "policy" in figures:
        try:
            figures["policy"] = json.loads(figures["policy"])
        except ValueError:
            raise SystemExit('--policy is JSON such as {"attempts_per_day": 2}') from None
        if not isinstance(figures["policy"], dict):
            raise SystemExit('--policy is JSON such as {"attempts_per_day": 2}')
    return figures
