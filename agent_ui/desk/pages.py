"""The agent's page and what its buttons do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request, WebSocket
from fastapi.responses import HTMLResponse, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from agent_ui.context import Site, site_of
from agent_ui.desk import state as desk_state
from agent_ui.desk.actions import DeskError, begin_shift, open_row
from agent_ui.desk.card import DeskCard, load_card
from agent_ui.desk.watch import Watch
from agent_ui.i18n import Speech
from agent_ui.identity import AnyUser, User, transaction
from agent_ui.push import push
from agent_ui.render import page, partial, render, speech_of
from cases.models import Debtor
from core.models import Role
from dialer.agents import service
from dialer.agents.dispositions import DispositionError, dispose
from dialer.agents.states import SessionError
from dialer.attempts.models import Attempt

router = APIRouter()

PIECES = ("bar", "queue", "work", "side", "dispose", "announce")  # of the page, each with its own template
DESK_PAUSE = 0.1  # least seconds between two pushes
ERRORS = (SessionError, DispositionError, DeskError)

Deed = Callable[[AsyncSession, desk_state.Desk], Awaitable[Any]]


@router.get("/desk")
async def show(request: Request, user: AnyUser) -> Response:
    """The desk."""
    site = site_of(request)
    desk, card = await look(site, user)
    return page(request, "desk.html", user, desk=desk, card=card, pieces=PIECES)


@router.websocket("/ws/desk")
async def live(socket: WebSocket) -> None:
    """Push the pieces of the desk that changed."""
    site, watch = site_of(socket), Watch()

    async def pieces(user: User) -> dict[str, str]:
        desk, card = await look(site, user)
        watch.saw(desk)
        return draw(site, speech_of(socket, user), desk, card)

    await push(socket, Role.AGENT, watch, pieces, pause=DESK_PAUSE)


@router.post("/desk/shift")
async def begin(request: Request, user: AnyUser, campaign_id: Annotated[UUID, Form()]) -> Response:
    """Begin a shift; the telephone rings."""
    clock = site_of(request).clock
    return await do(request, user, lambda s, desk: begin_shift(s, clock, desk, campaign_id))


@router.post("/desk/ready")
async def ready(request: Request, user: AnyUser) -> Response:
    """Ask for calls."""
    clock = site_of(request).clock
    return await do(request, user, lambda s, desk: service.get_ready(s, clock, open_row(desk).id))


@router.post("/desk/pause")
async def pause(request: Request, user: AnyUser, reason: Annotated[str, Form(max_length=40)]) -> Response:
    """Pause, now or after the call."""
    clock = site_of(request).clock
    return await do(request, user, lambda s, desk: service.pause(s, clock, open_row(desk).id, reason))


@router.post("/desk/hangup")
async def hang_up(request: Request, user: AnyUser) -> Response:
    """End the debtor's call."""
    return await do(request, user, lambda s, desk: service.request_hangup(s, open_row(desk).id))


@router.post("/desk/close")
async def close(request: Request, user: AnyUser) -> Response:
    """End the shift."""
    clock = site_of(request).clock
    return await do(request, user, lambda s, desk: service.close_session(s, clock, open_row(desk).id))


@router.post("/desk/disposition")
async def save(
    request: Request,
    user: AnyUser,
    attempt_id: Annotated[UUID, Form()],
    code: Annotated[str, Form(max_length=40)] = "",
    note: Annotated[str, Form(max_length=4000)] = "",
    callback_on: Annotated[str, Form(max_length=20)] = "",
    callback_time: Annotated[str, Form(max_length=20)] = "",
    contact_point_id: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Save the disposition; the form is left as it is when something is wrong."""
    clock = site_of(request).clock

    async def deed(session: AsyncSession, desk: desk_state.Desk) -> None:
        if not code:
            raise DeskError("Choose a disposition.")
        await dispose(
            session,
            clock,
            open_row(desk).id,
            attempt_id,
            code,
            note=note.strip(),
            callback_at=await _callback(session, attempt_id, callback_on, callback_time),
            contact_point_id=UUID(contact_point_id) if contact_point_id else None,
        )

    return await do(request, user, deed)


async def look(site: Site, user: User) -> tuple[desk_state.Desk, DeskCard | None]:
    """The desk and, in a call or before one that the agent asks for, its card."""
    async with transaction(site, user) as session:
        desk = await desk_state.load(session, user, site.clock.now())
        card = None
        if desk.case_id is not None and desk.campaign is not None:
            card = await load_card(session, site, desk.case_id, desk.campaign.policy)
    return desk, card


def draw(site: Site, speech: Speech, desk: desk_state.Desk, card: DeskCard | None) -> dict[str, str]:
    """The page's pieces, ready for htmx."""
    return {
        name: partial(f"#{name}", render(f"desk/{name}.html", speech, desk=desk, card=card, now=site.clock.now()))
        for name in PIECES
    }


async def do(request: Request, user: User, deed: Deed, quiet: tuple[type[Exception], ...] = ()) -> Response:
    """One act in one transaction, then the page as it is after it; a refusal is told and changes nothing.

    Args:
        quiet: refusals that nobody needs to read.
    """
    site, speech = site_of(request), speech_of(request, user)
    told, status = "", 200
    try:
        async with transaction(site, user) as session:
            await deed(session, await desk_state.load(session, user, site.clock.now(), lists=False))
    except quiet:
        pass
    except ERRORS as error:
        told, status = speech.error(str(error)), 409
    desk, card = await look(site, user)
    pieces = draw(site, speech, desk, card)
    notice = partial("#notice", render("notice.html", speech, text=told), "innerHTML")
    return HTMLResponse("".join(pieces.values()) + notice, status)


async def _callback(session: AsyncSession, attempt_id: UUID, on: str, time: str) -> datetime | None:
    """The instant meant by a day and a time in the debtor's zone; None if neither is given."""
    if not on and not time:
        return None
    attempt = await session.get(Attempt, attempt_id)
    debtor = await session.get(Debtor, attempt.debtor_id) if attempt else None
    try:
        local = datetime.fromisoformat(f"{on}T{time}")
    except ValueError:
        raise DeskError("Choose both the day and the time of the call-back.") from None
    return local.replace(tzinfo=ZoneInfo(debtor.timezone if debtor else "Europe/Warsaw"))
