"""The manager's pages: contact rates, the call log, and both as files."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from agent_ui import words
from agent_ui.context import Site, site_of
from agent_ui.i18n import Speech
from agent_ui.identity import Manager, RefusedError, User, transaction
from agent_ui.render import page, speech_of
from dialer.call import Outcome
from dialer.campaigns.models import Campaign
from reports import calls, exports, statistics

router = APIRouter(prefix="/reports")

HEADINGS = {
    "id": "Id",
    "time": "Time",
    "campaign": "Campaign",
    "hour": "Hour",
    "outcome": "Outcome",
    "debtor": "Debtor",
    "reference": "Reference",
    "phone": "Phone",
    "caller_id": "Caller ID",
    "disposition": "Disposition",
    "agent": "Agent",
    "dials": "Dials",
    "answered": "Answered",
    "live": "Live",
    "reached": "Reached agent",
    "right_party": "Right party",
    "abandoned": "Abandoned",
    "ring_seconds": "Ringing (s)",
    "wait_seconds": "Waiting (s)",
    "talk_seconds": "Talk (s)",
    "sip_code": "SIP code",
    "contact_rate": "Contact rate (%)",
    "total": "Total",
    "calls": "Calls",
    "by_campaign": "By campaign",
    "by_hour": "By hour",
    "by_outcome": "By outcome",
}

Day = Annotated[date | None, Query()]
Which = Annotated[str, Query(max_length=40)]


def scope_of(
    site: Site, user: User, first: date | None, last: date | None, campaign: str, outcome: str
) -> statistics.Scope:
    """The filter as asked for; without days: today. Days the wrong way round are turned."""
    today = site.clock.now().astimezone(ZoneInfo(user.zone)).date()
    begin, end = first or last or today, last or first or today
    try:
        campaign_id = UUID(campaign) if campaign else None
    except ValueError:
        raise HTTPException(404) from None
    return statistics.Scope(
        first=min(begin, end),
        last=max(begin, end),
        zone=user.zone,
        campaign_id=campaign_id,
        outcome={"": None, "none": ""}.get(outcome, outcome),
    )


@router.get("")
async def show(
    request: Request, user: Manager, first: Day = None, last: Day = None, campaign: Which = "", outcome: Which = ""
) -> Response:
    """Contact rates by campaign, hour and outcome."""
    site = site_of(request)
    scope = scope_of(site, user, first, last, campaign, outcome)
    async with transaction(site, user) as session:
        await one_snapshot(session)
        total = await statistics.total(session, scope)
        groups = {group: await statistics.by(session, scope, group) for group in statistics.GROUPS}
        choices = await _choices(session)
    return page(request, "reports.html", user, scope=scope, total=total, groups=groups, **choices)


@router.get("/calls")
async def log(
    request: Request,
    user: Manager,
    first: Day = None,
    last: Day = None,
    campaign: Which = "",
    outcome: Which = "",
    before: Annotated[UUID | None, Query()] = None,
) -> Response:
    """The call log, newest first."""
    site = site_of(request)
    scope = scope_of(site, user, first, last, campaign, outcome)
    async with transaction(site, user) as session:
        await one_snapshot(session)
        total = await statistics.total(session, scope)
        rows, following = await calls.page_of(session, scope, before)
        choices = await _choices(session)
    return page(
        request,
        "calls.html",
        user,
        scope=scope,
        total=total,
        calls=rows,
        before=before,
        following=following,
        **choices,
    )


@router.get("/calls.csv")
async def calls_csv(
    request: Request,
    user: Manager,
    first: Day = None,
    last: Day = None,
    campaign: Which = "",
    outcome: Which = "",
    dialect: Which = "",
) -> Response:
    """The call log as CSV, streamed."""
    site, speech = site_of(request), speech_of(request, user)
    scope = scope_of(site, user, first, last, campaign, outcome)
    told, heading = _texts(speech)

    async def pieces() -> AsyncIterator[bytes]:
        async with transaction(site, user) as session:
            async for piece in exports.calls_csv(
                session, scope, _dialect(dialect, speech), told, heading, speech.language
            ):
                yield piece

    return StreamingResponse(pieces(), media_type="text/csv; charset=utf-8", headers=_file("calls", scope, "csv"))


@router.get("/statistics.csv")
async def statistics_csv(
    request: Request,
    user: Manager,
    by: Which = "campaign",
    first: Day = None,
    last: Day = None,
    campaign: Which = "",
    outcome: Which = "",
    dialect: Which = "",
) -> Response:
    """One table of statistics as CSV."""
    site, speech = site_of(request), speech_of(request, user)
    scope = scope_of(site, user, first, last, campaign, outcome)
    if by not in statistics.GROUPS:
        raise HTTPException(404)
    told, heading = _texts(speech)
    async with transaction(site, user) as session:
        await one_snapshot(session)
        text = await exports.statistics_csv(session, scope, by, _dialect(dialect, speech), told, heading)
    return Response(text, media_type="text/csv; charset=utf-8", headers=_file(f"by-{by}", scope, "csv"))


@router.get("/report.xlsx")
async def workbook(
    request: Request, user: Manager, first: Day = None, last: Day = None, campaign: Which = "", outcome: Which = ""
) -> Response:
    """Everything in one workbook, all of one moment."""
    site, speech = site_of(request), speech_of(request, user)
    scope = scope_of(site, user, first, last, campaign, outcome)
    told, heading = _texts(speech)
    path = Path(await asyncio.to_thread(_scratch))
    try:
        async with transaction(site, user) as session:
            await one_snapshot(session)
            if (await statistics.total(session, scope)).dials > exports.MOST_CALLS:
                raise RefusedError("Too many calls for one workbook: choose fewer days, or take the call log as CSV.")
            await exports.write_xlsx(session, scope, path, told, heading, speech.language)
    except BaseException:
        await asyncio.to_thread(path.unlink, missing_ok=True)
        raise
    return FileResponse(
        path,
        media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers=_file("report", scope, "xlsx"),
        background=BackgroundTask(path.unlink, missing_ok=True),
    )


async def one_snapshot(session: AsyncSession) -> None:
    """All queries of the transaction see one moment: totals and tables agree while calls go on."""
    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


async def _choices(session: AsyncSession) -> dict[str, Any]:
    campaigns = (await session.exec(select(Campaign).order_by(Campaign.name))).all()
    return {"campaigns": list(campaigns), "outcomes": [str(outcome) for outcome in Outcome]}


def _texts(speech: Speech) -> tuple[Callable[[str], str], Callable[[str], str]]:
    return (
        lambda code: speech.text(words.outcome(code or None)),
        lambda name: speech.text(HEADINGS[name]),
    )


def _dialect(asked: str, speech: Speech) -> exports.Dialect:
    return exports.DIALECTS.get(asked) or exports.DIALECTS[speech.language]


def _file(name: str, scope: statistics.Scope, kind: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}-{scope.first}-{scope.last}.{kind}"'}


def _scratch() -> str:
    with tempfile.NamedTemporaryFile(prefix="callfloor-", suffix=".xlsx", delete=False) as file:
        return file.name
