"""The debtor's card as the desk shows it: balance, phones, timeline, plans, and when contact is next allowed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.contact.policy import PolicyDecision, Request, decide
from cases.models import (
    ActionState,
    Case,
    Channel,
    ContactKind,
    ContactPoint,
    Creditor,
    Debt,
    Debtor,
    Interaction,
    NextAction,
    Payment,
    Portfolio,
)
from core.clock import Clock
from core.models import Brand
from dialer.agents.models import Agent, Disposition
from dialer.attempts.models import Attempt

TIMELINE_SHOWN: Final = 60


@dataclass(frozen=True)
class Entry:
    """One line of the timeline. ``outcome``: how a call ended; None: still up, or no call."""

    at: datetime
    channel: str
    incoming: bool
    outcome: str | None
    disposition: Disposition | None
    note: str
    author: str | None
    phone: str | None


@dataclass(frozen=True)
class Balance:
    """What is owed in one currency, minor units."""

    currency: str
    owed: int
    paid: int

    @property
    def left(self) -> int:
        """Still to be paid; never below nothing."""
        return max(0, self.owed - self.paid)


@dataclass(frozen=True)
class Card:
    """Everything on the card of one case."""

    debtor: Debtor
    case: Case
    creditor: str
    portfolio: str
    debts: list[Debt]
    payments: list[Payment]
    balances: list[Balance]
    phones: list[ContactPoint]
    timeline: list[Entry]
    planned: list[NextAction]
    policy: PolicyDecision


async def card_of(session: AsyncSession, clock: Clock, case_id: UUID, tighten: Mapping[str, Any]) -> Card:
    """The card of a case.

    Args:
        tighten: the campaign's contact policy over the brand's pack.
    """
    case = await session.get_one(Case, case_id)
    debtor = await session.get_one(Debtor, case.debtor_id)
    brand = await session.get_one(Brand, case.brand_id)
    portfolio = await session.get_one(Portfolio, case.portfolio_id)
    creditor = await session.get_one(Creditor, portfolio.creditor_id)
    debts = await session.exec(select(Debt).where(Debt.case_id == case_id).order_by(col(Debt.due_on), Debt.reference))
    payments = await session.exec(select(Payment).where(Payment.case_id == case_id).order_by(col(Payment.paid_on)))
    phones = await session.exec(
        select(ContactPoint)
        .where(ContactPoint.debtor_id == debtor.id, ContactPoint.kind == ContactKind.PHONE)
        .order_by(col(ContactPoint.position), ContactPoint.id)
    )
    planned = await session.exec(
        select(NextAction)
        .where(
            NextAction.case_id == case_id,
            col(NextAction.state).in_((ActionState.PLANNED, ActionState.TAKEN)),
        )
        .order_by(col(NextAction.due_at))
    )
    policy = await decide(session, clock, brand, Channel.CALL, Request(debtor.id, case.id, debtor.timezone), tighten)
    debts_, payments_ = list(debts.all()), list(payments.all())
    return Card(
        debtor=debtor,
        case=case,
        creditor=creditor.name,
        portfolio=portfolio.name,
        debts=debts_,
        payments=payments_,
        balances=balances(debts_, payments_),
        phones=list(phones.all()),
        timeline=await _timeline(session, debtor.id),
        planned=list(planned.all()),
        policy=policy,
    )


def balances(debts: list[Debt], payments: list[Payment]) -> list[Balance]:
    """Owed and paid by currency; at least one line."""
    owed: defaultdict[str, int] = defaultdict(int)
    paid: defaultdict[str, int] = defaultdict(int)
    for debt in debts:
        owed[debt.currency] += debt.amount
    for payment in payments:
        paid[payment.currency] += payment.amount
    return [Balance(c, owed[c], paid[c]) for c in sorted({*owed, *paid} or {"PLN"})]


async def _timeline(session: AsyncSession, debtor_id: UUID) -> list[Entry]:
    """Interactions, and the calls that led to none, newest first."""
    interactions = (
        await session.exec(
            select(Interaction)
            .where(Interaction.debtor_id == debtor_id)
            .order_by(col(Interaction.at).desc())
            .limit(TIMELINE_SHOWN)
        )
    ).all()
    attempts = (
        await session.exec(
            select(Attempt, Disposition)
            .outerjoin(Disposition, col(Disposition.id) == Attempt.disposition_id)
            .where(Attempt.debtor_id == debtor_id)
            .order_by(col(Attempt.id).desc())
            .limit(TIMELINE_SHOWN)
        )
    ).all()
    agents = {
        row.id: row.name
        for row in (
            await session.exec(select(Agent).where(col(Agent.id).in_([a.agent_id for a, _ in attempts if a.agent_id])))
        ).all()
    }
    calls = {attempt.id: (attempt, given) for attempt, given in attempts}
    entries = []
    for row in interactions:
        call = calls.pop(row.attempt_id, None) if row.attempt_id else None
        attempt, given = call if call else (None, None)
        entries.append(
            Entry(
                at=row.at,
                channel=str(row.channel),
                incoming=row.direction == "in",
                outcome=str(attempt.outcome) if attempt and attempt.outcome else None,
                disposition=given,
                note=row.summary,
                author=agents.get(attempt.agent_id) if attempt and attempt.agent_id else None,
                phone=attempt.phone if attempt else None,
            )
        )
    for attempt, given in calls.values():
        entries.append(
            Entry(
                at=attempt.created_at,
                channel="call",
                incoming=False,
                outcome=str(attempt.outcome) if attempt.outcome else None,
                disposition=given,
                note=attempt.note,
                author=agents.get(attempt.agent_id) if attempt.agent_id else None,
                phone=attempt.phone,
            )
        )
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:TIMELINE_SHOWN]
