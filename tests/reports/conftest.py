"""A morning of calls to report on."""

from __future__ import annotations

import pytest

from core.clock import ManualClock
from core.db import Database
from core.models import Brand
from tests.agent_ui.world import World, build


@pytest.fixture
async def world(database: Database, clock: ManualClock, brand: Brand) -> World:
    """A campaign with two agents and sixteen debtors, nothing dialled yet."""
    return await build(database, clock, brand)
