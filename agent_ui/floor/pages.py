"""The floor at a glance: campaigns and agents, pushed once a second at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import Response

from agent_ui.context import Site, site_of
from agent_ui.i18n import Speech
from agent_ui.identity import Supervisor, User, transaction
from agent_ui.push import push
from agent_ui.render import page, partial, render, speech_of
from core.models import Role
from dialer.campaigns.hopper import reasons
from dialer.events import UiEvent
from reports.realtime import AgentNow, Counters, agents_on_shift, counters

router = APIRouter()

FLOOR_PAUSE = 1.0  # least seconds between two pushes


@dataclass(frozen=True)
class Floor:
    """Everything the overview shows."""

    campaigns: list[Counters]
    agents: list[AgentNow]


@dataclass(frozen=True)
class CampaignNow:
    """Everything that moves on a campaign's page. ``reasons``: (state, reason, leads), most leads first."""

    row: Counters
    agents: list[AgentNow]
    reasons: list[tuple[str, str, int]]

    @property
    def leads(self) -> int:
        """All leads of the campaign."""
        return sum(number for _, _, number in self.reasons)


def midnight(now: datetime, user: User) -> datetime:
    """The beginning of today where the user's brand is."""
    zone = ZoneInfo(user.zone)
    return datetime.combine(now.astimezone(zone).date(), time(), zone)


async def look(site: Site, user: User) -> Floor:
    """The overview now."""
    async with transaction(site, user) as session:
        return Floor(await counters(session, midnight(site.clock.now(), user)), await agents_on_shift(session))


async def look_at(site: Site, user: User, campaign_id: UUID) -> CampaignNow | None:
    """One campaign now; None: there is no such campaign for this user."""
    async with transaction(site, user) as session:
        rows = await counters(session, midnight(site.clock.now(), user), campaign_id)
        if not rows:
            return None
        why = await reasons(session, campaign_id)
        ordered = sorted(((state, code, number) for (state, code), number in why.items()), key=lambda r: (-r[2], r[1]))
        return CampaignNow(rows[0], await agents_on_shift(session, campaign_id), ordered)


@router.get("/floor")
async def show(request: Request, user: Supervisor) -> Response:
    """The overview."""
    return page(request, "floor.html", user, floor=await look(site_of(request), user))


@router.websocket("/ws/floor")
async def live(socket: WebSocket) -> None:
    """Push the overview's pieces that changed."""
    site = site_of(socket)

    async def pieces(user: User) -> dict[str, str]:
        floor, speech = await look(site, user), speech_of(socket, user)
        return draw(("campaigns", "agents"), speech, floor=floor, agents=floor.agents, now=site.clock.now())

    await push(socket, Role.SUPERVISOR, lambda _: True, pieces, pause=FLOOR_PAUSE)


@router.websocket("/ws/floor/{campaign_id}")
async def live_campaign(socket: WebSocket, campaign_id: UUID) -> None:
    """Push a campaign's figures that changed."""
    site = site_of(socket)

    def concerns(event: UiEvent) -> bool:
        return event.campaign_id == campaign_id

    async def pieces(user: User) -> dict[str, str]:
        now, speech = await look_at(site, user, campaign_id), speech_of(socket, user)
        if now is None:
            return {}
        return draw(("figures", "why", "agents"), speech, campaign=now, agents=now.agents, now=site.clock.now())

    await push(socket, Role.SUPERVISOR, concerns, pieces, pause=FLOOR_PAUSE)


def draw(names: tuple[str, ...], speech: Speech, **values: object) -> dict[str, str]:
    """Pieces of the floor's pages, ready for htmx."""
    return {name: partial(f"#{name}", render(f"floor/{name}.html", speech, **values)) for name in names}
