"""Prometheus metrics of a process: each lives beside the code it counts; here they are served.

Web shows its own at ``/metrics``. With ``metrics_port`` set every other process serves on a port of its own from there
on, in the order of :data:`OFFSETS`, on the address web listens on.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import start_http_server

from core.settings import Settings

OFFSETS: Final = {"engine": 0, "media": 1, "detector": 2, "worker": 3}


def serve(settings: Settings, process: str) -> int | None:
    """Serve this process's metrics; the port, None if it serves none."""
    if not settings.metrics_port or process not in OFFSETS:
        return None
    port = settings.metrics_port + OFFSETS[process]
    start_http_server(port, addr=settings.web_host)
    return port
