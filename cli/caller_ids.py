"""``callfloor caller-id``: our own numbers, which calls show."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.lookup import ACTOR, brand_named, trunk_named
from cli.transaction import OperatorError, in_transaction
from core.models import Brand
from core.settings import Settings
from dialer.trunks.models import Trunk
from numbering.models import CallerId, CallerIdPool, CallerIdPoolMember
from numbering.pools import CallerIdError, add_caller_id, rest_caller_id


def add(
    settings: Settings,
    number: str,
    *,
    pool: str,
    proof: str,
    valid_from: str | None,
    valid_to: str | None,
    trunk: str | None,
    brand: str | None,
) -> None:
    """Take a number in, or change what is known of it. ``valid_from`` None: today, in the brand's zone."""
    clock = settings.clock()
    start, end = _day("--valid-from", valid_from), _day("--valid-to", valid_to)

    async def act(session: AsyncSession) -> str:
        owner = await brand_named(session, brand)
        only = await trunk_named(session, trunk, owner.id) if trunk is not None else None
        try:
            row = await add_caller_id(
                session,
                clock,
                owner.id,
                number,
                pool=pool,
                proof=proof,
                valid_from=start or clock.now().astimezone(ZoneInfo(owner.timezone)).date(),
                valid_to=end,
                trunk_id=None if only is None else only.id,
                actor=ACTOR,
            )
        except CallerIdError as error:
            raise OperatorError(str(error)) from None
        return row.number

    print(f"{in_transaction(settings, act)} stands in the pool {pool}")


def rest(settings: Settings, number: str, *, resting: bool, brand: str | None) -> None:
    """Show a number no more for a while, or again."""
    clock = settings.clock()

    async def act(session: AsyncSession) -> str:
        owner = await brand_named(session, brand)
        try:
            return (await rest_caller_id(session, clock, owner.id, number, resting=resting, actor=ACTOR)).number
        except CallerIdError as error:
            raise OperatorError(str(error)) from None

    shown = in_transaction(settings, act)
    print(f"{shown} rests: no call shows it" if resting else f"{shown} may be shown again")


def show(settings: Settings) -> None:
    """Print the numbers with pools, dates, trunk and proof, one a line."""

    async def act(session: AsyncSession) -> list[str]:
        pools: dict[object, list[str]] = {}
        members = select(CallerIdPoolMember.caller_id_id, CallerIdPool.name).join(
            CallerIdPool, col(CallerIdPool.id) == CallerIdPoolMember.pool_id
        )
        for number_id, pool in (await session.exec(members.order_by(CallerIdPool.name))).all():
            pools.setdefault(number_id, []).append(pool)
        rows = await session.exec(
            select(CallerId, Brand.name, Trunk.name)
            .join(Brand, col(Brand.id) == CallerId.brand_id)
            .outerjoin(Trunk, col(Trunk.id) == CallerId.trunk_id)
            .order_by(Brand.name, CallerId.number)
        )
        return [
            f"{row.number:<16} {'resting' if row.resting else 'in use':<8}"
            f" {row.valid_from} to {row.valid_to or 'open'}, pool {', '.join(pools.get(row.id, ['none']))},"
            f" {f'trunk {trunk}' if trunk else 'any trunk'}, proof: {row.proof or 'none, never shown'}, brand {owner}"
            for row, owner, trunk in rows.all()
        ]

    for line in in_transaction(settings, act):
        print(line)


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SystemExit(f"{option} is a date such as 2026-11-23, not {text}") from None
