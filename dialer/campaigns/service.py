"""What a supervisor does with a campaign: create, edit, start, stop, set its recycling rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.contact.packs import Pack, PolicyError, pack_of, tightened
from core.audit import record
from core.clock import Clock
from core.ids import new_id
from core.models import Brand
from core.outbox import emit
from dialer.attempts.models import Attempt
from dialer.campaigns.models import Campaign, CampaignState, RecyclingRule
from dialer.campaigns.recycling import DEFAULTS, Rule
from dialer.events import UI, CampaignChanged
from dialer.pacing.modes import MODES
from dialer.trunks.models import Trunk
from numbering.models import CallerIdPool

CAMPAIGNS: Final = "campaigns"  # stream the engines read; each reads the campaign's row again

EDITABLE: Final = (
    "name", "mode", "ratio", "trunk_id", "caller_id_pool_id", "max_lines", "patience_ms", "max_decision_ms",
    "wrapup_seconds", "policy", "media_node",
)  # fmt: skip

# Figure -> least and largest value; the reason for a bound stands in its field's description.
BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "ratio": (0.1, 10),
    "max_lines": (1, 10_000),
    "patience_ms": (0, 60_000),
    "max_decision_ms": (100, 10_000),
    "wrapup_seconds": (0, 3600),
}


class CampaignError(Exception):
    """The campaign can't be made or changed so; the text says why and what to do."""


async def create_campaign(
    session: AsyncSession,
    clock: Clock,
    brand_id: UUID,
    name: str,
    trunk_id: UUID,
    caller_id_pool_id: UUID,
    *,
    actor: str = "system",
    **figures: Any,
) -> Campaign:
    """A new campaign, stopped.

    Args:
        figures: any other of :data:`EDITABLE`.

    Raises:
        CampaignError: a name that is taken, an unknown trunk or pool, or a figure outside its bounds.
    """
    row = Campaign(
        id=new_id(clock),
        created_at=clock.now(),
        brand_id=brand_id,
        name="",
        trunk_id=trunk_id,
        caller_id_pool_id=caller_id_pool_id,
    )
    await _fill(session, row, {"name": name, "trunk_id": trunk_id, "caller_id_pool_id": caller_id_pool_id, **figures})
    await _saved(session, clock, row, actor, "campaign.create", {"name": row.name})
    return row


async def edit_campaign(
    session: AsyncSession, clock: Clock, campaign_id: UUID, *, actor: str = "system", **changes: Any
) -> Campaign:
    """Change some of :data:`EDITABLE`; a running campaign follows at once.

    Raises:
        CampaignError: no such campaign, or as :func:`create_campaign`.
    """
    row = await _locked(session, campaign_id)
    before = {name: getattr(row, name) for name in changes if name in EDITABLE}
    await _fill(session, row, changes)
    detail = {name: [_plain(old), _plain(getattr(row, name))] for name, old in before.items()}
    await _saved(session, clock, row, actor, "campaign.edit", detail)
    return row


async def start(session: AsyncSession, clock: Clock, campaign_id: UUID, *, actor: str = "system") -> Campaign:
    """Let the campaign launch calls. Starting a running one changes nothing.

    Raises:
        CampaignError: no such campaign, or its policy can't be read any more.
    """
    row = await _locked(session, campaign_id)
    if row.state is not CampaignState.RUNNING:
        await _policy(session, row)
        row.state = CampaignState.RUNNING
        await _saved(session, clock, row, actor, "campaign.start", {})
    return row


async def stop(session: AsyncSession, clock: Clock, campaign_id: UUID, *, actor: str = "system") -> Campaign:
    """Launch nothing more; calls that are up go on to their end: the campaign drains, and stops when none is left.

    Raises:
        CampaignError: no such campaign.
    """
    row = await _locked(session, campaign_id)
    if row.state is CampaignState.RUNNING:
        up = (
            await session.exec(
                select(func.count())
                .select_from(Attempt)
                .where(Attempt.campaign_id == campaign_id, col(Attempt.ended_at).is_(None))
            )
        ).one()
        row.state = CampaignState.DRAINING if up else CampaignState.STOPPED
        await _saved(session, clock, row, actor, "campaign.stop", {"calls_up": up})
    return row


