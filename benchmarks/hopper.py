"""The hopper on a table of a million leads: 50 picks of 20, each in a transaction of its own that takes what it got."""

from __future__ import annotations

import asyncio
import time

from benchmarks.place import campaign, connected, database_only, installation
from benchmarks.table import Figure, at_most, percentile
from core.settings import Settings
from dialer.campaigns.hopper import pick
from dialer.campaigns.models import LeadState

NAME = "hopper"
PICKS = 50
COUNT = 20


def bench(leads: int = 1_000_000) -> list[Figure]:
    """Fill the table, then pick."""
    with installation() as settings, database_only(settings):
        took = asyncio.run(_picks(settings, leads))
    return [
        Figure(NAME, "leads in the table", leads),
        Figure(NAME, f"pick of {COUNT}, p50", percentile(took, 0.5), "ms"),
        at_most(NAME, f"pick of {COUNT}, p95", percentile(took, 0.95), "ms", 20.0),
    ]


async def _picks(settings: Settings, leads: int) -> list[float]:
    """Milliseconds of each pick."""
    took = []
    clock = settings.clock()
    async with connected(settings) as database:
        world = await campaign(settings, database, leads=leads, agents=0)
        for _ in range(PICKS):
            async with database.begin() as s:
                begin = time.perf_counter()
                picked = await pick(s, world.id, clock.now(), COUNT)
                took.append(1000 * (time.perf_counter() - begin))
                for lead in picked:
                    lead.state = LeadState.IN_FLIGHT
                    s.add(lead)
            if len(picked) != COUNT:
                raise RuntimeError(f"the hopper gave {len(picked)} of {COUNT} leads")
    return took
