"""Writing the contact ledger: in the transaction that creates the attempt, under the lock on the debtor."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Uuid, any_, literal, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.contact.models import LedgerEntry
from core.bulk import insert_rows


async def record_many(session: AsyncSession, rows: Sequence[LedgerEntry]) -> None:
    """Enter contacts, one statement for all. One already entered (same ``source_id``) stays as it is."""
    await insert_rows(session, LedgerEntry, [row.model_dump() for row in rows], known="source_id")


async def mark_conversation(session: AsyncSession, source_id: UUID) -> None:
    """A right-party conversation took place in this contact: the quiet period starts with its day."""
    await session.exec(update(LedgerEntry).where(col(LedgerEntry.source_id) == source_id).values(conversation=True))


async def discount(session: AsyncSession, source_ids: Sequence[UUID]) -> None:
    """These contacts never reached the network (or the rules say they don't count): no cap counts them."""
    if source_ids:
        await session.exec(
            update(LedgerEntry)
            .where(col(LedgerEntry.source_id) == any_(literal(list(source_ids), ARRAY(Uuid))))
            .values(counts=False)
        )
