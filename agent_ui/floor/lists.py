"""Uploading a list: choose a file, look at its columns, bring it in, watch it go."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Annotated, Any, BinaryIO
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.exceptions import HTTPException

from agent_ui.context import Site, site_of
from agent_ui.floor.jobs import bring_in
from agent_ui.floor.uploads import LARGEST, Order, Step, Upload
from agent_ui.identity import Supervisor, User, transaction
from agent_ui.render import page, render, speech_of
from cases.importing.columns import Column, MappingError, columns_of
from cases.importing.reader import BrokenFileError
from cases.models import Creditor, ImportBatch, Portfolio
from core.ids import new_id
from core.jobs import defer_in
from dialer.campaigns.models import Campaign

router = APIRouter(prefix="/floor/upload")

Short = Annotated[str, Form(max_length=120)]


class UploadError(Exception):
    """The upload can't be taken so; the text says why."""


@router.get("")
async def blank(request: Request, user: Supervisor, campaign: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Choose a file and where it goes."""
    return await _blank(request, user, {"campaign_id": campaign}, "")


@router.post("")
async def take(
    request: Request,
    user: Supervisor,
    file: Annotated[UploadFile | None, File()] = None,
    campaign_id: Annotated[str, Form(max_length=40)] = "",
    portfolio_id: Annotated[str, Form(max_length=40)] = "",
    creditor: Short = "",
    portfolio: Short = "",
    list_name: Short = "",
    priority: Annotated[int, Form(ge=-1000, le=1000)] = 0,
) -> Response:
    """Keep the file and show its columns; what was typed stays when something is wrong."""
    site = site_of(request)
    typed = {
        "campaign_id": campaign_id,
        "portfolio_id": portfolio_id,
        "creditor": creditor,
        "portfolio": portfolio,
        "list_name": list_name,
        "priority": priority,
    }
    try:
        if file is None or not file.filename:
            raise UploadError("Choose a file.")
        async with transaction(site, user) as session:
            campaign = await session.get(Campaign, UUID(campaign_id)) if campaign_id else None
            if campaign is None:
                raise UploadError("Choose a campaign.")
            goes_to = await _portfolio(session, site, campaign.brand_id, portfolio_id, creditor, portfolio)
        upload = Upload(site.settings, new_id(site.clock))
        name = Path(file.filename).name
        await asyncio.to_thread(_keep, upload, file.file)
        order = Order(
            file_name=name,
            campaign_id=campaign.id,
            portfolio_id=goes_to,
            list_name=list_name.strip() or name,
            priority=priority,
            author=user.login,
            language=speech_of(request, user).language,
        )
        await asyncio.to_thread(upload.write, order)
        await asyncio.to_thread(upload.preview)
    except (UploadError, BrokenFileError) as error:
        return await _blank(request, user, typed, speech_of(request, user).error(str(error)))
    return RedirectResponse(f"/floor/upload/{upload.id}", 303)


@router.get("/{upload_id}")
async def show(request: Request, user: Supervisor, upload_id: UUID) -> Response:
    """The columns to be told, or how far the import has come."""
    return await _show(request, user, upload_id, "")


@router.post("/{upload_id}")
async def start(request: Request, user: Supervisor, upload_id: UUID) -> Response:
    """Bring it in with the columns as chosen."""
    site, form = site_of(request), await request.form()
    upload, order, _ = await _held(site, user, upload_id)
    if order.step is Step.MAPPING:
        try:
            seen = await asyncio.to_thread(upload.preview)
            chosen = {
                heading: str(form.get(f"column.{index}", Column.IGNORE))
                for index, heading in enumerate(seen.headings)
                if heading.strip()
            }
            columns_of(seen.headings, chosen)
        except (BrokenFileError, MappingError) as error:
            return await _show(request, user, upload_id, speech_of(request, user).error(str(error)))
        await asyncio.to_thread(upload.write, order.model_copy(update={"step": Step.WAITING, "mapping": chosen}))
        async with transaction(site, user) as session:
            await defer_in(session, bring_in, upload=str(upload_id))
    return RedirectResponse(f"/floor/upload/{upload_id}", 303)


@router.get("/{upload_id}/progress")
async def progress(request: Request, user: Supervisor, upload_id: UUID) -> Response:
    """The piece of the page that says how far it is."""
    site = site_of(request)
    _, order, campaign = await _held(site, user, upload_id)
    values = {"order": order, "campaign": campaign, "upload_id": upload_id, "batch": await _batch(site, user, order)}
    return HTMLResponse(render("floor/progress.html", speech_of(request, user), **values))


@router.get("/{upload_id}/rejects.csv")
async def rejects(request: Request, user: Supervisor, upload_id: UUID) -> Response:
    """The rows that did not go in, each with its line and reasons."""
    site = site_of(request)
    _, order, _ = await _held(site, user, upload_id)
    batch = await _batch(site, user, order)
    if batch is None or batch.rejects_file is None:
        raise HTTPException(404)
    return FileResponse(batch.rejects_file, media_type="text/csv", filename=f"rejects-{order.file_name}.csv")


async def _show(request: Request, user: User, upload_id: UUID, error: str) -> Response:
    site = site_of(request)
    upload, order, campaign = await _held(site, user, upload_id)
    preview = await asyncio.to_thread(upload.preview) if order.step is Step.MAPPING else None
    return page(
        request,
        "upload_columns.html",
        user,
        status=409 if error else 200,
        order=order,
        campaign=campaign,
        upload_id=upload_id,
        preview=preview,
        batch=await _batch(site, user, order),
        columns=[str(column) for column in Column],
        error=error,
    )


async def _blank(request: Request, user: User, typed: dict[str, Any], error: str) -> Response:
    async with transaction(site_of(request), user) as session:
        campaigns = (await session.exec(select(Campaign).order_by(Campaign.name))).all()
        portfolios = (
            await session.exec(
                select(Portfolio, Creditor.name)
                .join(Creditor)
                .where(Creditor.id == Portfolio.creditor_id)
                .order_by(Creditor.name, Portfolio.name)
            )
        ).all()
    return page(
        request,
        "upload.html",
        user,
        status=409 if error else 200,
        campaigns=list(campaigns),
        portfolios=list(portfolios),
        typed={"portfolio_id": "", "creditor": "", "portfolio": "", "list_name": "", "priority": 0, **typed},
        error=error,
    )


async def _held(site: Site, user: User, upload_id: UUID) -> tuple[Upload, Order, Campaign]:
    """The upload, its order and campaign, if the user may see them."""
    upload = Upload(site.settings, upload_id)
    order = await asyncio.to_thread(upload.read)
    if order is None:
        raise HTTPException(404)
    async with transaction(site, user) as session:
        campaign = await session.get(Campaign, order.campaign_id)
    if campaign is None:
        raise HTTPException(404)
    return upload, order, campaign


async def _batch(site: Site, user: User, order: Order) -> ImportBatch | None:
    if order.import_id is None:
        return None
    async with transaction(site, user) as session:
        return await session.get(ImportBatch, order.import_id)


async def _portfolio(
    session: AsyncSession, site: Site, brand_id: UUID, portfolio_id: str, creditor: str, portfolio: str
) -> UUID:
    """The portfolio chosen, or the new one named; its creditor is made if it is new too."""
    if portfolio_id:
        chosen = await session.get(Portfolio, UUID(portfolio_id))
        if chosen is None or chosen.brand_id != brand_id:
            raise UploadError("This portfolio belongs to another brand than the campaign.")
        return chosen.id
    creditor, portfolio = creditor.strip(), portfolio.strip()
    if not creditor or not portfolio:
        raise UploadError("Choose a portfolio, or name a new one and its creditor.")
    now = site.clock.now()
    owner = (
        await session.exec(select(Creditor).where(Creditor.brand_id == brand_id, Creditor.name == creditor))
    ).first()
    if owner is None:
        owner = Creditor(id=new_id(site.clock), created_at=now, brand_id=brand_id, name=creditor)
        session.add(owner)
        await session.flush()
    row = (
        await session.exec(select(Portfolio).where(Portfolio.creditor_id == owner.id, Portfolio.name == portfolio))
    ).first()
    if row is None:
        row = Portfolio(id=new_id(site.clock), created_at=now, brand_id=brand_id, creditor_id=owner.id, name=portfolio)
        session.add(row)
    return row.id


def _keep(upload: Upload, source: BinaryIO) -> None:
    upload.folder.mkdir(mode=0o700, parents=True)
    with upload.file.open("wb") as kept:
        shutil.copyfileobj(source, kept, 1 << 20)
    if upload.file.stat().st_size > LARGEST:
        shutil.rmtree(upload.folder)
        raise UploadError("The file is too large: send it in parts.")
