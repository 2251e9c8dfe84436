"""Payments and balances: what is still owed, and what stops at once when nothing is."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.events import CASES, CaseSettled
from cases.models import ActionState, Case, CaseState, Debt, NextAction, Payment
from core.audit import record
from core.clock import Clock
from core.ids import new_id
from core.outbox import emit


class SettlementError(Exception):
    """A payment can't be recorded, or a balance not told; the text says why."""


async def balances(session: AsyncSession, case_id: UUID) -> dict[str, int]:
    """What is owed on a case, in minor units by currency; negative: overpaid."""
    owed = await session.exec(
        select(Debt.currency, func.sum(Debt.amount)).where(Debt.case_id == case_id).group_by(Debt.currency)
    )
    left = {currency: int(amount) for currency, amount in owed}
    paid = await session.exec(
        select(Payment.currency, func.sum(Payment.amount)).where(Payment.case_id == case_id).group_by(Payment.currency)
    )
    for currency, amount in paid:
        left[currency] = left.get(currency, 0) - int(amount)
    return left


async def balance(session: AsyncSession, case_id: UUID) -> int:
    """What is owed on a case in its one currency, in minor units.

    Raises:
        SettlementError: the case has debts in several currencies (:func:`balances` tells each).
    """
    left = await balances(session, case_id)
    if len(left) > 1:
        raise SettlementError(f"The case has several currencies: {', '.join(sorted(left))}.")
    return next(iter(left.values()), 0)


async def record_payment(
    session: AsyncSession,
    clock: Clock,
    case_id: UUID,
    amount: int,
    *,
    currency: str = "PLN",
    paid_on: date | None = None,
    debt_id: UUID | None = None,
    source: str = "manual",
    author: str = "system",
) -> Payment:
    """Record money received on a case; if nothing is left to pay, the case is settled.

    Args:
        amount: minor units, above 0.
        paid_on: default: today (UTC).
        debt_id: the claim it was paid for; None: the case as a whole.

    Raises:
        SettlementError: no such case, a claim of another case, an amount of 0 or less, or another currency.
    """
    case = await _locked(session, case_id)
    if amount <= 0:
        raise SettlementError("A payment must be above 0.")
    owed = await balances(session, case_id)
    if owed and currency not in owed:
        raise SettlementError(f"The case is in {', '.join(sorted(owed))}, not in {currency}.")
    if debt_id is not None:
        debt = await session.get(Debt, debt_id)
        if debt is None or debt.case_id != case_id:
            raise SettlementError("No such claim in this case.")
    payment = Payment(
        id=new_id(clock),
        created_at=clock.now(),
        brand_id=case.brand_id,
        case_id=case_id,
        debt_id=debt_id,
        amount=amount,
        currency=currency,
        paid_on=paid_on or clock.now().date(),
        source=source,
    )
    session.add(payment)
    await session.flush()
    await record(
        session,
        clock,
        actor=author,
        action="payment.record",
        subject=f"case:{case_id}",
        brand_id=case.brand_id,
        detail={"amount": amount, "currency": currency, "source": source},
    )
    left = await balances(session, case_id)
    if case.state is not CaseState.SETTLED and all(rest <= 0 for rest in left.values()):
        await settle(session, clock, case, author=author)
    return payment


async def settle(session: AsyncSession, clock: Clock, case: Case, *, author: str = "system") -> None:
    """Close contact on a paid case in this transaction: its state, its planned actions, and word to all who contact."""
    case.state = CaseState.SETTLED
    session.add(case)
    await session.exec(
        update(NextAction)
        .where(col(NextAction.case_id) == case.id, col(NextAction.state) == ActionState.PLANNED)
        .values(state=ActionState.CANCELLED)
    )
    await record(session, clock, actor=author, action="case.settle", subject=f"case:{case.id}", brand_id=case.brand_id)
    await emit(session, CASES, CaseSettled(brand_id=case.brand_id, case_id=case.id, debtor_id=case.debtor_id))


async def _locked(session: AsyncSession, case_id: UUID) -> Case:
    query = select(Case).where(Case.id == case_id).with_for_update().execution_options(populate_existing=True)
    case = (await session.exec(query)).first()
    if case is None:
        raise SettlementError("No such case.")
    return case
