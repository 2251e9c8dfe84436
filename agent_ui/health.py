"""What operators' machines ask of the web process: is it well, and its figures."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from agent_ui.context import site_of
from agent_ui.identity import RefusedError, find_user
from agent_ui.push import DATABASE_AWAY
from core.bus import LOST
from core.models import Role

PROXY_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")

router = APIRouter()


@router.get("/healthz")
async def healthz(request: Request) -> Response:
    """200 if the database answers; without Redis the pages go on, more slowly, so it is told but no failure."""
    site = site_of(request)
    database = redis = True
    try:
        async with site.database.begin() as session:
            await (await session.connection()).execute(text("SELECT 1"))
    except DATABASE_AWAY:
        database = False
    try:
        await site.bus.redis.ping()
    except LOST:
        redis = False
    return JSONResponse({"ok": database, "database": database, "redis": redis}, 200 if database else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus figures of this process: for machines nearby, and for administrators from anywhere.

    Raises:
        RefusedError: it came through a proxy or from a public address, without an administrator's login.
    """
    if not nearby(request):
        user = await find_user(request)
        if user is None or not user.may(Role.ADMIN):
            raise RefusedError("Figures are shown to machines nearby and to administrators.")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def nearby(request: Request) -> bool:
    """Whether the request came straight from this machine or a private network (RFC 1918, RFC 4193), by no proxy."""
    if request.client is None or any(name in request.headers for name in PROXY_HEADERS):
        return False
    try:
        return ip_address(request.client.host).is_private
    except ValueError:
        return False
