"""What the engine works by: campaign, brand, trunk, recycling rules, the trunk's own reading of signals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.models import Brand
from core.outbox import emit
from core.settings import Settings
from dialer.call import Outcome
from dialer.campaigns.models import Campaign, CampaignState
from dialer.campaigns.recycling import Rule, rules_of
from dialer.engine.watch import Limits
from dialer.events import UI, CampaignChanged
from dialer.media.safe_harbour import safe_harbour_wav
from dialer.trunks.models import OutcomeRule, Trunk
from dialer.trunks.outcomes import Reading


@dataclass(frozen=True)
class Work:
    """A campaign as read a moment ago."""

    campaign: Campaign
    brand: Brand
    trunk: Trunk
    rules: dict[str, Rule]
    readings: dict[UUID, tuple[Reading, ...]]
    message: Path  # WAV of the safe-harbour message

    @property
    def limits(self) -> Limits:
        """Its limits in seconds."""
        return Limits(self.campaign.max_decision_ms / 1000, self.campaign.patience_ms / 1000)

    @property
    def ring_timeout(self) -> int:
        """Seconds a phone rings."""
        return self.trunk.ring_timeout

    @property
    def running(self) -> bool:
        """Whether new calls may leave."""
        return self.campaign.state is CampaignState.RUNNING and self.trunk.enabled

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do once its calls and shifts have ended."""
        return self.campaign.state is CampaignState.STOPPED

    async def settle_state(self, session: AsyncSession, clock: Clock, *, idle: bool) -> None:
        """A draining campaign with nothing up is stopped."""
        if self.campaign.state is CampaignState.DRAINING and idle:
            self.campaign.state = CampaignState.STOPPED
            session.add(self.campaign)
            await emit(session, UI, CampaignChanged(campaign_id=self.campaign.id))


async def read_work(
    session: AsyncSession, settings: Settings, campaign_id: UUID, before: Work | None = None
) -> Work | None:
    """The campaign and all it works by; None if it does not exist. ``before`` saves asking for the message again."""
    row = (
        await session.exec(
            select(Campaign, Brand, Trunk)
            .join(Brand, col(Brand.id) == Campaign.brand_id)
            .join(Trunk, col(Trunk.id) == Campaign.trunk_id)
            .where(Campaign.id == campaign_id)
        )
    ).first()
    if row is None:
        return None
    campaign, brand, trunk = row
    own = await session.exec(
        select(OutcomeRule).where(OutcomeRule.trunk_id == trunk.id).order_by(col(OutcomeRule.position))
    )
    if before is not None and before.brand == brand:
        message = before.message
    elif brand.safe_harbour is not None:
        message = Path(brand.safe_harbour)
    else:
        message = await asyncio.to_thread(safe_harbour_wav, settings, brand.name, brand.callback_number)
    return Work(campaign, brand, trunk, await rules_of(session, campaign_id), {trunk.id: readings(own.all())}, message)


def readings(rules: Iterable[OutcomeRule]) -> tuple[Reading, ...]:
    """A trunk's own rows as lines of the table of signals, in order."""
    return tuple(
        Reading(
            Outcome(rule.outcome),
            None if rule.sip_code is None else ((rule.sip_code, rule.sip_code),),
            None if rule.q850 is None else frozenset({rule.q850}),
        )
        for rule in rules
    )
