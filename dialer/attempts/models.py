"""Tables of calls: the attempt, its legs and its events. Partitioned by month on their UUIDv7 ids."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from core.db import BrandRow, Row, choice, instant
from dialer.call import CallState, Outcome, Verdict


class Attempt(BrandRow, table=True):
    """We tried: one call to one phone of one debtor. Committed before its INVITE leaves."""

    __table_args__ = (
        Index("ix_attempt_open", "campaign_id", postgresql_where=text("ended_at IS NULL")),
        Index("ix_attempt_campaign", "campaign_id", "created_at"),
        Index("ix_attempt_lead", "lead_id"),
        Index("ix_attempt_debtor", "debtor_id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )
    campaign_id: UUID = Field(foreign_key="campaign.id")
    lead_id: UUID | None = Field(default=None, foreign_key="lead.id")
    debtor_id: UUID = Field(foreign_key="debtor.id")
    case_id: UUID = Field(foreign_key="debt_case.id")
    contact_point_id: UUID | None = Field(default=None, foreign_key="contact_point.id")
    phone: str = Field(description="E.164 as dialled")
    trunk_id: UUID = Field(foreign_key="trunk.id")
    caller_id_id: UUID | None = Field(default=None, foreign_key="caller_id.id")
    caller_id: str = Field(description="E.164 as shown")
    mode: str
    media_node: str
    fence: int = Field(description="fencing token of the lease under which it was launched")
    state: CallState = choice(CallState, default=CallState.CREATED)
    outcome: Outcome | None = choice(Outcome, nullable=True)
    reserved_session_id: UUID | None = Field(default=None, foreign_key="agent_session.id")
    next_action_id: UUID | None = Field(default=None, foreign_key="next_action.id")

    ringing_at: datetime | None = instant()
    answered_at: datetime | None = instant()
    verdict: Verdict | None = choice(Verdict, nullable=True)
    verdict_reason: str | None = None
    verdict_at: datetime | None = instant()
    bridged_at: datetime | None = instant()
    ended_at: datetime | None = instant()

    live: bool = Field(default=False, description="answered by a person, or undecided in time and so counted as one")
    abandoned: bool = Field(default=False, description="live, and no agent within the campaign's patience")
    cancelled_before_answer: bool = Field(default=False, description="ended by us on evidence before the 200")
    agent_session_id: UUID | None = Field(default=None, foreign_key="agent_session.id", index=True)
    agent_id: UUID | None = Field(default=None, foreign_key="agent.id")
    sip_code: int | None = None
    q850: int | None = None
    hung_up_by: str | None = Field(default=None, description="us, debtor, network")
    disposition_id: UUID | None = Field(default=None, foreign_key="disposition.id")
    disposition_at: datetime | None = instant()
    note: str = ""
    policy: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))


class CallEvent(BrandRow, table=True):
    """One transition of the call state machine, or one noted signal. Append-only; all reports read these."""

    __tablename__ = "call_event"
    __table_args__ = (Index("ix_call_event_attempt", "attempt_id"), {"postgresql_partition_by": "RANGE (id)"})
    attempt_id: UUID = Field(foreign_key="attempt.id")
    campaign_id: UUID
    kind: str = Field(description="name of the transition or signal")
    state: CallState = choice(CallState)
    at: datetime = instant(nullable=False)
    source_key: str | None = Field(default=None, description="node:incarnation:seq of the media event it came from")
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))


class LegKind(StrEnum):
    """Whose SIP dialog."""

    DEBTOR = "debtor"
    AGENT = "agent"


class CallLeg(BrandRow, table=True):
    """One SIP dialog."""

    __tablename__ = "call_leg"
    kind: LegKind = choice(LegKind)
    attempt_id: UUID | None = Field(default=None, foreign_key="attempt.id", index=True)
    session_id: UUID | None = Field(default=None, foreign_key="agent_session.id", index=True)
    media_node: str
    sip_call_id: str | None = None
    answered_at: datetime | None = instant()
    ended_at: datetime | None = instant()
    sip_code: int | None = None


class PersonInFlight(SQLModel, table=True):
    """A person with a call in progress: the primary key makes a second call to them impossible.

    ``rests_until`` set: the call's end is not proven (crash); the row goes when that instant has passed.
    """

    __tablename__ = "person_in_flight"
    debtor_id: UUID = Field(primary_key=True, foreign_key="debtor.id")
    attempt_id: UUID = Field(foreign_key="attempt.id", index=True)
    since: datetime = instant(nullable=False)
    rests_until: datetime | None = instant()


class Recording(Row, table=True):
    """A recording of a bridged call, or the stated reason why there is none."""

    brand_id: UUID = Field(foreign_key="brand.id", index=True)
    attempt_id: UUID = Field(foreign_key="attempt.id", index=True)
    path: str | None = None
    sha256: str | None = None
    started_at: datetime | None = instant()
    ended_at: datetime | None = instant()
    none_because: str | None = None


class MediaCursor(SQLModel, table=True):
    """The last committed event of a media process's incarnation in a stream: handlers are idempotent by it."""

    __tablename__ = "media_cursor"
    stream: str = Field(primary_key=True)
    source: str = Field(primary_key=True, description="node:incarnation")
    seq: int = Field(default=0)
