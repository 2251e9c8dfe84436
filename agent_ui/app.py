"""The web application: pages, JSON, WebSockets, static files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from agent_ui import health, login, manager
from agent_ui.context import Site
from agent_ui.desk import api as desk_api
from agent_ui.desk import pages as desk_pages
from agent_ui.desk import requests as desk_requests
from agent_ui.desk.actions import DeskError
from agent_ui.floor import campaigns as floor_campaigns
from agent_ui.floor import lists as floor_lists
from agent_ui.floor import pages as floor_pages
from agent_ui.headers import SecurityHeaders
from agent_ui.identity import LoginFailedError, NotLoggedInError, RefusedError, find_user
from agent_ui.live import Hub
from agent_ui.push import DATABASE_AWAY
from agent_ui.render import page, partial, render, speech_of
from core import embedded
from core.bus import Bus
from core.db import Database
from core.security import Keys
from core.settings import Settings
from dialer.agents.dispositions import DispositionError
from dialer.agents.states import SessionError

ROOT: Final = Path(__file__).parent
HTMX: Final = ROOT.parent / "node_modules" / "htmx.org" / "dist"
ROUTERS: Final = (
    login.router,
    desk_pages.router,
    desk_requests.router,
    desk_api.router,
    floor_pages.router,
    floor_campaigns.router,
    floor_lists.router,
    manager.router,
    health.router,
)


def create_app(settings: Settings) -> FastAPI:
    """The application of one web process; it connects when it starts and reads the bus while it runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database(embedded.postgres_url(settings), pool=settings.database_pool)
        bus = Bus(embedded.redis_url(settings))
        hub = Hub(bus)
        app.state.site = Site(settings, settings.clock(), database, bus, hub, Keys.load(settings))
        reading = asyncio.create_task(hub.run())
        try:
            yield
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
            await bus.close()
            await database.close()

    app = FastAPI(title="Callfloor", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(SecurityHeaders)
    app.mount("/static/vendor", StaticFiles(directory=HTMX, check_dir=False), name="vendor")
    app.mount("/static", StaticFiles(directory=ROOT / "static"), name="static")
    for router in ROUTERS:
        app.include_router(router)
    _tell_errors(app)
    return app


def _tell_errors(app: FastAPI) -> None:
    """Every error becomes one clear sentence: JSON for machines, a page for people."""

    @app.exception_handler(NotLoggedInError)
    async def not_logged_in(request: Request, error: NotLoggedInError) -> Response:
        if _is_machine(request):
            return JSONResponse({"error": "Log in first."}, 401)
        if "hx-request" in request.headers:
            return Response(status_code=204, headers={"HX-Redirect": "/login"})
        return RedirectResponse(f"/login?to={quote(request.url.path)}", 303)

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        return await _told(request, 403, str(error))

    @app.exception_handler(LoginFailedError)
    async def login_failed(request: Request, error: LoginFailedError) -> Response:
        return await _told(request, 401, str(error))

    async def conflict(request: Request, error: Exception) -> Response:
        return await _told(request, 409, str(error))

    for refusal in (SessionError, DispositionError, DeskError):
        app.add_exception_handler(refusal, conflict)

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, error: RequestValidationError) -> Response:
        fields = sorted({str(fault["loc"][-1]) for fault in error.errors()})
        return await _told(request, 422, f"Not understood: {', '.join(fields)}")

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return await _told(
            request, error.status_code, "There is no such page." if error.status_code == 404 else error.detail
        )

    async def away(request: Request, error: Exception) -> Response:
        return await _told(request, 503, "The database is away for a moment: try again.")

    for loss in DATABASE_AWAY:
        app.add_exception_handler(loss, away)


def _is_machine(request: Request) -> bool:
    return request.url.path.startswith("/api/")


async def _told(request: Request, status: int, text: str) -> Response:
    if _is_machine(request):
        return JSONResponse({"error": text}, status)
    user = None
    with suppress(*DATABASE_AWAY):
        user = await find_user(request)
    told = speech_of(request, user).error(text)
    if "hx-request" in request.headers:
        html = partial("#notice", render("notice.html", speech_of(request, user), text=told), "innerHTML")
        return Response(html, status, media_type="text/html")
    return page(request, "error.html", user, status=status, text=told, code=status)
