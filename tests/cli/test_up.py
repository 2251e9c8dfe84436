"""``callfloor up`` as a whole: it comes up, ends cleanly, and killed it takes everything with it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from cli import probes
from cli.supervisor import running
from core.settings import Settings
from tests.support.processes import Processes

pytestmark = pytest.mark.crash

NAMES = {"postgres", "redis", "web", "engine", "media", "detector", "worker"}


def test_the_house_stands_falls_and_stands_again(settings: Settings, processes: Processes, tmp_path: Path) -> None:
    own = settings.model_copy(update={"database_url": None, "redis_url": None, "data_dir": tmp_path / "house"})
    processes.settings = own

    first = processes.start("up")
    first.wait_until(lambda: "Callfloor is up" in first.tail(), 120)
    assert probes.web(own)
    assert probes.media(own)
    children = running(own.run_dir())
    assert set(children) == NAMES

    first.popen.send_signal(signal.SIGKILL)
    first.popen.wait()
    second = processes.start("up")
    second.wait_until(lambda: "Callfloor is up" in second.tail(), 120)
    again = running(own.run_dir())
    assert set(again) == NAMES
    assert not set(again.values()) & set(children.values())
    assert not [pid for pid in children.values() if Path(f"/proc/{pid}/exe").exists()]

    assert second.stop(60) == 0
    assert running(own.run_dir()) == {}
    assert not probes.web(own)
