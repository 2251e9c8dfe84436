"""The shared clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import ManualClock, SystemClock
from core.settings import Settings

pytestmark = pytest.mark.unit

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_processes_that_share_start_and_epoch_share_the_time() -> None:
    epoch = time.time() - 60.0
    first, second = (Settings(clock_start=START, clock_epoch=epoch).clock() for _ in range(2))
    assert abs((first.now() - second.now()).total_seconds()) < 5.0
    assert START + timedelta(seconds=60) <= first.now() < START + timedelta(seconds=120)


def test_a_start_without_its_epoch_is_refused() -> None:
    with pytest.raises(ValueError, match="both or neither"):
        Settings(clock_start=START).clock()


def test_without_a_start_it_is_the_machines_clock() -> None:
    clock = Settings().clock()
    assert isinstance(clock, SystemClock)
    assert clock.offset == 0.0


async def test_a_manual_clock_stands_until_moved() -> None:
    clock = ManualClock(START)
    assert clock.now() == clock.now() == START
    await clock.sleep(90)
    assert clock.now() == START + timedelta(seconds=90)
    assert clock.timestamp() == clock.now().timestamp()
