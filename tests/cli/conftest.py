"""The ``callfloor`` command as an operator runs it."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from cli.main import app
from core import telemetry
from core.settings import Settings
from core.settings import settings as cached
from tests.support.processes import environment


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def callfloor(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``callfloor ARGUMENTS`` here with the test's settings (``changed`` by keyword) and ``typed`` as its input.

    In a thread of its own: commands have an event loop of their own, as many tests do.
    """
    monkeypatch.setattr(telemetry, "configure", lambda *_: None)  # the logs of this process are not the command's

    def act(arguments: tuple[str, ...]) -> Done:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                app(list(arguments), prog_name="callfloor")
                code = 0
            except SystemExit as end:  # as the interpreter treats it: a text is told, and is a failure
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
                if isinstance(end.code, str):
                    print(end.code, file=err)
        return Done(code, out.getvalue(), err.getvalue())

    def run(*arguments: str, typed: str = "", **changed: object) -> Done:
        with monkeypatch.context() as here, ThreadPoolExecutor(1) as thread:
            for name, value in environment(settings.model_copy(update=changed)).items():
                here.setenv(name, value)
            here.setattr("sys.stdin", io.StringIO(typed))
            try:
                return thread.submit(act, arguments).result()
            finally:
                cached.cache_clear()

    return run
