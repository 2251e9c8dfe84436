"""Launching: every rule is asked again, caller IDs are picked, attempts committed; only then do commands leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.contact import ledger
from cases.contact.models import LedgerEntry
from cases.contact.policy import PolicyDecision, Request, decide_many
from cases.models import Channel, ContactKind, ContactPoint, Debtor
from core.bulk import insert_rows
from core.clock import Clock
from core.db import among
from core.ids import new_id
from core.models import Brand
from dialer.attempts.models import Attempt, CallEvent, PersonInFlight
from dialer.call import CallState
from dialer.campaigns.models import Campaign, Lead, LeadState
from dialer.engine.calls import LiveCall
from dialer.media.messages import PlaceCall
from dialer.trunks.models import Trunk
from numbering.callerid import pick
from numbering.models import CallerId

DEADLINE: Final = 1.0  # s after the attempt's creation within which media must have taken the command
BUSY_AGAIN: Final = timedelta(minutes=1)
REFUSED_AGAIN: Final = timedelta(hours=1)  # where a refusal names no instant at which time heals it
FOR_GOOD: Final = frozenset({"case_settled", "case_closed", "suppressed_debtor"})  # reasons that end a lead

# Built once: building a statement takes longer than running it.
_DEBTORS = (
    select(Debtor.id, Debtor.timezone)
    .where(col(Debtor.id) == among("ids"))
    .order_by(col(Debtor.id))
    .with_for_update(skip_locked=True, key_share=True)
)
_IN_FLIGHT = select(PersonInFlight.debtor_id, PersonInFlight.rests_until).where(
    col(PersonInFlight.debtor_id) == among("ids")
)
_PHONES = (
    select(ContactPoint)
    .where(
        col(ContactPoint.debtor_id) == among("ids"),
        ContactPoint.kind == ContactKind.PHONE,
        col(ContactPoint.dead).is_(False),
    )
    .order_by(col(ContactPoint.debtor_id), col(ContactPoint.position), col(ContactPoint.id))
)
_LAST_SHOWN = (
    select(Attempt.debtor_id, Attempt.caller_id_id)
    .where(col(Attempt.debtor_id) == among("ids"))
    .ext(distinct_on(col(Attempt.debtor_id)))
    .order_by(col(Attempt.debtor_id), col(Attempt.id).desc())
)


@dataclass
class Wish:
    """A lead to be called: on a given phone or the next of the debtor's phones, for any agent or one reserved already.

    ``attempt_id``: the attempt's id, where the agent is reserved for it before it exists.
    """

    lead: Lead
    contact_point_id: UUID | None = None
    session_id: UUID | None = None
    next_action_id: UUID | None = None
    attempt_id: UUID | None = None


@dataclass
class Placed:
    """A committed attempt and the command that may leave now."""

    call: LiveCall
    command: PlaceCall


@dataclass(frozen=True)
class Terms:
    """Under what the calls are launched."""

    campaign: Campaign
    brand: Brand
    trunk: Trunk
    node: str
    fence: int


async def launch(session: AsyncSession, clock: Clock, terms: Terms, wishes: Sequence[Wish]) -> list[Placed]:
    """Turn wishes into attempts, in the caller's transaction; who may not be called gets the reason on the lead.

    The number of queries does not grow with the number of wishes.

    Raises:
        NoCallerId: the pool has no number that may be shown.
    """
    now = clock.now()
    debtors = await _lock_debtors(session, [w.lead.debtor_id for w in wishes])
    busy = await _in_flight(session, now, debtors)
    open_wishes = []
    for wish in wishes:
        if wish.lead.debtor_id in debtors and wish.lead.debtor_id not in busy:
            open_wishes.append(wish)
            busy.add(wish.lead.debtor_id)  # one call to a person, whatever number of leads they have
        else:
            _wait(wish.lead, "person_in_flight", now + BUSY_AGAIN)
    allowed = await _allowed(session, clock, terms, open_wishes, debtors)
    if not allowed:
        return []
    people = [w.lead.debtor_id for w, _, _ in allowed]
    shown = await _last_shown(session, people)
    seen = [shown.get(debtor_id) for debtor_id in people]
    caller_ids = await pick(session, clock, terms.campaign.caller_id_pool_id, terms.trunk.id, seen)
    placed = [
        _placed(clock, terms, wish, phone, caller_id)
        for (wish, phone, _), caller_id in zip(allowed, caller_ids, strict=True)
    ]
    await _write(session, clock, terms, placed, [d for _, _, d in allowed], caller_ids)
    for wish, _, _ in allowed:
        wish.lead.state, wish.lead.reason = LeadState.IN_FLIGHT, None
        session.add(wish.lead)
    return placed


async def _lock_debtors(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Time zones of the debtors this transaction could lock; who is locked elsewhere is being dealt with there."""
    rows = await session.exec(_DEBTORS, params={"ids": ids})
    return dict(rows.all())


