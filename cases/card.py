"""The debtor card: everything an agent's page shows of a case, read in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.contact.models import LedgerEntry
from cases.contact.policy import PolicyDecision, Request, decide_many
from cases.models import (
    ActionKind,
    ActionState,
    Case,
    CaseState,
    Channel,
    ContactKind,
    ContactPoint,
    Creditor,
    Debt,
    Debtor,
    Direction,
    Interaction,
    NextAction,
    Payment,
    Portfolio,
)
from cases.nationalids import masked
from core.clock import Clock
from core.models import Brand
from core.security import Keys

TIMELINE = 100  # newest entries shown


class NoCardError(LookupError):
    """There is no such case, or not for this session's brands."""


@dataclass(frozen=True)
class PhoneLine:
    """A phone of the debtor and whether it may be called now."""

    contact_point_id: UUID
    value: str
    dead: bool
    dead_reason: str | None
    policy: PolicyDecision


@dataclass(frozen=True)
class DebtLine:
    """A claim; ``paid`` and ``balance`` in minor units. Payments on the whole case go to the oldest due claim first."""

    id: UUID
    reference: str
    title: str | None
    amount: int
    paid: int
    currency: str
    due_on: date | None
    days_overdue: int

    @property
    def balance(self) -> int:
        """What is left of it."""
        return self.amount - self.paid


@dataclass(frozen=True)
class PaymentLine:
    """Money received."""

    paid_on: date
    amount: int
    currency: str
    source: str


@dataclass(frozen=True)
class TimelineLine:
    """One contact. ``conversation`` False and no summary: an attempt that reached nobody."""

    at: datetime
    channel: Channel
    direction: Direction
    author: str | None
    summary: str
    detail: Mapping[str, Any]
    attempt_id: UUID | None


@dataclass(frozen=True)
class ActionLine:
    """Something planned."""

    id: UUID
    kind: ActionKind
    due_at: datetime
    agent_id: UUID | None
    note: str


@dataclass(frozen=True)
class OtherCase:
    """Another case of the same debtor."""

    case_id: UUID
    portfolio: str
    state: CaseState


@dataclass(frozen=True)
class Card:
    """All that is shown. ``balances``: minor units by currency. ``policy``: a call to any phone, now."""

    case_id: UUID
    case_state: CaseState
    case_notes: str
    debtor_id: UUID
    brand_id: UUID
    name: str
    reference: str
    pesel_masked: str | None
    nip: str | None
    address: str | None
    emails: tuple[str, ...]
    language: str
    timezone: str
    creditor: str
    portfolio: str
    phones: tuple[PhoneLine, ...]
    debts: tuple[DebtLine, ...]
    payments: tuple[PaymentLine, ...]
    balances: Mapping[str, int]
    timeline: tuple[TimelineLine, ...]
    next_actions: tuple[ActionLine, ...]
    other_cases: tuple[OtherCase, ...]
    policy: PolicyDecision


async def card_of(
    session: AsyncSession,
    case_id: UUID,
    *,
    clock: Clock,
    keys: Keys | None = None,
    tighten: Mapping[str, Any] | None = None,
) -> Card:
    """The card of a case.

    Args:
        keys: to show the last digits of the PESEL; without them it is shown as present only.
        tighten: the campaign's policy figures, if the card is seen in a campaign.

    Raises:
        NoCardError: no such case in the session's brands.
    """
    head = await session.exec(
        select(Case, Debtor, Portfolio, Creditor)
        .join(Debtor, col(Debtor.id) == col(Case.debtor_id))
        .join(Portfolio, col(Portfolio.id) == col(Case.portfolio_id))
        .join(Creditor, col(Creditor.id) == col(Portfolio.creditor_id))
        .where(Case.id == case_id)
    )
    found = head.first()
    if found is None:
        raise NoCardError("No such case.")
    case, debtor, portfolio, creditor = found
    brand = await session.get_one(Brand, case.brand_id)
    points = await _points(session, debtor.id)
    numbers = [p for p in points if p.kind is ContactKind.PHONE]
    asked = [Request(debtor.id, case.id, debtor.timezone, p.value) for p in numbers]
    anyhow = Request(debtor.id, case.id, debtor.timezone)
    *decisions, policy = await decide_many(session, clock, brand, Channel.CALL, [*asked, anyhow], tighten or {})
    payments = await _payments(session, case.id)
    debts = await _debts(session, case.id, payments, clock.now().date())
    return Card(
        case_id=case.id,
        case_state=case.state,
        case_notes=case.notes,
        debtor_id=debtor.id,
        brand_id=case.brand_id,
        name=debtor.name,
        reference=debtor.reference,
        pesel_masked=_pesel(debtor, keys),
        nip=debtor.nip,
        address=debtor.address or next((p.value for p in points if p.kind is ContactKind.ADDRESS), None),
        emails=tuple(p.value for p in points if p.kind is ContactKind.EMAIL),
        language=debtor.language,
        timezone=debtor.timezone,
        creditor=creditor.name,
        portfolio=portfolio.name,
        phones=tuple(
            PhoneLine(p.id, p.value, p.dead, p.dead_reason, d) for p, d in zip(numbers, decisions, strict=True)
        ),
        debts=debts,
        payments=tuple(PaymentLine(p.paid_on, p.amount, p.currency, p.source) for p in payments),
        balances=_left(debts, payments),
        timeline=await _timeline(session, debtor.id),
        next_actions=await _actions(session, case.id),
        other_cases=await _others(session, debtor.id, case.id),
        policy=policy,
    )


