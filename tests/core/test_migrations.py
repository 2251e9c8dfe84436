"""The migrations and the models say the same."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from alembic import command, config
from core import migrations, tables
from core.db import async_url
from tests.support.servers import Servers

pytestmark = pytest.mark.db

KNOWN = r"^(procrastinate_.*|alembic_version.*|(attempt|call_event)_\d{4}_\d{2}(_.*)?)$"  # not from the models
COLUMNS = """
SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, is_identity
FROM information_schema.columns WHERE table_schema = 'public' AND table_name !~ %s
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND conrelid::regclass::text !~ %s
  AND confrelid::regclass::text !~ %s AND contype <> 'n' AND conparentid = 0
"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename !~ %s"
PARTITIONED = "SELECT relname, pg_get_partkeydef(oid) FROM pg_class WHERE relkind = 'p'"
OBJECTS = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'alembic_version%%'
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typname !~ '^_?alembic_version'
"""


@pytest.fixture
def empty(servers: Servers) -> Iterator[str]:
    """URL of a database without tables."""
    url = servers.create_database(migrated=False)
    yield url
    servers.drop_database(url)


def shape(url: str) -> dict[str, set[tuple[object, ...]]]:
    """All that the models decide, as the catalogue tells it."""
    with psycopg.connect(url) as connection:
        return {
            "columns": set(connection.execute(COLUMNS, [KNOWN])),
            "constraints": set(connection.execute(CONSTRAINTS, [KNOWN, KNOWN])),
            "indexes": set(connection.execute(INDEXES, [KNOWN])),
            "partitioned": set(connection.execute(PARTITIONED)),
        }


def test_no_drift_between_migrations_and_models(servers: Servers, empty: str) -> None:
    tables.load()
    engine = create_engine(async_url(empty))
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    migrated = servers.create_database()
    try:
        models, migrations_ = shape(empty), shape(migrated)
    finally:
        servers.drop_database(migrated)
    for kind, found in migrations_.items():
        assert sorted(models[kind] - found) == [], f"{kind} of the models that no migration makes"
        assert sorted(found - models[kind]) == [], f"{kind} that no model knows"


def test_down_leaves_nothing_and_up_again_works(servers: Servers, empty: str) -> None:
    migrations.to_revision(empty, "head")
    before = shape(empty)
    migrations.to_revision(empty, "base")
    with psycopg.connect(empty) as connection:
        assert [name for (name,) in connection.execute(OBJECTS)] == []
    migrations.to_revision(empty, "head")
    assert shape(empty) == before


def test_down_takes_the_partitions_too(servers: Servers) -> None:
    url = servers.create_database()
    try:
        migrations.to_revision(url, "base")
        with psycopg.connect(url) as connection:
            assert [name for (name,) in connection.execute(OBJECTS)] == []
    finally:
        servers.drop_database(url)


def test_migrating_twice_changes_nothing(servers: Servers) -> None:
    url = servers.create_database()
    try:
        before = shape(url)
        migrations.migrate(servers.settings.model_copy(update={"database_url": url}))
        assert shape(url) == before
    finally:
        servers.drop_database(url)


def test_autogenerate_finds_nothing_to_do(servers: Servers) -> None:
    url = servers.create_database()
    engine = create_engine(async_url(url))
    given = config.Config(migrations.INI)
    try:
        with engine.begin() as connection:
            given.attributes["connection"] = connection
            command.check(given)
    finally:
        engine.dispose()
        servers.drop_database(url)
