"""A running engine in the test's own process, on the test's database and bus, with media scripted by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.clock import Clock
from core.settings import Settings
from dialer.engine.process import Engine


@pytest.fixture
def clock(settings: Settings) -> Clock:
    """The shared clock, which runs."""
    return settings.clock()


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    """One engine."""
    stop = asyncio.Event()
    made = Engine(settings)
    task = asyncio.create_task(made.run(stop))
    yield made
    stop.set()
    await task
