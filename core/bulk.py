"""Many rows in one statement whose text never changes: columns go in as arrays.

A list of VALUES is a new statement for each number of rows, and one execution a row costs a round trip and its share of
Python each; both were the largest part of the engine's work. Here PostgreSQL takes the rows apart itself (``unnest``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any

from sqlalchemy import JSON, Table
from sqlalchemy.dialects.postgresql import dialect
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from core.driver import run

_DIALECT = dialect()  # type: ignore[no-untyped-call]  # not annotated by SQLAlchemy


async def insert_rows(
    session: AsyncSession, model: type[SQLModel], rows: Sequence[Mapping[str, Any]], *, known: str | None = None
) -> None:
    """Insert ``rows``, all with the same keys: names of columns of ``model``. Nothing is filled in by defaults.

    Args:
        known: a unique column; a row whose value the table has already is left out.
    """
    if rows:
        await _execute(session, _insert(model, tuple(rows[0]), known), rows)


async def update_rows(
    session: AsyncSession, model: type[SQLModel], rows: Sequence[Mapping[str, Any]], *, key: str = "id"
) -> None:
    """Set the columns of ``rows`` (all with the same keys) where ``key`` is the row's; no ``key`` may come twice."""
    if rows:
        await _execute(session, _update(model, tuple(rows[0]), key), rows)


async def _execute(session: AsyncSession, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
    values = {name: [_plain(row[name]) for row in rows] for name in rows[0]}
    await run(session, statement, values)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return json.dumps(value) if isinstance(value, dict | list) else value


@cache
def _insert(model: type[SQLModel], names: tuple[str, ...], known: str | None) -> str:
    table = _table(model)
    unless = f" ON CONFLICT ({known}) DO NOTHING" if known else ""
    values = ", ".join(_value(table, name) for name in names)
    rows = f"SELECT {values} FROM {_given(table, names)}"  # noqa: S608 - names of columns
    return f"INSERT INTO {table.name} ({_list(names)}) {rows}{unless}"


@cache
def _update(model: type[SQLModel], names: tuple[str, ...], key: str) -> str:
    table = _table(model)
    changes = ", ".join(f'"{name}" = {_value(table, name)}' for name in names if name != key)
    condition = f't."{key}" = given."{key}"'
    return f"UPDATE {table.name} t SET {changes} FROM {_given(table, names)} WHERE {condition}"  # noqa: S608


def _given(table: Table, names: tuple[str, ...]) -> str:
    """The rows as a table of the statement."""
    arrays = ", ".join(f"CAST(%({name})s AS {_type(table, name)}[])" for name in names)
    return f"unnest({arrays}) AS given({_list(names)})"


def _value(table: Table, name: str) -> str:
    """A column of the given rows as the table takes it; JSON comes as text."""
    return f'CAST(given."{name}" AS jsonb)' if isinstance(table.c[name].type, JSON) else f'given."{name}"'


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _type(table: Table, name: str) -> str:
    kind = table.c[name].type
    return "text" if isinstance(kind, JSON) else kind.compile(dialect=_DIALECT)


def _table(model: type[SQLModel]) -> Table:
    table = model.__table__  # type: ignore[attr-defined]  # SQLModel's classes of tables have it
    assert isinstance(table, Table)
    return table
