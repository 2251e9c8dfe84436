"""A campaign's page: figures, why leads wait, settings, recycling rules, lists; and making, starting, pausing one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.exceptions import HTTPException

from agent_ui.context import site_of
from agent_ui.floor.pages import look_at
from agent_ui.identity import Supervisor, User, brands_of, transaction
from agent_ui.render import page, speech_of
from core.clock import Clock
from core.ids import new_id
from dialer.agents.models import Agent, CampaignAgent
from dialer.campaigns import service
from dialer.campaigns.models import Campaign, Lead, LeadList
from dialer.campaigns.recycling import DEFAULTS, Rule, rules_of
from dialer.campaigns.service import CampaignError
from dialer.pacing.modes import MODES
from dialer.trunks.models import Trunk
from numbering.models import CallerIdPool
from reports.query import run

router = APIRouter(prefix="/floor/campaigns")

BLANK = {
    "name": "",
    "mode": "fixed_ratio",
    "ratio": "2",
    "max_lines": "30",
    "patience_ms": "2000",
    "wrapup_seconds": "60",
    "trunk_id": None,
    "caller_id_pool_id": None,
}

Name = Annotated[str, Form(max_length=120)]
Figure = Annotated[str, Form(max_length=20)]


@router.get("/new")
async def blank(request: Request, user: Supervisor) -> Response:
    """The form of a new campaign."""
    return await _blank(request, user, {}, "")


@router.post("/new")
async def create(
    request: Request,
    user: Supervisor,
    name: Name = "",
    trunk_id: Annotated[UUID | None, Form()] = None,
    caller_id_pool_id: Annotated[UUID | None, Form()] = None,
    mode: Name = "",
    ratio: Figure = "",
    max_lines: Figure = "",
    patience_ms: Figure = "",
    wrapup_seconds: Figure = "",
) -> Response:
    """Make a campaign; what was typed stays when something is wrong."""
    site = site_of(request)
    typed = {
        "name": name,
        "trunk_id": trunk_id,
        "caller_id_pool_id": caller_id_pool_id,
        **_texts(mode, ratio, max_lines, patience_ms, wrapup_seconds),
    }
    try:
        async with transaction(site, user) as session:
            trunk = await session.get(Trunk, trunk_id) if trunk_id else None
            if trunk is None or caller_id_pool_id is None:
                raise CampaignError("Choose a trunk and a pool of caller IDs.")
            row = await service.create_campaign(
                session,
                site.clock,
                trunk.brand_id,
                name,
                trunk.id,
                caller_id_pool_id,
                actor=user.login,
                **_figures(mode, ratio, max_lines, patience_ms, wrapup_seconds),
            )
            await _assign(session, site.clock, row, set(await _agent_ids(session, row.brand_id)))
    except CampaignError as error:
        return await _blank(request, user, typed, speech_of(request, user).error(str(error)))
    return RedirectResponse(f"/floor/campaigns/{row.id}", 303)


@router.get("/{campaign_id}")
async def show(request: Request, user: Supervisor, campaign_id: UUID, saved: str = "") -> Response:
    """The campaign's page."""
    return await _show(request, user, campaign_id, saved=saved)


@router.post("/{campaign_id}/start")
async def start(request: Request, user: Supervisor, campaign_id: UUID) -> Response:
    """Let it launch calls."""
    clock = site_of(request).clock
    return await _do(
        request, user, campaign_id, lambda s: service.start(s, clock, campaign_id, actor=user.login), "started"
    )


@router.post("/{campaign_id}/stop")
async def stop(request: Request, user: Supervisor, campaign_id: UUID) -> Response:
    """Launch nothing more."""
    clock = site_of(request).clock
    return await _do(
        request, user, campaign_id, lambda s: service.stop(s, clock, campaign_id, actor=user.login), "stopped"
    )


@router.post("/{campaign_id}/settings")
async def edit(
    request: Request,
    user: Supervisor,
    campaign_id: UUID,
    name: Name,
    trunk_id: Annotated[UUID, Form()],
    caller_id_pool_id: Annotated[UUID, Form()],
    mode: Name,
    ratio: Figure,
    max_lines: Figure,
    patience_ms: Figure,
    wrapup_seconds: Figure,
) -> Response:
    """Change settings; a running campaign follows at once."""
    clock = site_of(request).clock

    async def deed(session: AsyncSession) -> None:
        await service.edit_campaign(
            session,
            clock,
            campaign_id,
            actor=user.login,
            name=name,
            trunk_id=trunk_id,
            caller_id_pool_id=caller_id_pool_id,
            **_figures(mode, ratio, max_lines, patience_ms, wrapup_seconds),
        )

    return await _do(request, user, campaign_id, deed, "settings")


@router.post("/{campaign_id}/rules")
async def set_rules(request: Request, user: Supervisor, campaign_id: UUID) -> Response:
    """Set what follows each outcome; a line equal to the shipped default goes back to it."""
    clock, form = site_of(request).clock, await request.form()

    async def deed(session: AsyncSession) -> None:
        present = await rules_of(session, campaign_id)
        for outcome, default in DEFAULTS.items():
            if f"{outcome}.delay" not in form:
                continue
            rule = Rule(
                _whole(str(form[f"{outcome}.delay"]), "delay"),
                _whole(str(form.get(f"{outcome}.times", "")), "times"),
                f"{outcome}.phone" in form,
                f"{outcome}.daypart" in form,
                default.counts,
            )
            if rule != present[outcome]:
                await service.set_rule(
                    session, clock, campaign_id, str(outcome), None if rule == default else rule, actor=user.login
                )

    return await _do(request, user, campaign_id, deed, "rules")


