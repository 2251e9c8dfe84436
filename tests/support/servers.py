"""One PostgreSQL and one Redis for a test process; each test gets a database cloned from a migrated one."""

from __future__ import annotations

import itertools
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import IO

import psycopg
import redis

from core import embedded, migrations
from core.settings import Settings

STOP_SECONDS = 20


class Servers:
    """The running servers of a test process. They end with it even if it is killed."""

    def __init__(self, base: Settings) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cf-"))
        self.settings = base.model_copy(update={"data_dir": self.folder / "v", "database_url": None, "redis_url": None})
        self._log = (self.folder / "servers.txt").open("wb")
        self._children: list[tuple[subprocess.Popen[bytes], signal.Signals]] = []
        self._numbers = itertools.count(1)

    def start(self) -> None:
        """Start both and migrate the database the tests' are cloned from."""
        embedded.prepare_postgres(self.settings, quick=True)
        embedded.prepare_redis(self.settings)
        postgres = _child(embedded.postgres_argv(self.settings, quick=True), self._log)
        self._children.append((postgres, signal.SIGINT))
        bus = _child(embedded.redis_argv(self.settings), self._log)
        self._children.append((bus, signal.SIGTERM))
        embedded.wait_ready(lambda: embedded.postgres_ready(self.settings), lambda: postgres.poll() is None)
        embedded.wait_ready(lambda: embedded.redis_ready(self.settings), lambda: bus.poll() is None)
        migrations.migrate(self.settings)

    def stop(self) -> None:
        """End both and remove what they wrote."""
        for child, ending in reversed(self._children):
            child.send_signal(ending)
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, *, migrated: bool = True) -> str:
        """URL of a fresh database, with all tables and no rows unless ``migrated`` is false."""
        name = f"t{next(self._numbers)}"
        template = f"TEMPLATE {embedded.ROLE} STRATEGY FILE_COPY" if migrated else ""
        self._as_superuser(f"CREATE DATABASE {name} OWNER {embedded.ROLE} {template}")
        return embedded.postgres_url(self.settings, name)

    def drop_database(self, url: str) -> None:
        """Drop a database whoever is still connected."""
        name = url.partition("@/")[2].partition("?")[0]
        self._as_superuser(f"DROP DATABASE {name} WITH (FORCE)")

    def empty_bus(self) -> str:
        """URL of an emptied Redis database; they come in turn."""
        url = embedded.redis_url(self.settings, next(self._numbers) % int(embedded.REDIS["databases"]))
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url

    def _as_superuser(self, statement: str) -> None:
        with psycopg.connect(embedded.superuser_url(self.settings), autocommit=True) as connection:
            connection.execute(statement.encode())


def _child(argv: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
