"""Calls that an agent asks for on the page: the next debtor (preview), a search and a choice (manual), call-backs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_ui.context import site_of
from agent_ui.desk.actions import call_back_now, open_row
from agent_ui.desk.pages import do
from agent_ui.desk.state import Desk, load
from agent_ui.identity import AnyUser, transaction
from agent_ui.render import render, speech_of
from cases.nationalids import valid_pesel
from cases.search import find
from core.models import Role
from dialer.agents import requests
from dialer.agents.states import SessionError

router = APIRouter(prefix="/desk")

LEAST_LETTERS = 3  # fewer would list half the debtors


@router.post("/offer")
async def offer(request: Request, user: AnyUser) -> Response:
    """Look at the next debtor; the page asks by itself, so an agent who is busy again is told nothing."""
    clock = site_of(request).clock

    async def deed(session: AsyncSession, desk: Desk) -> None:
        if desk.offers:
            await requests.offer(session, clock, open_row(desk).id)

    return await do(request, user, deed, quiet=(SessionError,))


@router.post("/skip")
async def skip(request: Request, user: AnyUser, lead_id: Annotated[UUID, Form()]) -> Response:
    """Put the debtor back; in a preview campaign the next one comes at once."""
    clock = site_of(request).clock

    async def deed(session: AsyncSession, desk: Desk) -> None:
        await requests.skip(session, clock, open_row(desk).id, lead_id)
        if desk.offers:
            await requests.offer(session, clock, open_row(desk).id)

    return await do(request, user, deed)


@router.post("/call")
async def call(request: Request, user: AnyUser, lead_id: Annotated[UUID, Form()]) -> Response:
    """Ask for the call."""
    clock = site_of(request).clock
    return await do(request, user, lambda s, desk: requests.request_call(s, clock, open_row(desk).id, lead_id))


@router.post("/callback")
async def call_now(request: Request, user: AnyUser, action_id: Annotated[UUID, Form()]) -> Response:
    """Call a promised call-back now."""
    clock = site_of(request).clock
    return await do(request, user, lambda s, desk: call_back_now(s, clock, desk, action_id))


@router.post("/search")
async def search(request: Request, user: AnyUser, query: Annotated[str, Form(max_length=120)] = "") -> Response:
    """Debtors of the brand by name, reference or phone, each with what the campaign has of them.

    It is a POST: what is searched for names people and must not stand in addresses.
    """
    site, speech = site_of(request), speech_of(request, user)
    text, error, hits, leads = query.strip(), "", [], {}
    async with transaction(site, user) as session:
        desk = await load(session, user, site.clock.now())
        row = open_row(desk)
        if len(text) < LEAST_LETTERS:
            error = speech.text("Type at least three letters or digits.") if text else ""
        elif valid_pesel(text) and not user.may(Role.SUPERVISOR):
            error = speech.text("Your role does not allow a search by PESEL.")
        else:
            hits = await find(session, site.keys, text)
            leads = await requests.leads_of(session, row.campaign_id, [hit.debtor_id for hit in hits])
    values = {"hits": hits, "leads": leads, "text": text, "error": error, "now": site.clock.now()}
    return HTMLResponse(render("desk/found.html", speech, **values))