@router.post("/{campaign_id}/agents")
async def set_agents(request: Request, user: Supervisor, campaign_id: UUID) -> Response:
    """Say who may work here."""
    site, form = site_of(request), await request.form()
    chosen = {UUID(str(value)) for value in form.getlist("agent")}

    async def deed(session: AsyncSession) -> None:
        await _assign(session, site.clock, await session.get_one(Campaign, campaign_id), chosen)

    return await _do(request, user, campaign_id, deed, "agents")


async def _show(request: Request, user: User, campaign_id: UUID, *, saved: str = "", error: str = "") -> Response:
    site = site_of(request)
    now = await look_at(site, user, campaign_id)
    if now is None:
        raise HTTPException(404)
    async with transaction(site, user) as session:
        brand = now.row.campaign.brand_id
        lists = await run(
            session,
            select(LeadList, func.count(col(Lead.id)))
            .outerjoin(Lead, col(Lead.list_id) == LeadList.id)
            .where(LeadList.campaign_id == campaign_id)
            .group_by(col(LeadList.id))
            .order_by(col(LeadList.created_at).desc()),
        )
        assigned = await session.exec(select(CampaignAgent.agent_id).where(CampaignAgent.campaign_id == campaign_id))
        agents = await session.exec(select(Agent).where(Agent.brand_id == brand).order_by(Agent.name))
        values: dict[str, Any] = {
            "rules": await rules_of(session, campaign_id),
            "defaults": DEFAULTS,
            "lists": list(lists.all()),
            "assigned": set(assigned.all()),
            "team": list(agents.all()),
            "choices": await _choices(session, brand),
        }
    return page(
        request,
        "campaign.html",
        user,
        status=409 if error else 200,
        campaign=now,
        agents=now.agents,
        saved=saved,
        error=error,
        **values,
    )


async def _blank(request: Request, user: User, typed: dict[str, Any], error: str) -> Response:
    async with transaction(site_of(request), user) as session:
        brands = [brand.id for brand in await brands_of(session, user)]
        choices = await _choices(session, *brands)
    return page(
        request,
        "campaign_new.html",
        user,
        status=409 if error else 200,
        choices=choices,
        v={**BLANK, **typed},
        error=error,
    )


async def _choices(session: AsyncSession, *brands: UUID) -> dict[str, Any]:
    trunks = await session.exec(select(Trunk).where(col(Trunk.brand_id).in_(brands)).order_by(Trunk.name))
    pools = await session.exec(
        select(CallerIdPool).where(col(CallerIdPool.brand_id).in_(brands)).order_by(CallerIdPool.name)
    )
    return {"trunks": list(trunks.all()), "pools": list(pools.all()), "modes": list(MODES)}


async def _do(
    request: Request,
    user: User,
    campaign_id: UUID,
    deed: Callable[[AsyncSession], Awaitable[Any]],
    saved: str,
) -> Response:
    site = site_of(request)
    try:
        async with transaction(site, user) as session:
            if await session.get(Campaign, campaign_id) is None:
                raise HTTPException(404)
            await deed(session)
    except CampaignError as error:
        return await _show(request, user, campaign_id, error=speech_of(request, user).error(str(error)))
    return RedirectResponse(f"/floor/campaigns/{campaign_id}?saved={saved}", 303)


async def _agent_ids(session: AsyncSession, brand_id: UUID) -> list[UUID]:
    return list((await session.exec(select(Agent.id).where(Agent.brand_id == brand_id))).all())


async def _assign(session: AsyncSession, clock: Clock, campaign: Campaign, chosen: set[UUID]) -> None:
    present = {
        row.agent_id: row
        for row in (await session.exec(select(CampaignAgent).where(CampaignAgent.campaign_id == campaign.id))).all()
    }
    for agent_id in chosen & set(await _agent_ids(session, campaign.brand_id)) - set(present):
        session.add(
            CampaignAgent(
                id=new_id(clock),
                created_at=clock.now(),
                brand_id=campaign.brand_id,
                campaign_id=campaign.id,
                agent_id=agent_id,
            )
        )
    for agent_id in set(present) - chosen:
        await session.delete(present[agent_id])


def _texts(mode: str, ratio: str, max_lines: str, patience_ms: str, wrapup_seconds: str) -> dict[str, str]:
    return {
        "mode": mode,
        "ratio": ratio,
        "max_lines": max_lines,
        "patience_ms": patience_ms,
        "wrapup_seconds": wrapup_seconds,
    }


def _figures(mode: str, ratio: str, max_lines: str, patience_ms: str, wrapup_seconds: str) -> dict[str, Any]:
    return {
        "mode": mode,
        "ratio": _decimal(ratio, "ratio"),
        "max_lines": _whole(max_lines, "lines"),
        "patience_ms": _whole(patience_ms, "patience"),
        "wrapup_seconds": _whole(wrapup_seconds, "wrap-up"),
    }


def _whole(text: str, what: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise CampaignError(f"«{text}» is no whole number ({what}).") from None


def _decimal(text: str, what: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        raise CampaignError(f"«{text}» is no number ({what}).") from None
