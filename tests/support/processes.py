"""Child processes of a test: ``callfloor <command>`` with the test's settings, ended by their ids."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from core.settings import Settings
from tests.support.until import wait_until

TERM_SECONDS = 15
TAIL_BYTES = 6_000


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which a child sees exactly ``settings``."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CALLFLOOR_")}
    ours["CALLFLOOR_CONFIG"] = os.devnull
    ours["PYTHONUNBUFFERED"] = "1"
    for name, value in settings:
        if value is None:
            continue
        if isinstance(value, datetime):
            value = value.isoformat()
        ours[f"CALLFLOOR_{name.upper()}"] = value if isinstance(value, str) else _text(value)
    return ours


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, list | dict | tuple) else str(value)


class Child:
    """A started process and the file its standard error goes to."""

    def __init__(self, name: str, argv: list[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        setpriv = shutil.which("setpriv")
        if setpriv is not None:  # a killed test run leaves no orphans
            argv = [setpriv, "--pdeathsig=KILL", "--", *argv]
        with log.open("ab") as sink:
            self.popen = subprocess.Popen(argv, env=dict(env), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.popen.poll() is None

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.popen.kill()
        self.popen.wait()

    def stop(self, seconds: float = TERM_SECONDS) -> int:
        """SIGTERM, after ``seconds`` SIGKILL; its exit code."""
        if self.alive:
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.popen.wait()

    def wait_until(self, happened: Callable[[], bool], seconds: float = 30.0) -> None:
        """Poll ``happened`` while the process lives; AssertionError with its log's tail if it doesn't come."""

        def here() -> bool:
            if happened():
                return True
            assert self.alive, f"{self.name} ended with {self.popen.returncode}:\n{self.tail()}"
            return False

        try:
            wait_until(here, seconds, self.name)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None

    def tail(self) -> str:
        """The end of its standard error and output."""
        return self.log.read_bytes()[-TAIL_BYTES:].decode(errors="replace")


class Processes:
    """Starts children and, at the test's end, ends them in reverse order."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self.children: list[Child] = []

    def start(self, command: str, *arguments: str, name: str | None = None, **overrides: object) -> Child:
        """Start ``callfloor <command> <arguments>``; ``overrides`` change single settings for it."""
        settings = self.settings.model_copy(update=overrides)
        script = Path(sys.executable).with_name("callfloor")
        return self.run([str(script), command, *arguments], name=name or command, env=environment(settings))

    def run(self, argv: list[str], *, name: str, env: Mapping[str, str] | None = None) -> Child:
        """Start any other program."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / f"{name}-{len(self.children)}.txt"
        child = Child(name, argv, environment(self.settings) if env is None else env, log)
        self.children.append(child)
        return child

    def stop(self) -> None:
        """End all that still run."""
        for child in reversed(self.children):
            child.stop()
