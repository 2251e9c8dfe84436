"""Tables of campaigns: what is dialled, how, and how outcomes are tried again."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from core.db import BrandRow, check, choice, instant


class CampaignState(StrEnum):
    """Only running campaigns launch; a draining one finishes what is up."""

    STOPPED = "stopped"
    RUNNING = "running"
    DRAINING = "draining"


class Campaign(BrandRow, table=True):
    """Lists, agents, a dialing mode and the rules for one piece of work."""

    __table_args__ = (UniqueConstraint("brand_id", "name"), check("limits", "max_lines > 0 AND patience_ms >= 0"))
    name: str
    state: CampaignState = choice(CampaignState, default=CampaignState.STOPPED)
    mode: str = Field(default="fixed_ratio", description="key of the DialingMode registry")
    ratio: float = Field(default=2.0, description="calls per ready agent in fixed_ratio")
    trunk_id: UUID = Field(foreign_key="trunk.id")
    caller_id_pool_id: UUID = Field(foreign_key="caller_id_pool.id")
    max_lines: int = Field(default=30, description="calls of this campaign at once")
    patience_ms: int = Field(default=2000, description="a live person waits at most this long for an agent")
    max_decision_ms: int = Field(default=1500, description="an undecided call counts as live after this")
    wrapup_seconds: int = Field(default=60, description="limit of wrap-up; then the agent is ready again")
    policy: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False), description="figures tightened beyond the pack"
    )
    media_node: str | None = Field(default=None, description="media process that carries its calls and agents")


class LeadList(BrandRow, table=True):
    """Leads that came together."""

    __tablename__ = "lead_list"
    campaign_id: UUID = Field(foreign_key="campaign.id", index=True)
    import_id: UUID | None = Field(default=None, foreign_key="import_batch.id")
    name: str
    priority: int = 0
    active: bool = True


class LeadState(StrEnum):
    """Life of a lead in its campaign."""

    READY = "ready"
    IN_FLIGHT = "in_flight"
    FINISHED = "finished"


class Lead(BrandRow, table=True):
    """A case to be called in a campaign. ``due_at``: earliest next attempt; ``reason``: why it waits or ended."""

    __table_args__ = (
        UniqueConstraint("campaign_id", "case_id"),
        Index(
            "ix_lead_hopper",
            "campaign_id",
            text("priority DESC"),
            "due_at",
            postgresql_where=text("state = 'ready'"),
        ),
    )
    campaign_id: UUID = Field(foreign_key="campaign.id")
    list_id: UUID = Field(foreign_key="lead_list.id", index=True)
    case_id: UUID = Field(foreign_key="debt_case.id", index=True)
    debtor_id: UUID = Field(foreign_key="debtor.id", index=True)
    state: LeadState = choice(LeadState, default=LeadState.READY)
    priority: int = 0
    due_at: datetime = instant(nullable=False)
    next_position: int = Field(default=0, description="index into the debtor's live phones, for the next attempt")
    attempts: int = 0
    outcome_counts: dict[str, int] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
    last_outcome: str | None = None
    reason: str | None = Field(default=None, description="reason code: why it is not dialled now, or why it ended")


class RecyclingRule(BrandRow, table=True):
    """What follows an outcome in a campaign; where a campaign has none, the shipped default holds."""

    __tablename__ = "recycling_rule"
    __table_args__ = (UniqueConstraint("campaign_id", "outcome"), check("delay", "delay_minutes >= 0"))
    campaign_id: UUID = Field(foreign_key="campaign.id", index=True)
    outcome: str
    delay_minutes: int
    max_times: int = Field(description="after so many of this outcome the lead ends; 0: ends at once")
    other_phone: bool = Field(default=False, description="go on to the debtor's next phone")
    other_time_of_day: bool = Field(default=False, description="move to another part of the day")
