"""Running a statement of many columns: SQLModel's own ``exec`` is typed for four at most."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Result, Select
from sqlmodel.ext.asyncio.session import AsyncSession


async def run(session: AsyncSession, statement: Select[*tuple[Any, ...]]) -> Result[*tuple[Any, ...]]:
    """The rows of a plain SQLAlchemy select, bound to the session's brands like any other."""
    found: Result[*tuple[Any, ...]] = await session.exec(statement)  # type: ignore[call-overload]
    return found
