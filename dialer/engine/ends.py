"""What follows the end of calls, in the same transaction: person freed, lead moved on, ledger, card, dead numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, delete, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.contact.ledger import discount
from cases.models import ActionState, Channel, ContactPoint, Direction, Interaction, NextAction
from core.bulk import insert_rows
from core.clock import Clock
from core.ids import new_id
from dialer.attempts.models import Attempt, PersonInFlight
from dialer.call import Outcome
from dialer.campaigns.recycling import Rule, recycle_leads
from dialer.engine.calls import LiveCall
from dialer.trunks.outcomes import TRUNK_FAULTS

REST: Final = timedelta(minutes=2)  # longer than the longest ring: after an end that is not proven
UNPROVEN: Final = frozenset({Outcome.LOST})
# Never reached the person's line, so no contact: the trunk's faults and what we took back ourselves.
NO_CONTACT: Final = TRUNK_FAULTS | {Outcome.DEAD_NUMBER, Outcome.NUMBER_CHANGED, Outcome.BAD_FORMAT}


async def finish(
    session: AsyncSession, clock: Clock, ended: Sequence[LiveCall], rules: dict[str, Rule], unproven: frozenset[UUID]
) -> None:
    """Carry out what follows for every call of ``ended``; ``unproven``: ids whose end no event told."""
    if not ended:
        return
    await _free_persons(session, clock, ended, unproven)
    not_counted = [c.id for c in ended if c.machine.outcome in NO_CONTACT]
    if not_counted:
        await discount(session, not_counted)
    await _learn_dead_numbers(session, clock, [c for c in ended if c.machine.outcome is Outcome.DEAD_NUMBER])
    over = {
        c.lead_id: str(c.machine.outcome) for c in ended if c.lead_id and c.machine.outcome is not Outcome.CONNECTED
    }
    await recycle_leads(session, clock, over, rules)
    await _close_actions(session, ended)
    await _put_on_card(session, clock, ended)


async def _free_persons(
    session: AsyncSession, clock: Clock, ended: Sequence[LiveCall], unproven: frozenset[UUID]
) -> None:
    resting = [c.id for c in ended if c.id in unproven or c.machine.outcome in UNPROVEN]
    free = [c.id for c in ended if c.id not in resting]
    if free:
        await session.exec(delete(PersonInFlight).where(col(PersonInFlight.attempt_id).in_(free)))
    if resting:
        until = clock.now() + REST
        await session.exec(
            update(PersonInFlight).where(col(PersonInFlight.attempt_id).in_(resting)).values(rests_until=until)
        )


async def _learn_dead_numbers(session: AsyncSession, clock: Clock, ended: Sequence[LiveCall]) -> None:
    """A number is dead after two matching results on two days or two trunks."""
    for call in ended:
        if call.contact_point_id is None:
            continue
        earlier = (
            await session.exec(
                select(func.count())
                .select_from(Attempt)
                .where(
                    Attempt.debtor_id == call.debtor_id,
                    Attempt.phone == call.phone,
                    Attempt.outcome == Outcome.DEAD_NUMBER,
                    Attempt.id != call.id,
                    (col(Attempt.ended_at) < clock.now() - timedelta(hours=20)) | (Attempt.trunk_id != call.trunk_id),
                )
            )
        ).one()
        if earlier:
            await session.exec(
                update(ContactPoint)
                .where(col(ContactPoint.id) == call.contact_point_id)
                .values(dead=True, dead_reason="two_signals")
            )


async def _close_actions(session: AsyncSession, ended: Sequence[LiveCall]) -> None:
    """A call-back that was tried is done; if nobody was reached, the lead's recycling takes over."""
    ids = [c.next_action_id for c in ended if c.next_action_id is not None]
    if ids:
        await session.exec(update(NextAction).where(col(NextAction.id).in_(ids)).values(state=ActionState.DONE))


async def _put_on_card(session: AsyncSession, clock: Clock, ended: Sequence[LiveCall]) -> None:
    """An attempt that reached the person's line stands on the timeline; a conversation comes with its disposition."""
    now = clock.now()
    rows = [
        Interaction(
            id=new_id(clock),
            created_at=now,
            brand_id=c.brand_id,
            debtor_id=c.debtor_id,
            case_id=c.case_id,
            channel=Channel.CALL,
            direction=Direction.OUT,
            at=c.created_at,
            attempt_id=c.id,
            detail={"outcome": str(c.machine.outcome)},
        ).model_dump()
        for c in ended
        if c.machine.outcome not in TRUNK_FAULTS and c.machine.outcome is not Outcome.CONNECTED
    ]
    await insert_rows(session, Interaction, rows)
