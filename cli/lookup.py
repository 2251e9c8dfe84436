"""Finding what the operator names on the command line; one of a kind needs no name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.transaction import OperatorError
from core.models import Brand
from dialer.campaigns.models import Campaign
from dialer.trunks.models import Trunk
from numbering.models import CallerIdPool

ACTOR = "operator"  # in the audit trail: somebody with the machine's command line
T = TypeVar("T", Brand, Trunk, CallerIdPool, Campaign)


async def brand_named(session: AsyncSession, name: str | None) -> Brand:
    """The brand of that name; None: the only one there is."""
    rows = (await session.exec(select(Brand).order_by(Brand.name))).all()
    return _the_one(rows, name, "brand", "--brand")


async def trunk_named(session: AsyncSession, name: str | None, brand_id: UUID) -> Trunk:
    """The brand's trunk of that name; None: its only one."""
    rows = (await session.exec(select(Trunk).where(Trunk.brand_id == brand_id).order_by(Trunk.name))).all()
    return _the_one(rows, name, "trunk", "--trunk")


async def pool_named(session: AsyncSession, name: str | None, brand_id: UUID) -> CallerIdPool:
    """The brand's pool of caller IDs of that name; None: its only one."""
    query = select(CallerIdPool).where(CallerIdPool.brand_id == brand_id).order_by(CallerIdPool.name)
    return _the_one((await session.exec(query)).all(), name, "pool", "--pool")


async def campaign_named(session: AsyncSession, name: str, brand_id: UUID) -> Campaign:
    """The brand's campaign of that name."""
    rows = (await session.exec(select(Campaign).where(Campaign.brand_id == brand_id).order_by(Campaign.name))).all()
    return _the_one(rows, name, "campaign", "")


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options the operator has given."""
    return {name: value for name, value in options.items() if value is not None}


def _the_one(rows: Sequence[T], name: str | None, kind: str, option: str) -> T:
    there = f"there are: {', '.join(row.name for row in rows) or 'none yet'}"
    if name is None:
        if len(rows) != 1:
            raise OperatorError(f"Say which {kind}, {option} NAME; {there}")
        return rows[0]
    for row in rows:
        if row.name == name:
            return row
    raise OperatorError(f"No {kind} {name}; {there}")
