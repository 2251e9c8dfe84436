"""What operators' machines ask of the web process: is it well, and its figures."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from agent_ui.context import site_of
from agent_ui.push import DATABASE_AWAY
from core.bus import LOST

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
async def metrics() -> Response:
    """Prometheus figures of this process."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
