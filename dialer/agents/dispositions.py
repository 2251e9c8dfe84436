"""The agent says what came of a conversation; card, ledger, suppression and lead follow in the same transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.contact.ledger import mark_conversation
from cases.contact.stops import stop_person, stop_point
from cases.models import ActionKind, Channel, Direction, Interaction, NextAction
from core.clock import Clock
from core.ids import new_id
from core.outbox import emit
from dialer.agents.models import AgentSession, AgentState, Disposition
from dialer.agents.states import after_wrapup, locked
from dialer.attempts.models import Attempt
from dialer.campaigns.recycling import recycle_leads, rule_of
from dialer.events import DESK, UI, AttemptsChanged, HangupRequested, SessionTouched
from numbering.models import SuppressionKind

_ATTEMPT = (
    select(Attempt, Disposition)
    .outerjoin(
        Disposition,
        (col(Disposition.brand_id) == Attempt.brand_id)
        & (col(Disposition.code) == bindparam("code"))
        & col(Disposition.active).is_(True),
    )
    .where(Attempt.id == bindparam("attempt_id"))
    .with_for_update(of=Attempt)
)


class DispositionError(Exception):
    """The disposition can't be saved; the text says why and what to do."""


async def dispose(
    session: AsyncSession,
    clock: Clock,
    session_id: UUID,
    attempt_id: UUID,
    code: str,
    *,
    note: str = "",
    callback_at: datetime | None = None,
    contact_point_id: UUID | None = None,
) -> Attempt:
    """Save the agent's disposition of a bridged call; the wrap-up ends, a call still up is ended.

    Saving the same once more changes nothing, so a repeated request is safe.

    Args:
        callback_at: when the debtor wants to be called; needed by dispositions that ask for it.
        contact_point_id: on which phone; default: the one just called.

    Raises:
        DispositionError: not this agent's call, another disposition is saved, or a call-back time is missing or past.
        SessionError: the shift has ended.
    """
    row = await locked(session, session_id)
    attempt, given = await _attempt(session, attempt_id, code)
    if attempt is None or attempt.agent_session_id != row.id or attempt.bridged_at is None:
        raise DispositionError("This is not a call of your shift.")
    if given is None:
        raise DispositionError(f"No disposition «{code}».")
    if attempt.disposition_id is not None:
        if attempt.disposition_id == given.id:
            return attempt
        raise DispositionError("Another disposition is saved for this call already.")
    if given.asks_callback:
        if callback_at is None:
            raise DispositionError("Choose when to call back.")
        if callback_at <= clock.now():
            raise DispositionError("The call-back time has passed: choose a later one.")
    await apply(session, clock, row, attempt, given, note, callback_at, contact_point_id)
    if row.attempt_id == attempt.id:
        if row.state is AgentState.WRAPUP:
            await after_wrapup(session, clock, row)
        elif row.state is AgentState.TALKING:
            hang = HangupRequested(campaign_id=row.campaign_id, session_id=row.id, attempt_id=attempt.id)
            await emit(session, DESK, hang)
    await emit(session, DESK, SessionTouched(campaign_id=row.campaign_id, session_id=row.id))
    return attempt


async def apply(
    session: AsyncSession,
    clock: Clock,
    row: AgentSession,
    attempt: Attempt,
    given: Disposition,
    note: str = "",
    callback_at: datetime | None = None,
    contact_point_id: UUID | None = None,
) -> None:
    """Write a disposition and all that follows from it. The caller has checked that it may be given."""
    now = clock.now()
    attempt.disposition_id, attempt.disposition_at, attempt.note = given.id, now, note
    session.add(attempt)
    session.add(
        Interaction(
            id=new_id(clock),
            created_at=now,
            brand_id=attempt.brand_id,
            debtor_id=attempt.debtor_id,
            case_id=attempt.case_id,
            channel=Channel.CALL,
            direction=Direction.OUT,
            at=attempt.bridged_at or now,
            attempt_id=attempt.id,
            author=str(row.agent_id),
            summary=note,
            detail={"disposition": given.code},
        )
    )
    if given.right_party:
        await mark_conversation(session, attempt.id)
    if given.suppress == "phone":
        phone, whose = SuppressionKind.PHONE, attempt.debtor_id
        await stop_point(session, clock, attempt.brand_id, phone, attempt.phone, given.code, debtor_id=whose)
    elif given.suppress == "debtor":
        await stop_person(session, clock, attempt.brand_id, attempt.debtor_id, given.code)
    if callback_at is not None:
        session.add(
            NextAction(
                id=new_id(clock),
                created_at=now,
                brand_id=attempt.brand_id,
                case_id=attempt.case_id,
                debtor_id=attempt.debtor_id,
                kind=ActionKind.CALLBACK,
                due_at=callback_at,
                campaign_id=attempt.campaign_id,
                agent_id=row.agent_id,
                contact_point_id=contact_point_id or attempt.contact_point_id,
                note=note,
            )
        )
    if attempt.lead_id is not None:
        rule = await rule_of(session, attempt.campaign_id, given.outcome)
        await recycle_leads(session, clock, {attempt.lead_id: given.outcome}, {given.outcome: rule})
    await emit(session, UI, AttemptsChanged(campaign_id=attempt.campaign_id))


async def _attempt(
    session: AsyncSession, attempt_id: UUID, code: str
) -> tuple[Attempt, Disposition | None] | tuple[None, None]:
    """The attempt, locked, and the disposition of that code its brand has in use."""
    found = (await session.exec(_ATTEMPT, params={"attempt_id": attempt_id, "code": code})).first()
    return (None, None) if found is None else (found[0], found[1])
