"""``callfloor backup`` and ``restore``: the database in one file of pg_dump's custom format.

What a backup does not hold, its last line says: the keys (else a stolen backup would carry the key to what is sealed in
it) and the recordings (files that copy well by themselves).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
from psycopg.pq import Conninfo

from cli.up import database_server
from core import embedded, migrations
from core.security import keys_path
from core.settings import Settings
from core.unprivileged import EmbeddedError

MAGIC = b"PGDMP"  # the first bytes of pg_dump's custom format
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"


def backup(settings: Settings, file: Path) -> None:
    """Write the database to ``file``, readable by its owner only; half a backup never bears the name."""
    if file.exists():
        raise SystemExit(f"{file} exists: a backup is never written over")
    if not file.parent.is_dir():
        raise SystemExit(f"No folder {file.parent}")
    draft = file.with_name(f".{file.name}.part")
    draft.touch(mode=0o600)
    try:
        with database_server(settings):
            _run(settings, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={draft}")
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    print(f"Wrote {file} ({file.stat().st_size:,} bytes)")
    print(
        f"Not in it: the keys ({keys_path(settings)}), without which sealed data is lost; recordings and other files."
    )


def restore(settings: Settings, file: Path) -> None:
    """Fill the empty database from ``file``, all or nothing, then bring it to this version's shape."""
    try:
        with file.open("rb") as given:
            start = given.read(len(MAGIC))
    except OSError as error:
        raise SystemExit(f"{file} can't be read: {error.strerror}") from None
    if start != MAGIC:
        raise SystemExit(f"{file} is no backup of Callfloor (pg_dump's custom format)")
    with database_server(settings):
        try:
            with psycopg.connect(embedded.postgres_url(settings), connect_timeout=5) as connection:
                row = connection.execute(TABLES).fetchone()
        except psycopg.OperationalError as error:
            raise SystemExit(f"The database does not answer: {error}") from None
        if row is None or row[0] > 0:
            raise SystemExit("The database is not empty: restore into a fresh one, nothing was changed")
        _run(
            settings,
            "pg_restore",
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={_connection(settings)['PGDATABASE']}",
            str(file),
        )
        migrations.migrate(settings)
    print(f"Restored {file}")
    print(f"It needs the keys of the installation it came from, in {keys_path(settings)}.")


def _run(settings: Settings, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on our database; the password goes by environment, unseen in process lists."""
    try:
        command = [embedded.postgres_program(program), *arguments]
    except EmbeddedError as error:
        raise SystemExit(str(error)) from None
    done = subprocess.run(command, env=os.environ | _connection(settings), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{program} failed: {done.stderr.strip()[-2000:]}")


def _connection(settings: Settings) -> dict[str, str]:
    """The database's URL as libpq's environment variables."""
    options = Conninfo.parse(embedded.postgres_url(settings).encode())
    return {
        option.envvar.decode(): option.val.decode()
        for option in options
        if option.envvar is not None and option.val is not None
    }
