"""Saved column mappings: a creditor's own headings, said once."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.importing.columns import Column, MappingError
from cases.models import ColumnMapping
from core.clock import Clock
from core.ids import new_id


async def save_mapping(
    session: AsyncSession, clock: Clock, brand_id: UUID, name: str, columns: Mapping[str, str]
) -> ColumnMapping:
    """Save a mapping (heading -> field) under a name; one of that name is replaced.

    Raises:
        MappingError: an unknown field.
    """
    unknown = sorted(set(columns.values()) - set(Column))
    if unknown:
        raise MappingError(f"Unknown field {', '.join(unknown)}; known are {', '.join(Column)}.")
    row = await _named(session, brand_id, name)
    if row is None:
        row = ColumnMapping(
            id=new_id(clock), created_at=clock.now(), brand_id=brand_id, name=name, columns=dict(columns)
        )
    row.columns = dict(columns)
    session.add(row)
    await session.flush()
    return row


async def mapping_named(session: AsyncSession, brand_id: UUID, name: str) -> dict[str, str]:
    """The saved mapping of that name.

    Raises:
        MappingError: there is none.
    """
    row = await _named(session, brand_id, name)
    if row is None:
        raise MappingError(f"No saved mapping «{name}».")
    return dict(row.columns)


async def _named(session: AsyncSession, brand_id: UUID, name: str) -> ColumnMapping | None:
    query = select(ColumnMapping).where(ColumnMapping.brand_id == brand_id, ColumnMapping.name == name)
    return (await session.exec(query)).first()
