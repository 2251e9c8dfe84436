"""The house: which processes it has, and embedded servers that neither outlive a killed supervisor nor double."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import pytest

from cli.supervisor import Supervisor, running
from cli.up import environment, house, servers
from core.embedded import postgres_data, postgres_url
from core.settings import Settings
from tests.support.until import wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """An installation with embedded servers of its own."""
    return Settings(data_dir=tmp_path / "data", keys_file=tmp_path / "keys.json", database_url=None, redis_url=None)


def server_processes(settings: Settings) -> set[int]:
    """Every process of the embedded PostgreSQL: the server and its own children, wherever they hang."""
    data = str(postgres_data(settings))
    found = set()
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and process.cwd() == data and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.mark.unit
def test_names_and_order(own: Settings) -> None:
    names = [spec.name for spec in house(own)]
    assert names == ["postgres", "redis", "migrate", "web", "engine", "media", "detector", "worker"]


@pytest.mark.unit
def test_servers_whose_url_is_given_run_elsewhere(own: Settings) -> None:
    given = own.model_copy(update={"database_url": "postgresql://db/callfloor", "redis_url": "redis://bus"})
    names = [spec.name for spec in house(given)]
    assert names == ["migrate", "web", "engine", "media", "detector", "worker"]


@pytest.mark.unit
def test_children_read_the_very_same_settings(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    given = own.model_copy(
        update={"clock_start": datetime(2026, 11, 23, 9, tzinfo=UTC), "clock_epoch": 1.5, "redis_url": "redis://bus/3"}
    )
    for variable, value in environment(given).items():
        monkeypatch.setenv(variable, value)
    assert Settings() == given


@pytest.mark.crash
def test_killed_servers_come_back(own: Settings) -> None:
    with (
        Supervisor(servers(own, quick=True), own.run_dir()) as supervisor,
        closing(psycopg.connect(postgres_url(own))) as busy,
    ):
        # A child of the server that never looks up from its work: the new server can't start beside it.
        busy.pgconn.send_query(b"SELECT sum(n) FROM generate_series(1, 1000000000000) n")
        for name in ("postgres", "redis"):
            victim = supervisor.pid_of(name)
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda name=name: supervisor.starts_of(name) > 1 and supervisor.is_ready(name))
        with psycopg.connect(postgres_url(own)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert server_processes(own) == set()


KEEPER = """
import sys
from pathlib import Path
from cli.supervisor import Supervisor
from cli.up import servers
from core.settings import Settings
own = Settings(data_dir=Path(sys.argv[1]), database_url=None, redis_url=None)
with Supervisor(servers(own, quick=True), own.run_dir()):
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.mark.crash
def test_a_killed_supervisor_leaves_no_database_behind_and_the_next_starts(own: Settings) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KEEPER, str(own.data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as keeper:
        assert keeper.stdout is not None
        while (line := keeper.stdout.readline()) != b"up\n":
            assert line, "the keeper ended"
        assert set(running(own.run_dir())) == {"postgres", "redis"}
        busy = psycopg.connect(postgres_url(own), autocommit=True)
        busy.execute("CREATE TABLE kept (n int)")
        busy.pgconn.send_query(b"SELECT sum(n) FROM generate_series(1, 1000000000000) n")
        assert len(server_processes(own)) > 2
        keeper.kill()
    with Supervisor(servers(own, quick=True), own.run_dir()):
        assert len({psutil.Process(pid).ppid() for pid in server_processes(own)} - server_processes(own)) == 1
        with psycopg.connect(postgres_url(own)) as again:
            assert again.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    busy.close()
    wait_until(lambda: server_processes(own) == set())
