"""Keeps the processes of one installation alive, in order, and lets none outlive it.

* Each child is the leader of a process group of its own and dies with the supervisor, however that ends
  (``cli/launch.py``). The kernel sends that signal when the *thread* that started the child ends, so one thread starts
  all children and lives until the last is gone.
* A lock on ``run_dir/lock`` refuses a second supervisor of the same installation. A new one first ends what a
  killed one may have left, by the process numbers and birth times in ``run_dir/processes.json``.
* A child that dies is started again: at once the first time, then after longer and longer pauses.
* Output goes to ``log_dir/<name>.log``, which is put aside as ``.1`` when it grows large.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import structlog

log = structlog.get_logger(__name__)

TICK = 0.05  # s between two looks at the children
FIRST_PAUSE = 0.1  # s before the first new start
LONGEST_PAUSE = 10.0  # s
PATIENCE = 10.0  # s for what an earlier run has left to end by itself
STEADY = 30.0  # s alive after which a death counts as the first again
LOG_BYTES = 32 * 1024 * 1024  # size at which a log is put aside
LAUNCHER = str(Path(__file__).with_name("launch.py"))


class SupervisorError(Exception):
    """Something that keeps the house from running; the text is for the operator."""


class AlreadyRunningError(SupervisorError):
    """Another supervisor holds this installation."""


class StartError(SupervisorError):
    """A process did not come up; the text ends with the last lines of its log."""


@dataclass(frozen=True)
class ProcessSpec:
    """One process to keep: how it starts, when it is of use to others, how it ends."""

    name: str
    argv: Sequence[str] | Callable[[], Sequence[str]]
    """The command; a callable is asked before every start and may prepare what the command needs."""
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    """Asked until it says True; what depends on this process waits for it. None: ready once started.

    Answers quickly and does not raise: ``cli/probes.py`` has the usual ones.
    """
    needs: Sequence[str] = ()
    """Processes that must be ready before this one starts and may end only after it."""
    once: bool = False
    """Runs to its end at start and is ready then; never started again."""
    stop_signal: signal.Signals = signal.SIGTERM
    start_seconds: float = 120.0
    stop_seconds: float = 10.0


class _Child:
    """A spec and its present process."""

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.ready = False
        self.pause = FIRST_PAUSE
        self.due = 0.0
        self.starts = 0
        self.stop_asked: float | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def kill_group(self, what: signal.Signals) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, what)


class Supervisor:
    """Starts and keeps ``specs``; a context manager whose block runs while the house stands."""

    def __init__(self, specs: Sequence[ProcessSpec], run_dir: Path, log_dir: Path | None = None) -> None:
        """``run_dir`` identifies the installation; logs go to ``log_dir``, else to ``log`` beside it.

        Raises ValueError if a spec needs one that is not before it.
        """
        known: set[str] = set()
        for spec in specs:
            if missing := set(spec.needs) - known:
                raise ValueError(f"{spec.name} needs {', '.join(sorted(missing))}, not listed before it")
            known.add(spec.name)
        self.run_dir = run_dir
        self.log_dir = log_dir or run_dir.parent / "log"
        self._children = {spec.name: _Child(spec) for spec in specs}
        self._lock: int | None = None
        self._asked = False
        self._up = threading.Event()
        self._failure: SupervisorError | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start everything in order and return once all is ready.

        Returns early, with nothing left running, if :meth:`ask_to_stop` is called meanwhile. Raises
        :class:`AlreadyRunningError` or :class:`StartError`; nothing is left running then either.
        """
        self.run_dir.mkdir(parents=True, exist_ok=True)
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(self.run_dir / "lock")
        _end_leftovers(self._status_file)
        # Not a daemon: the interpreter waits for it, and it ends only when the last child is gone.
        self._thread = threading.Thread(target=self._keep, name="supervisor")
        self._thread.start()
        self._up.wait()
        if self._failure is not None:
            self._finish()
            raise self._failure

    def ask_to_stop(self) -> None:
        """Begin to end everything; fit for a signal handler (takes no lock)."""
        self._asked = True

    def wait(self) -> None:
        """Return when the house has come down: somebody asked for it, or :attr:`failure` says why."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(0.5)

    def stop(self) -> None:
        """End everything, dependents first; return when no child is left."""
        self.ask_to_stop()
        self._finish()

    def __enter__(self) -> Supervisor:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def pid_of(self, name: str) -> int:
        """Process number of a child. Raises SupervisorError while it is down."""
        process = self._children[name].process
        if process is None or process.returncode is not None:
            raise SupervisorError(f"{name} is not running")
        return process.pid

    @property
    def failure(self) -> SupervisorError | None:
        """Why the house fell by itself; None while it stands or was stopped."""
        return self._failure

    def starts_of(self, name: str) -> int:
        """How often a child was started so far."""
        return self._children[name].starts

    def is_ready(self, name: str) -> bool:
        """Whether a child runs (or ran, if ``once``) and has answered its probe since its last start."""
        return self._children[name].ready

    # ---- the one thread that starts, watches and ends ------------------------------------------------------------

    def _keep(self) -> None:
        try:
            while not self._asked:
                for child in self._children.values():
                    self._look_after(child)
                if not self._up.is_set() and all(child.ready for child in self._children.values()):
                    self._up.set()
                _pause()
        except SupervisorError as error:
            self._failure = error
        except Exception as error:  # whatever happened, the children must go with this thread
            log.exception("supervisor_failed")
            self._failure = SupervisorError(str(error))
        finally:
            self._end_all()
            self._up.set()

    def _look_after(self, child: _Child) -> None:
        spec, now = child.spec, time.monotonic()
        if child.process is not None and child.process.poll() is None:
            if not child.ready:
                child.ready = not spec.once and (spec.ready is None or spec.ready())
                if not child.ready and now - child.started > spec.start_seconds:
                    if not self._up.is_set():
                        raise self._failed(child, f"was not ready after {spec.start_seconds:.0f} s")
                    log.error("not_ready", child=spec.name)
                    child.kill_group(signal.SIGKILL)
            _put_aside(self._log_file(child))
        elif child.process is not None:
            self._bury(child)
        elif self._may_start(child, now):
            self._spawn(child)

    def _may_start(self, child: _Child, now: float) -> bool:
        done = child.spec.once and child.ready
        return not done and now >= child.due and all(self._children[name].ready for name in child.spec.needs)

    def _bury(self, child: _Child) -> None:
        """A child has ended: note it and take what is left of its group with it."""
        assert child.process is not None
        code = child.process.returncode
        child.kill_group(signal.SIGKILL)
        child.process = None
        child.ready = child.spec.once and code == 0
        self._write_status()
        if not child.ready:
            self._died(child, f"ended with {_spoken(code)}")

    def _died(self, child: _Child, how: str) -> None:
        """Plan a new start; while the house is still coming up, give up instead."""
        if not self._up.is_set():
            raise self._failed(child, how)
        now = time.monotonic()
        if now - child.started > STEADY:
            child.pause = FIRST_PAUSE
        child.due = now + child.pause
        log.warning("process_died", child=child.spec.name, how=how, restart_in=child.pause)
        child.pause = min(child.pause * 2, LONGEST_PAUSE)

    def _spawn(self, child: _Child) -> None:
        spec = child.spec
        child.started = time.monotonic()
        try:
            argv = spec.argv() if callable(spec.argv) else spec.argv
            command = [sys.executable, "-I", "-S", LAUNCHER, str(os.getpid()), *argv]
            with self._log_file(child).open("ab") as output:
                child.process = subprocess.Popen(
                    command,
                    env={**os.environ, **spec.env},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                )
        except Exception as error:  # no memory, a full disk, a preparation that failed: may pass
            self._died(child, f"could not be started: {error}")
            return
        child.starts += 1
        child.stop_asked = None
        self._write_status()
        log.debug("process_started", child=spec.name, pid=child.process.pid)

    def _end_all(self) -> None:
        """Ask each to end as soon as no other that needs it is alive; kill the group of who takes too long."""
        while alive := [child for child in self._children.values() if child.alive]:
            needed = {name for child in alive for name in child.spec.needs}
            for child in alive:
                child.ready = False
                process = child.process
                if process is None or process.poll() is not None:
                    child.kill_group(signal.SIGKILL)
                    continue
                if child.stop_asked is None and child.spec.name not in needed:
                    child.stop_asked = time.monotonic()
                    process.send_signal(child.spec.stop_signal)
                elif child.stop_asked is not None and time.monotonic() - child.stop_asked > child.spec.stop_seconds:
                    log.warning("process_killed", child=child.spec.name)
                    child.kill_group(signal.SIGKILL)
            _pause()
        self._write_status()

    def _failed(self, child: _Child, what: str) -> StartError:
        path = self._log_file(child)
        lines = path.read_text(errors="replace").splitlines()[-15:] if path.exists() else []
        return StartError("\n    ".join([f"{child.spec.name} {what}. The end of {path}:", *lines]))

    # ---- files -----------------------------------------------------------------------------------------------------

    @property
    def _status_file(self) -> Path:
        return self.run_dir / "processes.json"

    def _log_file(self, child: _Child) -> Path:
        return self.log_dir / f"{child.spec.name}.log"

    def _write_status(self) -> None:
        status = {
            name: {"pid": child.process.pid, "born": _born(child.process.pid)}
            for name, child in self._children.items()
            if child.process is not None and child.process.returncode is None
        }
        fresh = self._status_file.with_suffix(".new")
        fresh.write_text(json.dumps(status, indent=1))
        fresh.replace(self._status_file)

    def _finish(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def running(run_dir: Path) -> dict[str, int]:
    """Names and process numbers of what a supervisor keeps in ``run_dir`` now; empty if nothing runs there."""
    return {name: pid for name, (pid, born) in _read_status(run_dir / "processes.json").items() if _born(pid) == born}


def _take_lock(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 32, 0).decode().strip()
        os.close(handle)
        raise AlreadyRunningError(f"Callfloor runs already in {path.parent} (process {holder})") from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def _end_leftovers(status_file: Path) -> None:
    """End what an earlier, killed supervisor of this installation may have left.

    Its children get their signal from the kernel; one that ends slowly (a database server) is waited for.
    """
    left = dict(_read_status(status_file).values())
    for last_word in (signal.SIGKILL, None):
        deadline = time.monotonic() + PATIENCE
        while any(_born(pid) == born for pid, born in left.items()) and time.monotonic() < deadline:
            _pause()
        for pid, born in left.items():
            if _born(pid) != born:
                continue
            if last_word is None:
                raise SupervisorError(f"Process {pid} of an earlier run does not end")
            log.warning("leftover_killed", pid=pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, last_word)


def _read_status(path: Path) -> dict[str, tuple[int, int]]:
    try:
        status = json.loads(path.read_text())
        return {str(name): (int(entry["pid"]), int(entry["born"])) for name, entry in status.items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def _born(pid: int) -> int:
    """Instant a process was born (clock ticks since boot); with the number it names a process for good. -1: none."""
    try:
        # proc_pid_stat(5): the name in brackets may hold anything; after it come state (3) and starttime (22).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])


def _put_aside(path: Path) -> None:
    """Keep the log in bounds. The child goes on writing (it appends), so the file is copied and emptied."""
    if path.stat().st_size > LOG_BYTES:
        shutil.copyfile(path, path.with_suffix(".log.1"))
        os.truncate(path, 0)


def _pause() -> None:
    time.sleep(TICK)


def _spoken(code: int) -> str:
    return f"status {code}" if code >= 0 else signal.Signals(-code).name
