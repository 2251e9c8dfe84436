"""What an engine counts for Prometheus. Reports are made from the database; these tell how the process itself does."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

LAUNCHED: Final = Counter("callfloor_calls_launched_total", "Attempts committed and sent to media", ["mode"])
ENDED: Final = Counter("callfloor_calls_ended_total", "Attempts that ended", ["outcome"])
EVENTS: Final = Counter("callfloor_media_events_total", "Events of media and detector, handled once each", ["kind"])
BATCH: Final = Histogram(
    "callfloor_engine_batch_seconds",
    "One transaction of events, from its begin to its commit",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
)
RECOVERIES: Final = Counter("callfloor_engine_recoveries_total", "Times a campaign was read anew after a loss")
CALLS: Final = Gauge("callfloor_calls_up", "Attempts without an end", ["campaign"])
AGENTS: Final = Gauge("callfloor_agents", "Agents in a shift by state", ["campaign", "state"])
