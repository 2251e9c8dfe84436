"""Tables of the debtor card. Money is integer minor units (grosz) plus an ISO 4217 code."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from core.db import BrandRow, check, choice, instant

NAME_WORDS: Final = "array_to_tsvector(string_to_array(name_key, ' '))"  # a debtor's words, indexed by their beginnings


class Creditor(BrandRow, table=True):
    """On whose behalf we collect."""

    __table_args__ = (UniqueConstraint("brand_id", "name"),)
    name: str
    nip: str | None = None


class Portfolio(BrandRow, table=True):
    """A set of debts handed over or bought together."""

    __table_args__ = (UniqueConstraint("creditor_id", "name"),)
    creditor_id: UUID = Field(foreign_key="creditor.id", index=True)
    name: str


class Debtor(BrandRow, table=True):
    """A person or business that owes; one per creditor and creditor's reference.

    The creditor belongs to the key: two creditors may give two people the same number, and must not see them merged.
    """

    __table_args__ = (
        UniqueConstraint("brand_id", "creditor_id", "reference", postgresql_nulls_not_distinct=True),
        Index("ix_debtor_name_words", text(NAME_WORDS), postgresql_using="gin"),
        Index("ix_debtor_reference", "reference"),
    )
    creditor_id: UUID | None = Field(default=None, foreign_key="creditor.id")
    reference: str = Field(description="creditor's own reference of the debtor; the key duplicates merge by")
    name: str
    name_key: str = Field(description="lower-case name without diacritics, for search")
    pesel_sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary), description="AES-GCM")
    pesel_index: bytes | None = Field(
        default=None, sa_column=Column(LargeBinary, index=True), description="blind index for exact search"
    )
    nip: str | None = None
    language: str = Field(default="pl")
    timezone: str = Field(default="Europe/Warsaw")
    address: str | None = None
    import_id: UUID | None = Field(default=None, foreign_key="import_batch.id", index=True)


class ContactKind(StrEnum):
    """What a contact point is."""

    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"


class ContactPoint(BrandRow, table=True):
    """A phone, e-mail or address of a debtor."""

    __tablename__ = "contact_point"
    __table_args__ = (
        UniqueConstraint("debtor_id", "kind", "value"),
        Index("ix_contact_point_value", "kind", "value"),
    )
    debtor_id: UUID = Field(foreign_key="debtor.id")
    kind: ContactKind = choice(ContactKind)
    value: str = Field(description="E.164 for a phone")
    position: int = Field(default=0, description="order within the debtor's points of this kind, 0 first")
    dead: bool = Field(default=False, description="learned from signals: the number does not exist")
    dead_reason: str | None = None


class CaseState(StrEnum):
    """Open cases are worked; the rest stop all contact."""

    OPEN = "open"
    ON_HOLD = "on_hold"
    SETTLED = "settled"
    CLOSED = "closed"


class Case(BrandRow, table=True):
    """What is worked: one debtor's debts in one portfolio."""

    __tablename__ = "debt_case"
    __table_args__ = (UniqueConstraint("portfolio_id", "debtor_id"),)
    portfolio_id: UUID = Field(foreign_key="portfolio.id")
    debtor_id: UUID = Field(foreign_key="debtor.id", index=True)
    state: CaseState = choice(CaseState, default=CaseState.OPEN)
    notes: str = ""
    import_id: UUID | None = Field(default=None, foreign_key="import_batch.id", index=True)


class Debt(BrandRow, table=True):
    """One claim: invoice, loan, instalment."""

    __table_args__ = (
        UniqueConstraint("case_id", "reference"),
        check("amount_positive", "amount >= 0"),
        Index("ix_debt_reference", "reference"),
    )
    case_id: UUID = Field(foreign_key="debt_case.id")
    reference: str = Field(description="creditor's reference of the claim")
    amount: int = Field(sa_type=BigInteger, description="principal owed, minor units")
    currency: str = Field(default="PLN", max_length=3)
    due_on: date | None = None
    title: str | None = None


class Payment(BrandRow, table=True):
    """Money received on a case."""

    case_id: UUID = Field(foreign_key="debt_case.id", index=True)
    debt_id: UUID | None = Field(default=None, foreign_key="debt.id")
    amount: int = Field(sa_type=BigInteger)
    currency: str = Field(default="PLN", max_length=3)
    paid_on: date
    source: str = Field(default="manual")


class Channel(StrEnum):
    """Ways of contact."""

    CALL = "call"
    SMS = "sms"
    EMAIL = "email"
    CHAT = "chat"
    WEBFORM = "webform"
    FAX = "fax"
    LETTER = "letter"
    VOICE_MESSAGE = "voice_message"


class Direction(StrEnum):
    """Who began."""

    OUT = "out"
    IN = "in"


class Interaction(BrandRow, table=True):
    """What stands on the card's timeline: one contact, whatever the channel."""

    __table_args__ = (Index("ix_interaction_timeline", "debtor_id", "at"),)
    debtor_id: UUID = Field(foreign_key="debtor.id")
    case_id: UUID | None = Field(default=None, foreign_key="debt_case.id")
    channel: Channel = choice(Channel)
    direction: Direction = choice(Direction)
    at: datetime = instant(nullable=False)
    attempt_id: UUID | None = Field(default=None, index=True)
    author: str | None = None
    summary: str = ""
    detail: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))


class ActionKind(StrEnum):
    """What is planned."""

    CALLBACK = "callback"
    CALL = "call"
    SMS = "sms"
    EMAIL = "email"
    REVIEW = "review"


class ActionState(StrEnum):
    """Life of a planned action."""

    PLANNED = "planned"
    TAKEN = "taken"
    DONE = "done"
    CANCELLED = "cancelled"


class NextAction(BrandRow, table=True):
    """A planned action on a case; a due call-back is dialled to its agent first."""

    __tablename__ = "next_action"
    __table_args__ = (Index("ix_next_action_due", "state", "due_at"),)
    case_id: UUID = Field(foreign_key="debt_case.id", index=True)
    debtor_id: UUID = Field(foreign_key="debtor.id", index=True)
    kind: ActionKind = choice(ActionKind)
    state: ActionState = choice(ActionState, default=ActionState.PLANNED)
    due_at: datetime = instant(nullable=False)
    campaign_id: UUID | None = Field(default=None, foreign_key="campaign.id")
    agent_id: UUID | None = Field(default=None, foreign_key="agent.id", index=True)
    contact_point_id: UUID | None = Field(default=None, foreign_key="contact_point.id")
    note: str = ""


class ImportState(StrEnum):
    """An import either went in whole or changed nothing."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ImportBatch(BrandRow, table=True):
    """One imported file and its account: rows_in = accepted + rejected + duplicates."""

    __tablename__ = "import_batch"
    portfolio_id: UUID = Field(foreign_key="portfolio.id", index=True)
    file_name: str
    state: ImportState = choice(ImportState)
    rows_in: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    bad_phones: int = Field(default=0, description="numbers that rows which went in were left without")
    rejects_file: str | None = Field(default=None, description="while running: where it would be")
    error: str | None = None
    author: str = "system"


class ColumnMapping(BrandRow, table=True):
    """A saved mapping from a creditor's headings to our fields."""

    __tablename__ = "column_mapping"
    __table_args__ = (UniqueConstraint("brand_id", "name"),)
    name: str
    columns: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False), description="heading -> field")