def _pesel(debtor: Debtor, keys: Keys | None) -> str | None:
    if debtor.pesel_sealed is None:
        return None
    return masked(keys.unseal(debtor.pesel_sealed)) if keys else "•" * 11


async def _points(session: AsyncSession, debtor_id: UUID) -> Sequence[ContactPoint]:
    order = (col(ContactPoint.position), col(ContactPoint.id))
    return (await session.exec(select(ContactPoint).where(ContactPoint.debtor_id == debtor_id).order_by(*order))).all()


async def _payments(session: AsyncSession, case_id: UUID) -> Sequence[Payment]:
    order = (col(Payment.paid_on), col(Payment.id))
    return (await session.exec(select(Payment).where(Payment.case_id == case_id).order_by(*order))).all()


async def _debts(
    session: AsyncSession, case_id: UUID, payments: Sequence[Payment], today: date
) -> tuple[DebtLine, ...]:
    order = (col(Debt.due_on).asc().nulls_last(), col(Debt.id))
    rows = (await session.exec(select(Debt).where(Debt.case_id == case_id).order_by(*order))).all()
    own: dict[UUID, int] = {}
    loose: dict[str, int] = {}
    for p in payments:
        if p.debt_id is not None:
            own[p.debt_id] = own.get(p.debt_id, 0) + p.amount
        else:
            loose[p.currency] = loose.get(p.currency, 0) + p.amount
    lines = []
    for debt in rows:
        paid = own.get(debt.id, 0)
        part = min(loose.get(debt.currency, 0), max(0, debt.amount - paid))
        loose[debt.currency] = loose.get(debt.currency, 0) - part
        overdue = max(0, (today - debt.due_on).days) if debt.due_on else 0
        lines.append(
            DebtLine(debt.id, debt.reference, debt.title, debt.amount, paid + part, debt.currency, debt.due_on, overdue)
        )
    return tuple(lines)


def _left(debts: Sequence[DebtLine], payments: Sequence[Payment]) -> dict[str, int]:
    left: dict[str, int] = {}
    for debt in debts:
        left[debt.currency] = left.get(debt.currency, 0) + debt.amount
    for payment in payments:
        left[payment.currency] = left.get(payment.currency, 0) - payment.amount
    return left


async def _timeline(session: AsyncSession, debtor_id: UUID) -> tuple[TimelineLine, ...]:
    """Interactions, and those attempts of the ledger that left none, newest first."""
    told = (
        await session.exec(
            select(Interaction)
            .where(Interaction.debtor_id == debtor_id)
            .order_by(col(Interaction.at).desc())
            .limit(TIMELINE)
        )
    ).all()
    tried = (
        await session.exec(
            select(LedgerEntry)
            .where(LedgerEntry.debtor_id == debtor_id)
            .order_by(col(LedgerEntry.at).desc())
            .limit(TIMELINE)
        )
    ).all()
    known = {i.attempt_id for i in told}
    lines = [TimelineLine(i.at, i.channel, i.direction, i.author, i.summary, i.detail, i.attempt_id) for i in told]
    lines += [
        TimelineLine(e.at, e.channel, e.direction, None, "", {"counts": e.counts}, e.source_id)
        for e in tried
        if e.source_id not in known
    ]
    return tuple(sorted(lines, key=lambda line: line.at, reverse=True)[:TIMELINE])


async def _actions(session: AsyncSession, case_id: UUID) -> tuple[ActionLine, ...]:
    rows = await session.exec(
        select(NextAction)
        .where(NextAction.case_id == case_id, NextAction.state == ActionState.PLANNED)
        .order_by(col(NextAction.due_at))
    )
    return tuple(ActionLine(a.id, a.kind, a.due_at, a.agent_id, a.note) for a in rows)


async def _others(session: AsyncSession, debtor_id: UUID, case_id: UUID) -> tuple[OtherCase, ...]:
    rows = await session.exec(
        select(Case.id, Portfolio.name, Case.state)
        .join(Portfolio, col(Portfolio.id) == col(Case.portfolio_id))
        .where(Case.debtor_id == debtor_id, Case.id != case_id)
        .order_by(col(Case.id))
    )
    return tuple(OtherCase(id_, name, CaseState(state)) for id_, name, state in rows)
