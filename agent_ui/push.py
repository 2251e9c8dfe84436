"""One loop for every page that updates itself: look, send what differs, wait for news."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from prometheus_client import Counter, Gauge
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from agent_ui.context import site_of
from agent_ui.identity import RefusedError, User, find_user, refuse_foreign
from agent_ui.live import Concerns
from core.models import Role

log = structlog.get_logger()

PUSHES = Counter("callfloor_web_pushes", "Updates pushed to pages")
PAGES_OPEN = Gauge("callfloor_web_sockets", "Pages that receive updates")

LOGIN_OVER: Final = 4401  # close code: the page goes to the login
FORBIDDEN: Final = 4403
LOOK_AGAIN: Final = 10.0  # seconds without news: times pass too (call-backs fall due, windows open)
DATABASE_AWAY: Final = (OperationalError, InterfaceError, PoolTimeoutError, ConnectionError)

Look = Callable[[User], Awaitable[dict[str, str]]]


async def push(socket: WebSocket, role: Role, concerns: Concerns, look: Look, *, pause: float) -> None:
    """Serve one WebSocket until its page goes away.

    Args:
        role: the least the login must have.
        concerns: which news is about this page.
        look: what the page should show now, by piece; only pieces that changed are sent, all of them first.
        pause: least seconds between two looks.
    """
    try:
        refuse_foreign(socket)
        user = await find_user(socket)
    except RefusedError:
        user = None
    await socket.accept()
    if user is None or not user.may(role):
        await socket.close(LOGIN_OVER if user is None else FORBIDDEN)
        return
    PAGES_OPEN.inc()
    gone = asyncio.create_task(_until_gone(socket))
    sending = asyncio.create_task(_send(socket, concerns, look, pause))
    try:
        await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        PAGES_OPEN.dec()
        for task in (gone, sending):
            task.cancel()
        ended = await asyncio.gather(gone, sending, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception) and not isinstance(error, (WebSocketDisconnect, RuntimeError)):
            raise error


async def _until_gone(socket: WebSocket) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass


async def _send(socket: WebSocket, concerns: Concerns, look: Look, pause: float) -> None:
    site = site_of(socket)
    shown: dict[str, str] = {}
    with site.hub.waiter(concerns) as waiter:
        while True:
            try:
                user = await find_user(socket)
                if user is None:
                    await socket.close(LOGIN_OVER)
                    return
                seen = await look(user)
            except DATABASE_AWAY as error:
                log.warning("push_waits", why=type(error).__name__)
                await asyncio.sleep(1)
                continue
            changed = [piece for name, piece in seen.items() if shown.get(name) != piece]
            if changed:
                await socket.send_text("".join(changed))
                PUSHES.inc()
            shown = seen
            await asyncio.sleep(pause)
            await waiter.wait(LOOK_AGAIN)
