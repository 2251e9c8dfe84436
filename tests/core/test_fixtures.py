"""What the tests themselves stand on."""

from __future__ import annotations

import subprocess
import sys

import psycopg
import pytest

from core.embedded import postgres_ready
from core.settings import Settings
from tests.support.ports import BLOCK, Ports
from tests.support.processes import Processes, environment


class Item:
    """As much of a collected test as the hook looks at."""

    nodeid = "tests/test_x.py::test_x"

    def __init__(self, marks: list[str]) -> None:
        self.marks = marks

    def get_closest_marker(self, name: str) -> object | None:
        return name if name in self.marks else None


@pytest.mark.unit
@pytest.mark.parametrize("marks", [[], ["unit", "db"], ["asyncio"]])
def test_a_test_without_exactly_one_marker_fails_collection(pytestconfig: pytest.Config, marks: list[str]) -> None:
    (conftest,) = (plugin for plugin in pytestconfig.pluginmanager.get_plugins() if hasattr(plugin, "MARKERS"))
    with pytest.raises(pytest.UsageError, match=r"exactly one marker(.|\n)*test_x"):
        conftest.pytest_collection_modifyitems([Item(marks)])
    conftest.pytest_collection_modifyitems([Item([marker]) for marker in conftest.MARKERS])


@pytest.mark.unit
def test_ports_of_two_tests_never_meet() -> None:
    first, second = Ports(), Ports()
    try:
        taken = [range(start, start + n) for p in (first, second) for n in (1, 2, 240, 700) for start in [p.take(n)]]
        numbers = [port for block in taken for port in block]
        assert len(numbers) == len(set(numbers)) == 2 * (1 + 2 + 240 + 700)
        with pytest.raises(ValueError, match="ports"):
            first.take(BLOCK + 1)
    finally:
        first.close()
        second.close()


@pytest.mark.db
def test_a_child_sees_the_tests_settings(settings: Settings) -> None:
    program = "from core.settings import Settings; print(Settings().model_dump_json())"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(settings), capture_output=True, text=True, check=True
    )
    assert Settings.model_validate_json(done.stdout) == settings
    assert postgres_ready(settings)


@pytest.mark.crash
def test_a_worker_process_starts_and_ends_when_told(settings: Settings, processes: Processes) -> None:
    worker = processes.start("worker")
    worker.wait_until(lambda: len(connections(settings)) >= 2)
    assert worker.stop() == 0, worker.tail()


def connections(settings: Settings) -> list[tuple[int]]:
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url) as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return connection.execute(query).fetchall()
