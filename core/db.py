"""PostgreSQL access: one request, job or handled message is one transaction.

Business code takes an :class:`AsyncSession` and never commits; :meth:`Database.begin` does.
Sessions are bound to the brands a user may see: rows of any other brand do not exist for them.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, DateTime, Uuid, any_, bindparam, column, event
from sqlalchemy import Enum as SaEnum
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from core import tables

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING

IDLE_SECONDS = 1.0  # s unused after which a connection is asked whether it is alive
USED = "used"  # key in a pooled connection's info: when it was given back
BRANDS = "brands"  # key in Session.info: the brands the session is bound to


class Row(SQLModel):
    """Base of every table: a UUIDv7 made by the caller (``core.ids.new_id``) and the instant of creation."""

    id: UUID = Field(primary_key=True)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class BrandRow(Row):
    """Base of every table of business data: belongs to one brand."""

    brand_id: UUID = Field(foreign_key="brand.id", index=True)


def instant(*, nullable: bool = True, index: bool = False) -> Any:
    """A ``timestamptz`` column; code gives and gets aware UTC instants."""
    default: dict[str, Any] = {"default": None} if nullable else {}
    return Field(sa_type=DateTime(timezone=True), nullable=nullable, index=index, **default)


def choice(kind: type[StrEnum], *, nullable: bool = False, default: Any = None, index: bool = False) -> Any:
    """A text column that holds one value of ``kind``; the database refuses any other (CHECK)."""
    sa = SaEnum(
        kind,
        native_enum=False,
        length=40,
        create_constraint=True,
        name=_snake(kind.__name__),
        values_callable=lambda e: [m.value for m in e],
    )
    given: dict[str, Any] = {"default": default} if (default is not None or nullable) else {}
    return Field(sa_column=Column(sa, nullable=nullable, index=index), **given)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def among(name: str) -> Any:
    """Any of the ids of the parameter ``name``, a list: one statement for any number, built once."""
    return any_(bindparam(name, type_=ARRAY(Uuid)))


def check(name: str, sql: str) -> CheckConstraint:
    """A named CHECK constraint."""
    return CheckConstraint(sql, name=name)


@event.listens_for(Session, "do_orm_execute")
def _bind_brands(state: ORMExecuteState) -> None:
    brands = state.session.info.get(BRANDS)
    if brands is not None and (state.is_select or state.is_update or state.is_delete) and not state.is_column_load:
        ids = list(brands)
        state.statement = state.statement.options(
            with_loader_criteria(BrandRow, lambda cls: _of_brands(cls, ids), include_aliases=True)
        )


def _of_brands(cls: Any, ids: list[UUID]) -> Any:
    """``cls`` is a table's class; SQLAlchemy first tries :class:`BrandRow` itself, which has no column."""
    return getattr(cls, "brand_id", column("brand_id")).in_(ids)


def _ping_if_idle(dialect: Dialect) -> Callable[..., None]:
    """A listener that asks a connection which has lain idle whether it is alive: its server may have gone meanwhile.

    One used a moment ago is not asked: that would be a round trip for every transaction of a busy process.
    """

    def checkout(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get(USED, time.monotonic()) > IDLE_SECONDS:
            try:
                dialect.do_ping(connection)
            except dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError from error  # the pool forgets all it has and takes a fresh one

    return checkout


def _note_use(_connection: Any, record: Any) -> None:
    record.info[USED] = time.monotonic()


def async_url(url: str) -> str:
    """``postgresql://...`` as SQLAlchemy wants it for psycopg 3."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


class Database:
    """The pool of one process."""

    def __init__(self, url: str, pool: int = 8) -> None:
        tables.load()
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            async_url(url),
            pool_size=pool,
            max_overflow=2,
            pool_timeout=10,
            hide_parameters=True,  # an exception must not carry personal data into a log
        )
        event.listen(self.engine.sync_engine, "checkin", _note_use)
        event.listen(self.engine.sync_engine, "checkout", _ping_if_idle(self.engine.dialect))

    @asynccontextmanager
    async def begin(self, brands: Collection[UUID] | None = None) -> AsyncIterator[AsyncSession]:
        """One transaction: committed if the block ends well, rolled back if it raises.

        ``brands`` binds it to those brands; None (processes, jobs) sees all.
        """
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            if brands is not None:
                session.info[BRANDS] = frozenset(brands)
            async with session.begin():
                yield session

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()
