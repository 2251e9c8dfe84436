"""The contact ledger: every attempt to contact a person, on any channel, as the rules count it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from cases.models import Channel, Direction
from core.db import BrandRow, choice, instant


class LedgerEntry(BrandRow, table=True):
    """One counted contact of a person about a case; written in the transaction that creates the attempt."""

    __tablename__ = "contact_ledger"
    __table_args__ = (Index("ix_contact_ledger_person", "debtor_id", "at"),)
    debtor_id: UUID = Field(foreign_key="debtor.id")
    case_id: UUID | None = Field(default=None, foreign_key="debt_case.id", index=True)
    channel: Channel = choice(Channel)
    direction: Direction = choice(Direction, default=Direction.OUT)
    at: datetime = instant(nullable=False)
    source_id: UUID = Field(description="attempt or message this entry stands for", unique=True)
    counts: bool = Field(default=True, description="false once known that it never reached the network")
    conversation: bool = Field(default=False, description="a right-party conversation took place")
