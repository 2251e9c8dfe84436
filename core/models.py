"""Tables that belong to no business package: brand, login, lease, outbox, audit."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from core.db import Row, choice, instant


class Brand(Row, table=True):
    """A name under which we contact people; owns its data, caller IDs, rules and messages."""

    name: str = Field(unique=True)
    callback_number: str = Field(description="E.164 number named in the safe-harbour message")
    policy_pack: str = Field(default="pl", description="contact-policy pack")
    timezone: str = Field(default="Europe/Warsaw")
    safe_harbour: str | None = Field(default=None, description="WAV of the message for abandoned calls; None: shipped")


class Role(StrEnum):
    """What a login may do; each includes the ones before it."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    MANAGER = "manager"
    ADMIN = "admin"


class UserAccount(Row, table=True):
    """Somebody who logs in."""

    __tablename__ = "user_account"
    login: str = Field(unique=True)
    name: str
    password_hash: str
    role: Role = choice(Role)
    brand_ids: list[str] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False))
    locale: str = Field(default="pl")
    active: bool = Field(default=True)
    failed_logins: int = Field(default=0)
    locked_until: datetime | None = instant()


class Login(Row, table=True):
    """A browser session; the cookie holds a random token, the table its SHA-256."""

    user_id: UUID = Field(foreign_key="user_account.id", index=True)
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    csrf: str
    expires_at: datetime = instant(nullable=False)


class Lease(SQLModel, table=True):
    """Who holds a named resource (``campaign:<id>``, ``relay``); expiry is by the database's clock.

    ``token`` grows with each change of holder: a fencing token.
    """

    name: str = Field(primary_key=True)
    holder: str
    token: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: datetime = instant(nullable=False)


class Outbox(SQLModel, table=True):
    """A message written with the change it tells of; the relay publishes it after commit, then deletes it."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    stream: str
    payload: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class AuditEvent(Row, table=True):
    """Who did what to which thing. Append-only: the application's database role may not change rows."""

    __tablename__ = "audit_event"
    brand_id: UUID | None = Field(default=None, index=True)
    actor: str = Field(description="login, or name of the process")
    action: str
    subject: str = Field(description="kind:id", index=True)
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