async def set_rule(
    session: AsyncSession, clock: Clock, campaign_id: UUID, outcome: str, rule: Rule | None, *, actor: str = "system"
) -> None:
    """Set what follows an outcome in this campaign; None goes back to the shipped default.

    Raises:
        CampaignError: no such campaign or outcome, or a negative figure.
    """
    row = await _locked(session, campaign_id)
    if outcome not in DEFAULTS:
        raise CampaignError(f"No outcome «{outcome}».")
    if rule is not None and (rule.delay_minutes < 0 or rule.max_times < 0):
        raise CampaignError("Delay and number of times can't be negative.")
    own = (
        await session.exec(
            select(RecyclingRule).where(RecyclingRule.campaign_id == campaign_id, RecyclingRule.outcome == outcome)
        )
    ).first()
    if rule is None:
        if own is not None:
            await session.delete(own)
    else:
        if own is None:
            own = RecyclingRule(
                id=new_id(clock),
                created_at=clock.now(),
                brand_id=row.brand_id,
                campaign_id=campaign_id,
                outcome=outcome,
                delay_minutes=0,
                max_times=0,
            )
        own.delay_minutes, own.max_times = rule.delay_minutes, rule.max_times
        own.other_phone, own.other_time_of_day = rule.other_phone, rule.other_time_of_day
        session.add(own)
    figures = [rule.delay_minutes, rule.max_times, rule.other_phone, rule.other_time_of_day] if rule else None
    await _saved(session, clock, row, actor, "campaign.rule", {"outcome": outcome, "rule": figures})


async def _locked(session: AsyncSession, campaign_id: UUID) -> Campaign:
    query = select(Campaign).where(Campaign.id == campaign_id).with_for_update()
    row = (await session.exec(query.execution_options(populate_existing=True))).first()
    if row is None:
        raise CampaignError("No such campaign.")
    return row


async def _fill(session: AsyncSession, row: Campaign, changes: Mapping[str, Any]) -> None:
    unknown = sorted(set(changes) - set(EDITABLE))
    if unknown:
        raise CampaignError(f"A campaign has no {', '.join(unknown)} to set.")
    for name, value in changes.items():
        low, high = BOUNDS.get(name, (0, 0))
        if name in BOUNDS and (
            isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high
        ):
            raise CampaignError(f"{name} must be from {low:g} to {high:g}.")
    if "mode" in changes and changes["mode"] not in MODES:
        raise CampaignError(f"No dialing mode «{changes['mode']}»; there are {', '.join(MODES)}.")
    if "name" in changes:
        changes = {**changes, "name": await _free_name(session, row, str(changes["name"]).strip())}
    with session.no_autoflush:  # nothing may reach the database before all is checked
        for name, value in changes.items():
            setattr(row, name, value)
        trunk = await session.get(Trunk, row.trunk_id)
        pool = await session.get(CallerIdPool, row.caller_id_pool_id)
        pack = await _policy(session, row)
    if trunk is None or trunk.brand_id != row.brand_id:
        raise CampaignError("No such trunk in this brand.")
    if pool is None or pool.brand_id != row.brand_id:
        raise CampaignError("No such pool of caller IDs in this brand.")
    if row.patience_ms > pack.live.patience_ms:
        raise CampaignError(f"patience_ms may be at most {pack.live.patience_ms}: the policy {pack.title} says so.")


async def _free_name(session: AsyncSession, row: Campaign, name: str) -> str:
    if not name:
        raise CampaignError("Give the campaign a name.")
    with session.no_autoflush:
        taken = await session.exec(
            select(Campaign.id).where(Campaign.brand_id == row.brand_id, Campaign.name == name, Campaign.id != row.id)
        )
    if taken.first() is not None:
        raise CampaignError(f"There is a campaign «{name}» already.")
    return name


async def _policy(session: AsyncSession, row: Campaign) -> Pack:
    brand = await session.get(Brand, row.brand_id)
    if brand is None:
        raise CampaignError("No such brand.")
    try:
        return tightened(pack_of(brand.policy_pack), row.policy)
    except PolicyError as error:
        raise CampaignError(str(error)) from error


async def _saved(
    session: AsyncSession, clock: Clock, row: Campaign, actor: str, action: str, detail: dict[str, Any]
) -> None:
    session.add(row)
    await session.flush()
    await record(
        session, clock, actor=actor, action=action, subject=f"campaign:{row.id}", brand_id=row.brand_id, detail=detail
    )
    changed = CampaignChanged(campaign_id=row.id)
    await emit(session, UI, changed)
    await emit(session, CAMPAIGNS, changed)


def _plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    return str(value) if isinstance(value, UUID) else value
