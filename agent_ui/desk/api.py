"""The desk for machines: the same acts as the page's, in JSON. Errors are ``{"error": text}`` with a 4xx code."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, WebSocket
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_ui.context import Site, site_of
from agent_ui.desk.actions import NO_SHIFT, DeskError, begin_shift
from agent_ui.desk.pages import DESK_PAUSE
from agent_ui.desk.state import as_json, load, open_session_id
from agent_ui.desk.watch import Watch
from agent_ui.identity import AnyUser, User, transaction
from agent_ui.push import push
from core.models import Role
from dialer.agents import requests, service
from dialer.agents.dispositions import dispose

router = APIRouter(prefix="/api/desk")

Code = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Shift(_Body):
    """Begin a shift in this campaign."""

    campaign_id: UUID


class Pause(_Body):
    """Pause for this reason."""

    reason: Code


class Given(_Body):
    """What came of a call; ``callback_at`` with its offset from UTC."""

    attempt_id: UUID
    code: Code
    note: Annotated[str, StringConstraints(max_length=4000)] = ""
    callback_at: AwareDatetime | None = None
    contact_point_id: UUID | None = None


class Chosen(_Body):
    """A lead, and maybe on which of the debtor's phones; default: the next in turn."""

    lead_id: UUID
    contact_point_id: UUID | None = None


@router.get("/state")
async def state(request: Request, user: AnyUser) -> dict[str, Any]:
    """The desk as it is."""
    return await _state(site_of(request), user)


@router.post("/shift")
async def shift(request: Request, user: AnyUser, body: Shift) -> dict[str, Any]:
    """Begin a shift; again in the same campaign it changes nothing."""
    site = site_of(request)
    async with transaction(site, user) as session:
        desk = await load(session, user, site.clock.now(), lists=False)
        await begin_shift(session, site.clock, desk, body.campaign_id)
    return await _state(site, user)


@router.post("/ready")
async def ready(request: Request, user: AnyUser) -> dict[str, Any]:
    """Ask for calls."""
    site = site_of(request)
    async with transaction(site, user) as session:
        await service.get_ready(session, site.clock, await _open(session, user))
    return await _state(site, user)


@router.post("/pause")
async def pause(request: Request, user: AnyUser, body: Pause) -> dict[str, Any]:
    """Pause, now or after the call."""
    site = site_of(request)
    async with transaction(site, user) as session:
        await service.pause(session, site.clock, await _open(session, user), body.reason)
    return await _state(site, user)


@router.post("/hangup")
async def hang_up(request: Request, user: AnyUser) -> dict[str, Any]:
    """End the debtor's call."""
    site = site_of(request)
    async with transaction(site, user) as session:
        await service.request_hangup(session, await _open(session, user))
    return await _state(site, user)


@router.post("/disposition")
async def disposition(request: Request, user: AnyUser, body: Given) -> dict[str, Any]:
    """Save what came of a call; the same once more changes nothing."""
    site = site_of(request)
    async with transaction(site, user) as session:
        await dispose(
            session,
            site.clock,
            await _open(session, user),
            body.attempt_id,
            body.code,
            note=body.note,
            callback_at=body.callback_at,
            contact_point_id=body.contact_point_id,
        )
    return await _state(site, user)


@router.post("/offer")
async def offer(request: Request, user: AnyUser) -> dict[str, Any]:
    """Look at the next debtor of a preview campaign: ``asked`` of the state; null: nobody is due."""
    site = site_of(request)
    async with transaction(site, user) as session:
        await requests.offer(session, site.clock, await _open(session, user))
    return await _state(site, user)


@router.post("/skip")
async def skip(request: Request, user: AnyUser, body: Chosen) -> dict[str, Any]:
    """Put the debtor back."""
    site = site_of(request)
    async with transaction(site, user) as session:
        await requests.skip(session, site.clock, await _open(session, user), body.lead_id)
    return await _state(site, user)


@router.post("/call")
async def call(request: Request, user: AnyUser, body: Chosen) -> dict[str, Any]:
    """Ask for the call; a refusal stands in ``asked`` of a later state."""
    site = site_of(request)
    async with transaction(site, user) as session:
        row = await _open(session, user)
        await requests.request_call(session, site.clock, row, body.lead_id, body.contact_point_id)
    return await _state(site, user)


@router.post("/close")
async def close(request: Request, user: AnyUser) -> dict[str, Any]:
    """End the shift."""
    site = site_of(request)
    async with transaction(site, user) as session:
        await service.close_session(session, site.clock, await _open(session, user))
    return await _state(site, user)


@router.websocket("/events")
async def events(socket: WebSocket) -> None:
    """Push the state at connect and at every change."""
    site = site_of(socket)
    watch = Watch()

    async def look(user: User) -> dict[str, str]:
        async with transaction(site, user) as session:
            desk = await load(session, user, site.clock.now(), lists=False)
        watch.saw(desk)
        return {"state": json.dumps(as_json(desk, user.language))}

    await push(socket, Role.AGENT, watch, look, pause=DESK_PAUSE)


async def _state(site: Site, user: User) -> dict[str, Any]:
    async with transaction(site, user) as session:
        return as_json(await load(session, user, site.clock.now(), lists=False), user.language)


async def _open(session: AsyncSession, user: User) -> UUID:
    session_id = await open_session_id(session, user)
    if session_id is None:
        raise DeskError(NO_SHIFT)
    return session_id
