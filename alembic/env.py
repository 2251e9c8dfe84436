"""Alembic's environment: one connection of psycopg, URL from the settings unless the caller brings a connection."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, create_engine, text
from sqlmodel import SQLModel

from alembic import context
from core import tables
from core.db import async_url
from core.embedded import postgres_url
from core.settings import settings

# Partitions are made by core/partitions.py, the job queue's tables by procrastinate.
NOT_OURS = re.compile(r"procrastinate_.*|(attempt|call_event)_\d{4}_\d{2}")
LOCK = 0x0CA11F2  # advisory lock: one migration at a time


def include_name(name: str | None, type_: str, _parents: Any) -> bool:
    """Whether autogenerate looks at a thing it found in the database."""
    return type_ != "table" or NOT_OURS.fullmatch(name or "") is None


def include_object(found: Any, _name: str | None, type_: str, reflected: bool, _other: Any) -> bool:
    """Leave out the keys to single partitions, which PostgreSQL makes beside the one to the whole table."""
    if type_ != "foreign_key_constraint" or not reflected:
        return True
    table = found.elements[0].target_fullname.split(".")[0]
    return NOT_OURS.fullmatch(table) is None


def migrate(connection: Connection) -> None:
    """Run what is asked for in one transaction."""
    tables.load()
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        include_name=include_name,
        include_object=include_object,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations need a database; --sql is not supported.")
given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    engine = create_engine(async_url(postgres_url(settings())))
    with engine.begin() as own:
        migrate(own)
    engine.dispose()
