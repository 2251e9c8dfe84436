"""Tables of agents: who they are, their sessions, states and dispositions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from core.db import BrandRow, choice, instant


class AgentState(StrEnum):
    """What an agent is doing. ``reserved``: chosen for a call that is being bridged."""

    CONNECTING = "connecting"
    READY = "ready"
    RESERVED = "reserved"
    TALKING = "talking"
    WRAPUP = "wrapup"
    PAUSED = "paused"
    OUT = "out"


class Agent(BrandRow, table=True):
    """A person who talks; one per login and brand."""

    __table_args__ = (UniqueConstraint("brand_id", "user_id"),)
    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    name: str
    phone_uri: str = Field(description="SIP URI of the agent's telephone")


class CampaignAgent(BrandRow, table=True):
    """An agent may work in a campaign."""

    __tablename__ = "campaign_agent"
    __table_args__ = (UniqueConstraint("campaign_id", "agent_id"),)
    campaign_id: UUID = Field(foreign_key="campaign.id", index=True)
    agent_id: UUID = Field(foreign_key="agent.id", index=True)


class PauseReason(BrandRow, table=True):
    """Why an agent pauses."""

    __tablename__ = "pause_reason"
    __table_args__ = (UniqueConstraint("brand_id", "code"),)
    code: str
    name_pl: str
    name_en: str
    paid: bool = True


class AgentSession(BrandRow, table=True):
    """One shift of an agent in a campaign, with its nailed-up leg. At most one open session per agent.

    ``asked_at``: when the agent asked for a call that the engine has not answered; any change of state is an answer.
    """

    __tablename__ = "agent_session"
    __table_args__ = (
        Index("uq_agent_session_open", "agent_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_agent_session_open_campaign", "campaign_id", postgresql_where=text("ended_at IS NULL")),
    )
    agent_id: UUID = Field(foreign_key="agent.id", index=True)
    campaign_id: UUID = Field(foreign_key="campaign.id")
    state: AgentState = choice(AgentState, default=AgentState.CONNECTING)
    state_since: datetime = instant(nullable=False)
    pause_requested: str | None = Field(default=None, description="pause reason taken at the next end of wrap-up")
    pause_reason: str | None = None
    attempt_id: UUID | None = Field(default=None, description="attempt the agent is reserved for, talks on or wraps up")
    lead_id: UUID | None = Field(default=None, description="lead the agent looks at, or asked a call to last")
    asked_at: datetime | None = instant()
    media_node: str | None = None
    leg_up: bool = Field(default=False, description="the nailed-up leg is answered")
    ended_at: datetime | None = instant()


class AgentStateLog(BrandRow, table=True):
    """Each state an agent was in, from when to when."""

    __tablename__ = "agent_state_log"
    __table_args__ = (Index("ix_agent_state_log_time", "campaign_id", "since"),)
    session_id: UUID = Field(foreign_key="agent_session.id", index=True)
    agent_id: UUID = Field(foreign_key="agent.id")
    campaign_id: UUID = Field(foreign_key="campaign.id")
    state: AgentState = choice(AgentState)
    reason: str | None = None
    since: datetime = instant(nullable=False)
    until: datetime | None = instant()


class Disposition(BrandRow, table=True):
    """What an agent says came of a conversation. ``outcome`` drives recycling."""

    __table_args__ = (UniqueConstraint("brand_id", "code"),)
    code: str
    name_pl: str
    name_en: str
    outcome: str = Field(description="outcome that recycling rules read")
    key: str | None = Field(default=None, max_length=1, description="keyboard digit")
    right_party: bool = Field(default=False, description="a conversation with the debtor took place")
    suppress: str | None = Field(default=None, description="phone or debtor: what is suppressed")
    asks_callback: bool = False
    active: bool = True
