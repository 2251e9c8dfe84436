"""What every request of the web process stands on: settings, clock, database, bus, live updates and keys."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from agent_ui.live import Hub
from core.bus import Bus
from core.clock import Clock
from core.db import Database
from core.security import Keys
from core.settings import Settings


@dataclass(frozen=True)
class Site:
    """One web process. It keeps nothing of its own: any number may run."""

    settings: Settings
    clock: Clock
    database: Database
    bus: Bus
    hub: Hub
    keys: Keys


def site_of(connection: HTTPConnection) -> Site:
    """The site that serves a request or WebSocket."""
    found = connection.app.state.site
    assert isinstance(found, Site)
    return found
