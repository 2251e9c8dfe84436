"""Does it answer? Quick questions to the processes, for the supervisor and for container health checks.

None raises: whoever can't be asked is not ready.
"""

from __future__ import annotations

import http.client
import socket

from core import embedded
from core.settings import Settings

SECONDS = 1.0  # a probe's patience


def web(settings: Settings) -> bool:
    """The web server answers ``/healthz`` with 200."""
    connection = http.client.HTTPConnection(_reachable(settings.web_host), settings.web_port, timeout=SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def media(settings: Settings) -> bool:
    """The media process accepts SIP over TCP."""
    return listening(settings.media_host, settings.media_sip_port)


def database(settings: Settings) -> bool:
    """PostgreSQL answers a query."""
    return embedded.postgres_ready(settings)


def bus(settings: Settings) -> bool:
    """Redis answers a PING."""
    return embedded.redis_ready(settings)


def listening(host: str, port: int) -> bool:
    """Somebody accepts TCP connections there."""
    try:
        socket.create_connection((_reachable(host), port), SECONDS).close()
    except OSError:
        return False
    return True


PROBES = {"web": web, "media": media, "database": database, "bus": bus}


def _reachable(host: str) -> str:
    """An address to connect to, given one to listen on."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
