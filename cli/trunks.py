"""``callfloor trunk``: the carriers we call through, and what their signals mean."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.asking import ask_password
from cli.lookup import ACTOR, brand_named, given, trunk_named
from cli.transaction import OperatorError, in_transaction
from core.bus import LOST, Bus
from core.embedded import redis_url
from core.models import Brand
from core.security import Keys
from core.settings import Settings
from dialer.call import Outcome
from dialer.engine.nodes import alive_nodes
from dialer.trunks import service
from dialer.trunks.models import CallerIdHeader, NumberFormat, SrtpUse, Transport, Trunk, TrunkAuth
from dialer.trunks.reload import ask_reload
from dialer.trunks.rules import READABLE, own_rules, set_rule
from dialer.trunks.service import TrunkError

Kind = TypeVar("Kind", bound=StrEnum)
CHOICES: Final[Mapping[str, type[StrEnum]]] = {
    "auth": TrunkAuth,
    "transport": Transport,
    "srtp": SrtpUse,
    "caller_id_header": CallerIdHeader,
    "number_format": NumberFormat,
}
EMPTIED: Final = ("outbound_proxy", "username", "from_domain", "privacy")  # an empty text takes these away


def add(settings: Settings, name: str, *, brand: str | None, password: bool, options: Mapping[str, Any]) -> None:
    """Add a trunk. ``password``: ask for one; ``options``: columns, None where the operator said nothing."""
    fields = _fields(options)
    secret = ask_password() if password else None
    if fields.get("auth") is TrunkAuth.REGISTER and secret is None:
        raise SystemExit("Registration needs a password: --password asks for it")
    clock, keys = settings.clock(), Keys.load(settings)

    async def act(session: AsyncSession) -> None:
        owner = await brand_named(session, brand)
        try:
            await service.create_trunk(
                session, clock, keys, brand_id=owner.id, name=name, password=secret, actor=ACTOR, **fields
            )
        except TrunkError as error:
            raise OperatorError(str(error)) from None
        await _tell_media(session, settings)

    in_transaction(settings, act)
    print(f"Added the trunk {name}")


def edit(settings: Settings, name: str, *, brand: str | None, password: bool, options: Mapping[str, Any]) -> None:
    """Change what is given of a trunk; calls that are up go on."""
    fields = _fields(options)
    secret = ask_password() if password else None
    if not fields and secret is None:
        raise SystemExit("Nothing to change: name at least one option, see --help")
    clock, keys = settings.clock(), Keys.load(settings)

    async def act(session: AsyncSession) -> None:
        trunk = await _trunk(session, name, brand)
        try:
            await service.edit_trunk(session, clock, keys, trunk.id, password=secret, actor=ACTOR, **fields)
        except TrunkError as error:
            raise OperatorError(str(error)) from None
        await _tell_media(session, settings)

    in_transaction(settings, act)
    print(f"Changed the trunk {name}")


def remove(settings: Settings, name: str, *, brand: str | None) -> None:
    """Remove a trunk nothing hangs on."""
    clock = settings.clock()

    async def act(session: AsyncSession) -> None:
        trunk = await _trunk(session, name, brand)
        try:
            await service.remove_trunk(session, clock, trunk.id, actor=ACTOR)
        except TrunkError as error:
            raise OperatorError(f"{error} (callfloor trunk edit NAME --disabled)") from None
        await _tell_media(session, settings)

    in_transaction(settings, act)
    print(f"Removed the trunk {name}")


def show(settings: Settings) -> None:
    """Print the trunks, one a line, without their passwords."""

    async def act(session: AsyncSession) -> list[tuple[Trunk, str]]:
        query = select(Trunk, Brand.name).join(Brand, col(Brand.id) == Trunk.brand_id)
        return list((await session.exec(query.order_by(Brand.name, Trunk.name))).all())

    for trunk, owner in in_transaction(settings, act):
        state = "enabled" if trunk.enabled else "disabled"
        who = f"{trunk.auth} as {trunk.username}" if trunk.auth is TrunkAuth.REGISTER else str(trunk.auth)
        print(
            f"{trunk.name:<20} {trunk.host:<28} {trunk.transport:<4} {who:<24} {trunk.max_calls} lines,"
            f" {trunk.max_cps:g}/s, {trunk.number_format} numbers to {' '.join(trunk.allowed_prefixes)},"
            f" {trunk.caller_id_header}, {state}, brand {owner}"
        )


def rule(
    settings: Settings,
    name: str,
    *,
    brand: str | None,
    sip_code: int | None,
    q850: int | None,
    outcome: str | None,
    remove: bool,
) -> None:
    """Set or take away one line of the trunk's own reading of signals; with no signal named, print its lines."""
    if remove and outcome is not None:
        raise SystemExit("Either --outcome or --remove")
    named = sip_code is not None or q850 is not None
    if named and outcome is None and not remove:
        raise SystemExit(f"Say what it means, --outcome ({', '.join(READABLE)}), or --remove")
    if not named and (remove or outcome is not None):
        raise SystemExit("Name the signal: --sip-code, --q850 or both")
    clock = settings.clock()

    async def act(session: AsyncSession) -> list[str]:
        trunk = await _trunk(session, name, brand)
        if named:
            meant = None if outcome is None else _choice(Outcome, "outcome", outcome, READABLE)
            try:
                await set_rule(
                    session, clock, trunk.id, sip_code=sip_code, q850=q850, outcome=meant, actor=ACTOR
                )  # fmt: skip
            except TrunkError as error:
                raise OperatorError(str(error)) from None
            await session.flush()
        return [
            f"SIP {line.sip_code or 'any':<6} Q.850 {line.q850 or 'any':<6} {line.outcome}"
            for line in await own_rules(session, trunk.id)
        ]

    lines = in_transaction(settings, act)
    print("\n".join(lines) or f"{name} is read by the shipped table alone (docs/operator/outcomes.md)")


async def _trunk(session: AsyncSession, name: str, brand: str | None) -> Trunk:
    return await trunk_named(session, name, (await brand_named(session, brand)).id)


async def _tell_media(session: AsyncSession, settings: Settings) -> None:
    """Have every media process read the trunks again; those that don't run now will as they start."""
    bus = Bus(redis_url(settings))
    try:
        running = set(await alive_nodes(bus))
    except LOST:
        running = set()
    finally:
        await bus.close()
    await ask_reload(session, {settings.node, *running})


def _fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """The given options as columns hold them."""
    try:
        return {
            name: _choice(CHOICES[name], name.replace("_", "-"), value) if name in CHOICES else _emptied(name, value)
            for name, value in given(options).items()
        }
    except OperatorError as error:
        raise SystemExit(str(error)) from None


def _emptied(name: str, value: Any) -> Any:
    return None if name in EMPTIED and value == "" else value


def _choice(kind: type[Kind], what: str, text: str, known: tuple[str, ...] = ()) -> Kind:
    try:
        return kind(text)
    except ValueError:
        raise OperatorError(f"No {what} {text}; there are: {', '.join(known or tuple(kind))}") from None
