"""The supervisor with small real processes: order, new starts, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli import supervisor as module
from cli.supervisor import AlreadyRunningError, ProcessSpec, StartError, Supervisor, SupervisorError, running
from tests.support.until import wait_until

pytestmark = pytest.mark.unit

SLEEP = ("sleep", "600")


def gone(pid: int) -> bool:
    return module._born(pid) == -1


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_a_killed_process_is_started_again_at_once(tmp_path: Path) -> None:
    with Supervisor([ProcessSpec("one", SLEEP), ProcessSpec("two", SLEEP)], tmp_path / "run") as house:
        first, other = house.pid_of("one"), house.pid_of("two")
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: house.starts_of("one") == 2)
        wait_until(lambda: running(house.run_dir).get("one", first) != first)
        assert house.pid_of("two") == other
        assert gone(first)
    assert running(tmp_path / "run") == {}


def test_deaths_in_a_row_are_answered_with_growing_pauses(tmp_path: Path) -> None:
    flag = tmp_path / "die"
    dies = python(f"import pathlib, time\nwhile not pathlib.Path({str(flag)!r}).exists(): time.sleep(0.01)")
    with Supervisor([ProcessSpec("one", dies)], tmp_path / "run") as house:
        child = house._children["one"]
        flag.touch()
        wait_until(lambda: house.starts_of("one") >= 3)
        assert child.pause > module.FIRST_PAUSE
        flag.unlink()
        wait_until(lambda: house.is_ready("one"))


def test_start_waits_for_what_a_process_needs_and_ends_it_last(tmp_path: Path) -> None:
    journal, probed = tmp_path / "journal", tmp_path / "ready"
    speak = (
        "import pathlib, signal, sys\n"
        "name, journal = sys.argv[1:]\n"
        "def note(what):\n"
        "    with open(journal, 'a') as f: f.write(f'{name} {what}\\n')\n"
        "def end(*_): note('end'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "note('start')\n"
        "signal.pause()"
    )
    asked: list[bool] = []

    def ready() -> bool:
        asked.append(True)
        if len(asked) == 5:
            probed.touch()
        return probed.exists() and journal.exists() and "server start" in journal.read_text()

    once = python(f"open({str(journal)!r}, 'a').write('tables made\\n')")
    specs = [
        ProcessSpec("server", (*python(speak), "server", str(journal)), ready=ready),
        ProcessSpec("tables", once, needs=("server",), once=True),
        ProcessSpec(
            "client",
            (*python(speak), "client", str(journal)),
            needs=("server", "tables"),
            ready=lambda: "client start" in journal.read_text(),
        ),
    ]
    with Supervisor(specs, tmp_path / "run") as house:
        assert journal.read_text().splitlines() == ["server start", "tables made", "client start"]
        with pytest.raises(SupervisorError):
            house.pid_of("tables")
        assert house.starts_of("tables") == 1
    assert journal.read_text().splitlines()[3:] == ["client end", "server end"]
    assert len(asked) >= 5


def test_who_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = python(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    )
    log = tmp_path / "log" / "deaf.log"
    spec = ProcessSpec("deaf", deaf, ready=lambda: log.exists() and "up" in log.read_text(), stop_seconds=0.3)
    house = Supervisor([spec], tmp_path / "run")
    house.start()
    pid = house.pid_of("deaf")
    house.stop()
    assert gone(pid)


def test_a_process_that_fails_at_start_says_why_and_ends_all(tmp_path: Path) -> None:
    bad = ProcessSpec("bad", python("import sys; sys.exit('no such trunk')"), needs=("good",), ready=lambda: False)
    with (
        pytest.raises(StartError, match=r"bad ended with status 1(.|\n)*no such trunk"),
        Supervisor([ProcessSpec("good", SLEEP), bad], tmp_path / "run"),
    ):
        pytest.fail("the house must not stand")
    assert running(tmp_path / "run") == {}


def test_a_process_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    spec = ProcessSpec("slow", SLEEP, ready=lambda: False, start_seconds=0.2)
    with pytest.raises(StartError, match="not ready"):
        Supervisor([spec], tmp_path / "run").start()
    assert running(tmp_path / "run") == {}


def test_a_second_supervisor_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    with Supervisor([ProcessSpec("one", SLEEP)], tmp_path / "run") as house:
        pid = house.pid_of("one")
        with pytest.raises(AlreadyRunningError, match=str(os.getpid())):
            Supervisor([ProcessSpec("one", SLEEP)], tmp_path / "run").start()
        assert house.pid_of("one") == pid
        assert running(tmp_path / "run") == {"one": pid}
    with Supervisor([ProcessSpec("one", SLEEP)], tmp_path / "run"):
        pass


def test_a_start_can_be_called_off(tmp_path: Path) -> None:
    asked: list[bool] = []

    def never_ready() -> bool:
        asked.append(True)
        house.ask_to_stop()
        return False

    house = Supervisor([ProcessSpec("slow", SLEEP, ready=never_ready)], tmp_path / "run")
    with house:
        house.wait()
        assert not house.is_ready("slow")
        assert house.failure is None
    assert asked
    assert running(tmp_path / "run") == {}


def test_unknown_needs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="web needs tables"):
        Supervisor([ProcessSpec("web", SLEEP, needs=("tables",))], tmp_path / "run")


def test_a_large_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_BYTES", 10_000)
    chatty = python(
        "import itertools\nfor i in range(3000): print(f'line {i:06}', flush=True)\nimport time; time.sleep(600)"
    )
    with Supervisor([ProcessSpec("chatty", chatty)], tmp_path / "run") as house:
        aside = house.log_dir / "chatty.log.1"
        wait_until(
            lambda: aside.exists() and "line 002999" in aside.read_text() + (house.log_dir / "chatty.log").read_text()
        )
        wait_until(lambda: (house.log_dir / "chatty.log").stat().st_size <= 10_000)


HOUSE = """
import sys, threading
from pathlib import Path
from cli.supervisor import ProcessSpec, Supervisor
run_dir = Path(sys.argv[1])
specs = [ProcessSpec(f"p{n}", ("sleep", "600"), stop_seconds=5) for n in range(3)]
with Supervisor(specs, run_dir) as house:
    print("up", flush=True)
    threading.Event().wait(60)