async def _in_flight(session: AsyncSession, now: datetime, debtors: dict[UUID, str]) -> set[UUID]:
    """Who is in a call or rests after one that is not proven over; entries that have run out go."""
    ids = list(debtors)
    rows = (await session.exec(_IN_FLIGHT, params={"ids": ids})).all()
    over = [debtor_id for debtor_id, rests_until in rows if rests_until is not None and rests_until < now]
    if over:
        await session.exec(delete(PersonInFlight).where(col(PersonInFlight.debtor_id).in_(over)))
    return {debtor_id for debtor_id, _ in rows} - set(over)


async def _allowed(
    session: AsyncSession, clock: Clock, terms: Terms, wishes: Sequence[Wish], debtors: dict[UUID, str]
) -> list[tuple[Wish, ContactPoint, PolicyDecision]]:
    """The wishes that may be called, each with the first phone in its turn that the rules allow."""
    phones = await _phones(session, [w.lead.debtor_id for w in wishes])
    asked: list[tuple[Wish, ContactPoint]] = []
    for wish in wishes:
        turn = _in_turn(phones.get(wish.lead.debtor_id, []), wish)
        if not turn:
            wish.lead.state, wish.lead.reason = LeadState.FINISHED, "no_phone"
            session.add(wish.lead)
        asked.extend((wish, phone) for phone in turn)
    requests = [
        Request(
            debtor_id=w.lead.debtor_id,
            case_id=w.lead.case_id,
            timezone=debtors[w.lead.debtor_id],
            value=p.value,
            asked_for=w.next_action_id is not None,
        )
        for w, p in asked
    ]
    if not requests:
        return []
    decisions = await decide_many(session, clock, terms.brand, Channel.CALL, requests, terms.campaign.policy)
    chosen: dict[UUID, tuple[Wish, ContactPoint, PolicyDecision]] = {}
    refused: dict[UUID, tuple[Wish, PolicyDecision]] = {}
    for (wish, phone), decision in zip(asked, decisions, strict=True):
        if decision.allowed:
            chosen.setdefault(wish.lead.id, (wish, phone, decision))
        else:
            refused.setdefault(wish.lead.id, (wish, decision))
    for lead_id, (wish, decision) in refused.items():
        if lead_id not in chosen:
            _refuse(session, clock, wish.lead, decision)
    return list(chosen.values())


async def _phones(session: AsyncSession, debtors: Sequence[UUID]) -> dict[UUID, list[ContactPoint]]:
    rows = await session.exec(_PHONES, params={"ids": debtors})
    found: dict[UUID, list[ContactPoint]] = {}
    for phone in rows.all():
        found.setdefault(phone.debtor_id, []).append(phone)
    return found


def _in_turn(phones: list[ContactPoint], wish: Wish) -> list[ContactPoint]:
    if wish.contact_point_id is not None:
        return [p for p in phones if p.id == wish.contact_point_id]
    if not phones:
        return []
    first = wish.lead.next_position % len(phones)
    return phones[first:] + phones[:first]


def _wait(lead: Lead, reason: str, until: datetime) -> None:
    lead.reason, lead.due_at = reason, max(until, lead.due_at)


