"""Find a debtor: by PESEL (blind index), phone, creditor's reference or name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, cast, literal, literal_column, union_all
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.models import NAME_WORDS, Case, ContactKind, ContactPoint, Debt, Debtor
from cases.names import name_key
from cases.nationalids import valid_nip, valid_pesel
from core.security import Keys
from numbering.normalise import e164

MOST_NAMED: Final = 1000  # people of a name that are put in order; of «Jan» alone any that come first


@dataclass(frozen=True)
class DebtorHit:
    """A debtor that was found, their cases, and by what: ``pesel``, ``nip``, ``phone``, ``reference``, ``name``."""

    debtor_id: UUID
    name: str
    reference: str
    case_ids: tuple[UUID, ...]
    by: str


async def find(session: AsyncSession, keys: Keys, query: str, limit: int = 20) -> list[DebtorHit]:
    """Debtors that ``query`` may mean, the surest first, within the session's brands.

    A PESEL is compared by its blind index only; it is never part of a statement. Names are found by the beginnings of
    their words, in any order, whatever the case and diacritics: «zak luc» finds Łucja Żak.
    """
    text = query.strip()
    if not text:
        return []
    found: dict[UUID, tuple[Debtor, str]] = {}
    for by, condition in _ways(keys, text):
        if len(found) >= limit:
            break
        statement = select(Debtor).where(condition).order_by(col(Debtor.name_key), col(Debtor.id)).limit(limit)
        for debtor in (await session.exec(statement)).all():
            found.setdefault(debtor.id, (debtor, by))
    hits = list(found.values())[:limit]
    cases = await _cases(session, [debtor.id for debtor, _ in hits])
    return [DebtorHit(d.id, d.name, d.reference, tuple(cases.get(d.id, ())), by) for d, by in hits]


def _ways(keys: Keys, text: str) -> Iterator[tuple[str, ColumnElement[bool]]]:
    """How ``text`` can be read, the surest first."""
    digits = re.sub(r"[\s-]", "", text)
    if valid_pesel(digits):
        yield "pesel", col(Debtor.pesel_index) == keys.blind_index(digits)
    if valid_nip(digits):
        yield "nip", col(Debtor.nip) == digits
    phone = e164(text)
    if phone is not None:
        points = select(ContactPoint.debtor_id).where(
            ContactPoint.kind == ContactKind.PHONE, ContactPoint.value == phone
        )
        yield "phone", col(Debtor.id).in_(points)
    of_debt = select(Case.debtor_id).join(Debt, col(Debt.case_id) == col(Case.id)).where(Debt.reference == text)
    # A union, as PostgreSQL finds no index for the one or the other.
    referred = union_all(select(Debtor.id).where(Debtor.reference == text), of_debt)
    yield "reference", col(Debtor.id).in_(referred)
    words = name_key(text).split()
    if words and not digits.isdigit():
        query = cast(literal(" & ".join(f"{word}:*" for word in words)), TSQUERY)
        named = select(Debtor.id).where(literal_column(NAME_WORDS, TSVECTOR).bool_op("@@")(query)).limit(MOST_NAMED)
        yield "name", col(Debtor.id).in_(named)


async def _cases(session: AsyncSession, debtors: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    rows = await session.exec(select(Case.debtor_id, Case.id).where(col(Case.debtor_id).in_(debtors)))
    found: dict[UUID, list[UUID]] = {}
    for debtor_id, case_id in rows:
        found.setdefault(debtor_id, []).append(case_id)
    return found
