"""Bringing the database to this version's shape."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import create_engine

from alembic import command, config
from core import partitions
from core.clock import Clock
from core.db import Database, async_url
from core.embedded import postgres_url
from core.settings import Settings

INI = Path(__file__).resolve().parents[1] / "alembic.ini"


def migrate(settings: Settings) -> None:
    """Upgrade to the newest revision and make the partitions due by the shared clock. Harmless when repeated."""
    url = postgres_url(settings)
    to_revision(url, "head")
    asyncio.run(_make_partitions(url, settings.clock()))


def to_revision(url: str, revision: str) -> None:
    """Upgrade to ``revision`` (``head``: the newest), or with ``base`` take everything down."""
    engine = create_engine(async_url(url), hide_parameters=True)
    given = config.Config(INI)
    try:
        with engine.begin() as connection:
            given.attributes["connection"] = connection
            (command.downgrade if revision == "base" else command.upgrade)(given, revision)
    finally:
        engine.dispose()


async def _make_partitions(url: str, clock: Clock) -> None:
    database = Database(url, pool=1)
    try:
        async with database.begin() as session:
            await partitions.ensure(session, clock)
    finally:
        await database.close()