def _refuse(session: AsyncSession, clock: Clock, lead: Lead, decision: PolicyDecision) -> None:
    reason = decision.reasons[0]
    if reason in FOR_GOOD:
        lead.state, lead.reason = LeadState.FINISHED, reason
    else:
        _wait(lead, reason, decision.next_allowed or clock.now() + REFUSED_AGAIN)
    session.add(lead)


async def _last_shown(session: AsyncSession, debtors: Sequence[UUID]) -> dict[UUID, UUID | None]:
    """The caller ID each debtor saw last: the next attempt shows another one."""
    rows = await session.exec(_LAST_SHOWN, params={"ids": debtors})
    return dict(rows.all())


def _placed(clock: Clock, terms: Terms, wish: Wish, phone: ContactPoint, caller_id: CallerId) -> Placed:
    call = LiveCall(
        id=wish.attempt_id or new_id(clock),
        brand_id=terms.brand.id,
        campaign_id=terms.campaign.id,
        lead_id=wish.lead.id,
        debtor_id=wish.lead.debtor_id,
        case_id=wish.lead.case_id,
        contact_point_id=phone.id,
        phone=phone.value,
        trunk_id=terms.trunk.id,
        media_node=terms.node,
        created_at=clock.now(),
        ring_timeout=terms.trunk.ring_timeout,
        next_action_id=wish.next_action_id,
        reserved_session_id=wish.session_id,
    )
    command = PlaceCall(
        attempt_id=call.id,
        campaign_id=call.campaign_id,
        fence=terms.fence,
        deadline=call.created_at.timestamp() + DEADLINE,
        trunk_id=call.trunk_id,
        number=call.phone,
        caller_id=caller_id.number,
        ring_timeout=call.ring_timeout,
        max_duration=terms.trunk.max_duration,
    )
    return Placed(call, command)


async def _write(
    session: AsyncSession,
    clock: Clock,
    terms: Terms,
    placed: Sequence[Placed],
    decisions: Sequence[PolicyDecision],
    caller_ids: Sequence[CallerId],
) -> None:
    attempts: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    persons: list[dict[str, Any]] = []
    for p, decision, caller_id in zip(placed, decisions, caller_ids, strict=True):
        c = p.call
        attempts.append(
            {
                **c.columns(),
                "id": c.id,
                "created_at": c.created_at,
                "brand_id": c.brand_id,
                "campaign_id": c.campaign_id,
                "lead_id": c.lead_id,
                "debtor_id": c.debtor_id,
                "case_id": c.case_id,
                "contact_point_id": c.contact_point_id,
                "phone": c.phone,
                "trunk_id": c.trunk_id,
                "caller_id_id": caller_id.id,
                "caller_id": caller_id.number,
                "mode": terms.campaign.mode,
                "media_node": c.media_node,
                "fence": terms.fence,
                "next_action_id": c.next_action_id,
                "note": "",
                "policy": decision.figures,
            }
        )
        events.append(
            {
                "id": new_id(clock),
                "created_at": c.created_at,
                "brand_id": c.brand_id,
                "attempt_id": c.id,
                "campaign_id": c.campaign_id,
                "kind": "created",
                "state": CallState.CREATED,
                "at": c.created_at,
                "source_key": None,
                "detail": {},
            }
        )
        persons.append({"debtor_id": c.debtor_id, "attempt_id": c.id, "since": c.created_at, "rests_until": None})
    await insert_rows(session, Attempt, attempts)
    await insert_rows(session, CallEvent, events)
    await insert_rows(session, PersonInFlight, persons)
    await ledger.record_many(
        session,
        [
            LedgerEntry(
                id=new_id(clock),
                created_at=p.call.created_at,
                brand_id=p.call.brand_id,
                debtor_id=p.call.debtor_id,
                case_id=p.call.case_id,
                channel=Channel.CALL,
                at=p.call.created_at,
                source_id=p.call.id,
            )
            for p in placed
        ],
    )