"""


def test_a_killed_supervisor_leaves_no_orphans_and_its_successor_finds_no_doubles(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOUSE, str(tmp_path / "run")], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as keeper:
        assert keeper.stdout is not None
        line = keeper.stdout.readline()
        while line and line != b"up\n":
            line = keeper.stdout.readline()
        children = running(tmp_path / "run")
        assert len(children) == 3
        keeper.kill()
    wait_until(lambda: all(gone(pid) for pid in children.values()))
    with Supervisor([ProcessSpec(f"p{n}", SLEEP) for n in range(3)], tmp_path / "run") as house:
        assert len(running(house.run_dir)) == 3
        assert not set(running(house.run_dir).values()) & set(children.values())


def test_a_leftover_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with subprocess.Popen(SLEEP, process_group=0) as leftover:
        run_dir = tmp_path / "run"
        run_dir.mkdir()
        born = module._born(leftover.pid)
        (run_dir / "processes.json").write_text(f'{{"one": {{"pid": {leftover.pid}, "born": {born}}}}}')
        with Supervisor([ProcessSpec("one", SLEEP)], run_dir) as house:
            assert gone(leftover.pid)
            assert house.pid_of("one") != leftover.pid


def test_a_number_that_belongs_to_another_process_by_now_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP, process_group=0) as stranger:
        run_dir = tmp_path / "run"
        run_dir.mkdir()
        (run_dir / "processes.json").write_text(f'{{"one": {{"pid": {stranger.pid}, "born": 1}}}}')
        with Supervisor([ProcessSpec("one", SLEEP)], run_dir):
            assert stranger.poll() is None
        stranger.kill()
