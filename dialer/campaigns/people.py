"""Which agents may work in a campaign."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from core import audit
from core.clock import Clock
from core.ids import new_id
from dialer.agents.models import Agent, CampaignAgent
from dialer.campaigns.models import Campaign
from dialer.campaigns.service import CampaignError


async def assign(
    session: AsyncSession, clock: Clock, campaign_id: UUID, agent_id: UUID, *, actor: str = "system"
) -> None:
    """Let an agent open a shift in the campaign. Assigning twice changes nothing.

    Raises:
        CampaignError: no such campaign or agent in its brand.
    """
    campaign = await _campaign(session, campaign_id, agent_id)
    if await _assignment(session, campaign_id, agent_id) is not None:
        return
    session.add(
        CampaignAgent(
            id=new_id(clock),
            created_at=clock.now(),
            brand_id=campaign.brand_id,
            campaign_id=campaign_id,
            agent_id=agent_id,
        )
    )
    await _tell(session, clock, campaign, agent_id, "campaign.assign", actor)


async def withdraw(
    session: AsyncSession, clock: Clock, campaign_id: UUID, agent_id: UUID, *, actor: str = "system"
) -> None:
    """Let the agent open no further shift in the campaign; one that is open goes on. Doing so twice changes nothing.

    Raises:
        CampaignError: as :func:`assign`.
    """
    campaign = await _campaign(session, campaign_id, agent_id)
    row = await _assignment(session, campaign_id, agent_id)
    if row is None:
        return
    await session.delete(row)
    await _tell(session, clock, campaign, agent_id, "campaign.withdraw", actor)


async def _campaign(session: AsyncSession, campaign_id: UUID, agent_id: UUID) -> Campaign:
    campaign = (await session.exec(select(Campaign).where(Campaign.id == campaign_id).with_for_update())).first()
    agent = await session.get(Agent, agent_id)
    if campaign is None or agent is None or agent.brand_id != campaign.brand_id:
        raise CampaignError("No such campaign, or no such agent in its brand.")
    return campaign


async def _assignment(session: AsyncSession, campaign_id: UUID, agent_id: UUID) -> CampaignAgent | None:
    query = select(CampaignAgent).where(CampaignAgent.campaign_id == campaign_id, CampaignAgent.agent_id == agent_id)
    return (await session.exec(query)).first()


async def _tell(
    session: AsyncSession, clock: Clock, campaign: Campaign, agent_id: UUID, action: str, actor: str
) -> None:
    await audit.record(
        session,
        clock,
        actor=actor,
        action=action,
        subject=f"campaign:{campaign.id}",
        brand_id=campaign.brand_id,
        detail={"agent": str(agent_id)},
    )
