"""A process ends cleanly when it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.unit

PROGRAM = """
import asyncio, sys
from core.process import run_async
async def main(stop):
    print("up", flush=True)
    await {wait}
    print("done", flush=True)
run_async(main)
"""


def started(wait: str) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(wait=wait)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    return child


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_it_finish(number: signal.Signals) -> None:
    child = started("stop.wait()")
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert (out, err, child.returncode) == ("done\n", "", 0)


def test_a_second_signal_ends_it_where_it_stands() -> None:
    child = started("(stop.wait()); print('told', flush=True); await asyncio.sleep(600)")
    assert child.stdout is not None
    child.send_signal(signal.SIGTERM)
    assert child.stdout.readline() == "told\n"
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=30)
    assert (out, child.returncode) == ("", 0)


def test_a_failure_is_an_exit_code() -> None:
    child = started("asyncio.sleep(0); raise RuntimeError('boom')")
    _, err = child.communicate(timeout=30)
    assert child.returncode == 1
    assert "boom" in err
