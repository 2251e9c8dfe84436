"""The web process: uvicorn around the application."""

from __future__ import annotations

import uvicorn

from agent_ui.app import create_app
from core import tables
from core.process import forget_imports
from core.settings import Settings

DRAIN_SECONDS = 3  # open WebSockets are told to come back; browsers reconnect by themselves


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished first."""
    tables.load()
    app = create_app(settings)
    forget_imports()
    uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.web_host,
            port=settings.web_port,
            log_config=None,  # logs are set up by the command
            access_log=False,  # addresses of pages hold ids; the metrics count requests
            server_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            ws_ping_interval=20,
            ws_ping_timeout=20,
        )
    ).run()
