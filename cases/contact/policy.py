"""Contact policy: may this person be contacted this way now, and if not, why and when next.

The caller has locked the debtors (``SELECT ... FOR UPDATE``) and writes the ledger in the same transaction; so no cap
is overshot, whatever the number of engines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam
from sqlalchemy import select as columns
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.contact.hours import midnight, zone_of
from cases.contact.models import LedgerEntry
from cases.contact.packs import Cap, Pack, Per, pack_of, tightened
from cases.models import Case, CaseState, Channel, Direction
from core.clock import Clock
from core.db import among
from core.models import Brand
from numbering.suppression import Hit, hits

_DAY: Final = timedelta(days=1)
_STOPPED: Final = {
    CaseState.ON_HOLD: "case_on_hold",
    CaseState.SETTLED: "case_settled",
    CaseState.CLOSED: "case_closed",
}

# Built once: building a statement takes longer than running it.
_STATES = select(Case.id, Case.state).where(col(Case.id) == among("ids"))
_ENTRY: Any = LedgerEntry
_CONTACTS = columns(
    _ENTRY.debtor_id, _ENTRY.case_id, _ENTRY.channel, _ENTRY.direction, _ENTRY.at, _ENTRY.counts, _ENTRY.conversation
).where(_ENTRY.debtor_id == among("ids"), _ENTRY.at >= bindparam("since"))


@dataclass(frozen=True)
class Request:
    """A contact somebody wants to make. ``value``: phone (E.164) or e-mail; None: any point of the debtor.

    ``asked_for``: the debtor asked for it (a call-back agreed in a conversation). The quiet period then does not hold
    (12 CFR 1006.14(b)(3)(i); in Poland it is our own figure); hours and caps do.
    """

    debtor_id: UUID
    case_id: UUID
    timezone: str
    value: str | None = None
    asked_for: bool = False


@dataclass(frozen=True)
class PolicyDecision:
    """The answer. ``next_allowed``: when time alone will have healed every reason; None if it can't, or none is needed.

    ``figures`` is plain JSON: what the rules counted, to be stored with the attempt or the refusal.
    """

    allowed: bool
    reasons: tuple[str, ...] = ()
    next_allowed: datetime | None = None
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Contact:
    """What the rules see of a ledger entry."""

    case_id: UUID | None
    channel: Channel
    direction: Direction
    at: datetime
    counts: bool
    conversation: bool


async def decide_many(
    session: AsyncSession,
    clock: Clock,
    brand: Brand,
    channel: Channel,
    requests: Sequence[Request],
    tighten: Mapping[str, Any],
) -> list[PolicyDecision]:
    """One decision per request, in order, in three queries for any number of them.

    Each request is judged on its own: of two for the same debtor in one batch the caller places one.

    Args:
        brand: whose policy pack holds.
        tighten: the campaign's figures (:func:`cases.contact.packs.tightened`).

    Raises:
        PolicyError: the brand's pack is unknown or the figures can't be read.
    """
    if not requests:
        return []
    pack = tightened(pack_of(brand.policy_pack), tighten)
    now = clock.now()
    states = await _case_states(session, {r.case_id for r in requests})
    stops = await hits(session, clock, brand.id, [(r.debtor_id, r.value) for r in requests])
    contacts = await _contacts(session, {r.debtor_id for r in requests}, now - _reach(pack))
    return [
        judge(pack, channel, r, now, states.get(r.case_id), stop, contacts.get(r.debtor_id, ()))
        for r, stop in zip(requests, stops, strict=True)
    ]


async def decide(
    session: AsyncSession, clock: Clock, brand: Brand, channel: Channel, request: Request, tighten: Mapping[str, Any]
) -> PolicyDecision:
    """The decision for one request; see :func:`decide_many`."""
    return (await decide_many(session, clock, brand, channel, [request], tighten))[0]


def judge(
    pack: Pack,
    channel: Channel,
    request: Request,
    now: datetime,
    state: CaseState | None,
    stop: Hit | None,
    contacts: Iterable[Contact],
) -> PolicyDecision:
    """The decision on facts already gathered. Pure: same facts, same answer.

    Args:
        state: of the case; None: there is no such case.
        contacts: the debtor's, at least as far back as the pack's rules reach.
    """
    figures: dict[str, Any] = {"pack": pack.code, "version": pack.version}
    refusals: dict[str, datetime | None] = {}  # code -> when it heals; None: not by time
    if state is not CaseState.OPEN:
        refusals[_STOPPED[state] if state is not None else "no_case"] = None
    if stop is not None:
        refusals[f"suppressed_{stop.kind.value}"] = stop.expires_at
        figures["suppressed"] = stop.reason
    zone = zone_of(request.timezone)
    if zone is None:
        refusals["zone_unknown"] = None
        return PolicyDecision(False, tuple(refusals), None, figures)
    known = list(contacts)
    bound = channel in pack.hours.channels
    if bound and not pack.hours.open_at(now, zone):
        refusals["outside_window"] = now  # the hours themselves are laid over all others below
    for cap in pack.caps:
        if cap.limit is not None and channel in cap.channels:
            _apply_cap(cap, cap.limit, request, known, now, zone, figures, refusals)
    if pack.quiet.days and channel in pack.quiet.channels and not request.asked_for:
        until = _quiet_until(pack, request, known, now, zone)
        if until is not None:
            refusals[pack.quiet.code] = until
            figures["quiet_until"] = until.isoformat()
    if not refusals:
        return PolicyDecision(True, (), None, figures)
    heals = [instant for instant in refusals.values() if instant is not None]
    following: datetime | None = None
    if len(heals) == len(refusals):
        following = pack.hours.next_open(max(heals), zone) if bound else max(heals)
    return PolicyDecision(False, tuple(refusals), following, figures)


def _apply_cap(
    cap: Cap,
    limit: int,
    request: Request,
    contacts: list[Contact],
    now: datetime,
    zone: ZoneInfo,
    figures: dict[str, Any],
    refusals: dict[str, datetime | None],
) -> None:
    today = now.astimezone(zone).date()
    first = today - (cap.days - 1) * _DAY
    days = sorted(
        day
        for c in contacts
        if c.counts and c.direction is Direction.OUT and c.channel in cap.channels
        if cap.per is Per.PERSON or c.case_id in (None, request.case_id)
        if (day := _day(c, zone)) >= first
    )
    figures[cap.code], figures[f"{cap.code}_limit"] = len(days), limit
    if len(days) >= limit:
        # Free again once so many of the oldest have left the period that one more fits in.
        leaves = days[len(days) - limit] if limit else None
        refusals[cap.code] = midnight(leaves + cap.days * _DAY, zone, now) if leaves else None


def _quiet_until(
    pack: Pack, request: Request, contacts: list[Contact], now: datetime, zone: ZoneInfo
) -> datetime | None:
    """When the quiet period after the last conversation about the case ends; None if it is over or never began."""
    last = max(
        (
            _day(c, zone)
            for c in contacts
            if c.conversation and c.channel in pack.quiet.channels and c.case_id in (None, request.case_id)
        ),
        default=None,
    )
    if last is None:
        return None
    until = midnight(last + pack.quiet.days * _DAY, zone, now)
    return until if until > now else None


def _day(contact: Contact, zone: ZoneInfo) -> date:
    return contact.at.astimezone(zone).date()


def _reach(pack: Pack) -> timedelta:
    """How far back the rules look: whole days in any zone, so one more."""
    return (max(pack.quiet.days, *(cap.days for cap in pack.caps)) + 1) * _DAY


async def _case_states(session: AsyncSession, ids: set[UUID]) -> dict[UUID, CaseState]:
    rows = await session.exec(_STATES, params={"ids": list(ids)})
    return {id_: CaseState(state) for id_, state in rows}


async def _contacts(session: AsyncSession, debtors: set[UUID], since: datetime) -> dict[UUID, list[Contact]]:
    connection = await session.connection()
    rows = await connection.execute(_CONTACTS, {"ids": list(debtors), "since": since})
    found: dict[UUID, list[Contact]] = {}
    for debtor_id, *facts in rows:
        found.setdefault(debtor_id, []).append(Contact(*facts))
    return found
