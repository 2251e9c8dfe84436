"""The import of a large list (``benchmarks/import_.py``) on a database of the bench's own."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks import import_
from benchmarks.place import connected, database_only, installation
from benchmarks.table import Figure, at_most
from core.settings import Settings

NAME = "import"


def bench(rows: int = 1_000_000) -> list[Figure]:
    """Import ``rows`` rows."""
    with installation() as settings, database_only(settings):
        told = asyncio.run(_import(settings, rows))
    accounted = told["accepted"] + told["rejected"] + told["duplicates"]
    return [
        Figure(NAME, "rows", told["rows"]),
        Figure(NAME, "rows accounted for", accounted, "", f"= {told['rows']:,}", accounted == told["rows"]),
        Figure(NAME, "seconds", told["seconds"], "s"),
        Figure(NAME, "speed", told["rows_per_second"], "rows/s"),
        at_most(NAME, "peak memory of the importer", told["peak_mb"], "MB", 500.0),
    ]


async def _import(settings: Settings, rows: int) -> dict[str, Any]:
    async with connected(settings) as database:
        return await import_.bench(database, rows)
