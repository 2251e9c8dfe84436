"""A portfolio, and an importer into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cases.importing.service import import_file
from cases.models import ImportBatch, Portfolio
from core.clock import ManualClock
from core.db import Database
from core.models import Brand
from tests.support.imports import KEYS, Importer
from tests.support.people import portfolio_of


@pytest.fixture
async def portfolio(database: Database, clock: ManualClock, brand: Brand) -> Portfolio:
    async with database.begin() as session:
        return await portfolio_of(session, clock, brand)


@pytest.fixture
def importer(database: Database, clock: ManualClock, portfolio: Portfolio, tmp_path: Path) -> Importer:
    """Writes a file and imports it."""

    async def run(content: str | bytes, encoding: str = "utf-8", **options: Any) -> ImportBatch:
        path = tmp_path / options.pop("name", "plik.csv")
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        into = options.pop("into", portfolio)
        return await import_file(database, clock, KEYS, path, into.id, **options)

    return run
