"""Tables of numbers: caller IDs we own, their pools, and numbers or people never to be contacted."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from core.db import BrandRow, check, choice, instant


class CallerId(BrandRow, table=True):
    """A number we own and may show."""

    __tablename__ = "caller_id"
    __table_args__ = (
        UniqueConstraint("brand_id", "number"),
        check("dates", "valid_to IS NULL OR valid_from <= valid_to"),
    )
    number: str = Field(description="E.164")
    trunk_id: UUID | None = Field(default=None, foreign_key="trunk.id")
    proof: str | None = Field(default=None, description="contract that gives us the number; without it never shown")
    valid_from: date
    valid_to: date | None = None
    resting: bool = False


class CallerIdPool(BrandRow, table=True):
    """Caller IDs a campaign shows in turn, round robin."""

    __tablename__ = "caller_id_pool"
    __table_args__ = (UniqueConstraint("brand_id", "name"),)
    name: str


class CallerIdPoolMember(BrandRow, table=True):
    """A caller ID in a pool."""

    __tablename__ = "caller_id_pool_member"
    __table_args__ = (UniqueConstraint("pool_id", "caller_id_id"),)
    pool_id: UUID = Field(foreign_key="caller_id_pool.id", index=True)
    caller_id_id: UUID = Field(foreign_key="caller_id.id", index=True)
    position: int = 0
    last_shown_at: datetime | None = instant()


class SuppressionKind(StrEnum):
    """What is suppressed."""

    PHONE = "phone"
    EMAIL = "email"
    DEBTOR = "debtor"


class Suppression(BrandRow, table=True):
    """Do not contact: a number, an address or a person, for a brand; plain values, no foreign keys."""

    __table_args__ = (UniqueConstraint("brand_id", "kind", "value", "debtor_id", postgresql_nulls_not_distinct=True),)
    kind: SuppressionKind = choice(SuppressionKind)
    value: str = Field(index=True, description="E.164, e-mail or debtor id")
    debtor_id: UUID | None = Field(default=None, description="only for this debtor (wrong party); None: for all")
    reason: str
    author: str = "system"
    expires_at: datetime | None = instant()
