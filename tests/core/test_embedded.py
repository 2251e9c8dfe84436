"""The embedded servers start anywhere, come back after kill -9, and leave nothing open."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from core import embedded
from core.embedded import EmbeddedError
from core.settings import Settings

DEEP = "a-folder-with-a-long-name-as-people-have-them/" * 3


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Settings]:
    """Settings of an installation in a folder only we may enter, at a path too long for a socket."""
    hidden = tmp_path / "home"
    hidden.mkdir(mode=0o700)
    made = Settings(data_dir=hidden / DEEP / "var", keys_file=tmp_path / "keys.json")
    yield made
    shutil.rmtree(embedded.socket_dir(made), ignore_errors=True)  # stands outside tmp_path


@contextmanager
def server(argv: list[str], ready: Callable[[], bool], ending: signal.Signals) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        embedded.wait_ready(ready, lambda: child.poll() is None)
        yield child
    finally:
        child.send_signal(ending)
        assert child.wait(30) in {0, -signal.SIGKILL}


@contextmanager
def postgres(house: Settings) -> Iterator[subprocess.Popen[bytes]]:
    embedded.prepare_postgres(house, quick=True)
    argv = embedded.postgres_argv(house, quick=True)
    with server(argv, lambda: embedded.postgres_ready(house), signal.SIGINT) as child:
        yield child


def rows(house: Settings) -> int:
    with psycopg.connect(embedded.postgres_url(house)) as connection:
        found = connection.execute("SELECT count(*) FROM t").fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.crash
def test_postgresql_comes_back_after_kill_9_with_all_that_was_committed(house: Settings) -> None:
    with postgres(house) as child:
        with psycopg.connect(embedded.postgres_url(house)) as connection:
            connection.execute("CREATE TABLE t (n int)")
            connection.execute("INSERT INTO t SELECT generate_series(1, 1000)")
        child.kill()
        child.wait()
    for _ in range(2):  # the second start follows a clean end
        with postgres(house):
            assert rows(house) == 1000


@pytest.mark.crash
def test_a_pid_file_whose_number_another_process_has_is_forgotten(house: Settings) -> None:
    embedded.prepare_postgres(house, quick=True)
    lock = embedded.postgres_data(house) / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{embedded.postgres_data(house)}\n")
    embedded.prepare_postgres(house, quick=True)
    assert not lock.exists()
    lock.write_text("")
    with postgres(house):
        assert embedded.postgres_ready(house)


@pytest.mark.crash
def test_a_second_server_on_the_same_data_is_refused(house: Settings) -> None:
    with postgres(house):
        embedded.prepare_postgres(house, quick=True)
        second = subprocess.run(embedded.postgres_argv(house, quick=True), capture_output=True, timeout=60, check=False)
        assert second.returncode != 0
        assert b"postmaster.pid" in second.stderr
        assert embedded.postgres_ready(house)


@pytest.mark.db
def test_polish_letters_fold_and_only_the_owner_gets_in(house: Settings) -> None:
    with postgres(house), psycopg.connect(embedded.postgres_url(house)) as connection:
        assert connection.execute("SELECT lower('ZAŻÓŁĆ GĘŚLĄ JAŹŃ')").fetchone() == ("zażółć gęślą jaźń",)
        assert connection.execute("SELECT usesuper FROM pg_user WHERE usename = current_user").fetchone() == (False,)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert embedded.socket_dir(house).stat().st_mode & 0o777 == 0o700
        assert embedded.postgres_data(house).stat().st_mode & 0o077 == 0


@pytest.mark.db
def test_redis_keeps_nothing_on_disk(house: Settings) -> None:
    embedded.prepare_redis(house)
    argv = embedded.redis_argv(house)
    with server(argv, lambda: embedded.redis_ready(house), signal.SIGTERM):
        assert embedded.redis_ready(house)
    assert [p.name for p in embedded.socket_dir(house).iterdir() if p.suffix != ".lock"] == []


@pytest.mark.unit
def test_production_waits_for_the_disk() -> None:
    assert "fsync" not in embedded.POSTGRES
    assert "synchronous_commit" not in embedded.POSTGRES | embedded.QUICK


@pytest.mark.unit
def test_sockets_stand_beside_the_data_where_the_path_is_short(house: Settings) -> None:
    short = Settings(data_dir=Path("/srv/cf"))
    assert embedded.socket_dir(short) == Path("/srv/cf/run/sockets")
    assert len(os.fsencode(embedded.socket_dir(house))) <= embedded.SOCKET_PATH_MAX
    other = house.model_copy(update={"data_dir": house.data_dir / "other"})
    assert embedded.socket_dir(other) != embedded.socket_dir(house)


@pytest.mark.unit
def test_given_urls_win() -> None:
    given = Settings(database_url="postgresql://h/db", redis_url="redis://h/1")
    assert embedded.postgres_url(given) == "postgresql://h/db"
    assert embedded.redis_url(given) == "redis://h/1"


@pytest.mark.unit
def test_data_of_another_version_is_refused(house: Settings) -> None:
    data = embedded.postgres_data(house)
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedError, match="PostgreSQL 16"):
        embedded.prepare_postgres(house)
    assert (data / "PG_VERSION").read_text() == "16\n"
