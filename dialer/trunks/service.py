"""Making, changing and reading trunks."""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core import audit
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.security import Keys
from dialer.media.sdp import CODECS
from dialer.trunks.models import OutcomeRule, Trunk, TrunkAuth
from dialer.trunks.specs import TrunkSpec, spec_of

_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?")
_PREFIX = re.compile(r"\+[1-9]\d{0,14}")
RING_SECONDS: Final = (15, 120)  # shorter than 15 s is no fair ring (16 CFR 310.4(b)(4), Ofcom)
_EDITABLE = frozenset(
    {
        "name", "auth", "host", "outbound_proxy", "transport", "srtp", "username", "from_domain", "caller_id_header",
        "privacy", "number_format", "allowed_prefixes", "max_calls", "max_cps", "ring_timeout", "max_duration",
        "options_interval", "codecs", "enabled",
    }
)  # fmt: skip


class TrunkError(ValueError):
    """A trunk can't be as asked; the text says why."""


async def create_trunk(
    session: AsyncSession,
    clock: Clock,
    keys: Keys,
    *,
    brand_id: UUID,
    name: str,
    host: str,
    password: str | None = None,
    actor: str = "system",
    **fields: Any,
) -> Trunk:
    """Add a trunk. ``fields`` are columns of :class:`Trunk`; the password is stored sealed.

    Media processes see it after :class:`dialer.media.messages.ReloadTrunks`.

    Raises:
        TrunkError: an unknown field, or a value that can't work.
    """
    trunk = Trunk(id=new_id(clock), created_at=clock.now(), brand_id=brand_id, name=name, host=host)
    await _apply(session, trunk, {"name": name, "host": host, **fields})
    if password:
        trunk.password_sealed = keys.seal(password)
    session.add(trunk)
    await session.flush()
    await audit.record(
        session, clock, actor=actor, action="trunk.create", subject=f"trunk:{trunk.id}", brand_id=brand_id
    )
    return trunk


async def edit_trunk(
    session: AsyncSession,
    clock: Clock,
    keys: Keys,
    trunk_id: UUID,
    *,
    password: str | None = None,
    actor: str = "system",
    **fields: Any,
) -> Trunk:
    """Change a trunk's settings; ``password`` None leaves the stored one.

    Raises:
        TrunkError: no such trunk, an unknown field, or a value that can't work.
    """
    trunk = (await session.exec(select(Trunk).where(Trunk.id == trunk_id).with_for_update())).first()
    if trunk is None:
        raise TrunkError("No such trunk.")
    await _apply(session, trunk, fields)
    if password:
        trunk.password_sealed = keys.seal(password)
    session.add(trunk)
    await audit.record(
        session, clock, actor=actor, action="trunk.edit", subject=f"trunk:{trunk.id}", brand_id=trunk.brand_id,
        detail={"fields": sorted(fields)},
    )  # fmt: skip
    return trunk


async def remove_trunk(session: AsyncSession, clock: Clock, trunk_id: UUID, *, actor: str = "system") -> None:
    """Remove a trunk nothing hangs on, with its own reading of signals.

    Raises:
        TrunkError: no such trunk, or a campaign, a caller ID or a call of the past needs it.
    """
    trunk = (await session.exec(select(Trunk).where(Trunk.id == trunk_id).with_for_update())).first()
    if trunk is None:
        raise TrunkError("No such trunk.")
    try:
        async with session.begin_nested():
            await session.exec(delete(OutcomeRule).where(col(OutcomeRule.trunk_id) == trunk_id))
            await session.exec(delete(Trunk).where(col(Trunk.id) == trunk_id))
    except IntegrityError:
        raise TrunkError("Campaigns, caller IDs or calls of the past need this trunk: disable it instead.") from None
    await audit.record(
        session, clock, actor=actor, action="trunk.remove", subject=f"trunk:{trunk_id}", brand_id=trunk.brand_id,
        detail={"name": trunk.name},
    )  # fmt: skip


async def load_specs(database: Database, keys: Keys) -> dict[UUID, TrunkSpec]:
    """Every enabled trunk of every brand, by id."""
    async with database.begin() as session:
        rows = (await session.exec(select(Trunk).where(col(Trunk.enabled).is_(True)))).all()
    return {row.id: spec_of(row, keys.unseal) for row in rows}


async def _apply(session: AsyncSession, trunk: Trunk, fields: dict[str, Any]) -> None:
    unknown = set(fields) - _EDITABLE
    if unknown:
        raise TrunkError(f"A trunk has no {', '.join(sorted(unknown))}.")
    for name, value in fields.items():
        setattr(trunk, name, value)
    with session.no_autoflush:
        taken = await session.exec(
            select(Trunk.id).where(Trunk.brand_id == trunk.brand_id, Trunk.name == trunk.name, Trunk.id != trunk.id)
        )
    if not trunk.name.strip() or taken.first() is not None:
        raise TrunkError(f"There is a trunk «{trunk.name}» already." if trunk.name.strip() else "Give it a name.")
    if not _HOST.fullmatch(trunk.host):
        raise TrunkError("The host is a name or an address, with or without :port.")
    if not trunk.allowed_prefixes or not all(_PREFIX.fullmatch(prefix) for prefix in trunk.allowed_prefixes):
        raise TrunkError("Prefixes are E.164: a plus and digits, such as +48.")
    if trunk.max_calls < 1 or trunk.max_cps <= 0:
        raise TrunkError("A trunk needs at least one line and a rate above zero.")
    if not RING_SECONDS[0] <= trunk.ring_timeout <= RING_SECONDS[1]:
        raise TrunkError("ring_timeout must be from {} to {} s.".format(*RING_SECONDS))
    if trunk.max_duration < 1 or trunk.options_interval < 0:
        raise TrunkError("max_duration must be above 0 s; options_interval 0 s (none) or more.")
    if not trunk.codecs or sorted(set(trunk.codecs) & set(CODECS)) != sorted(trunk.codecs):
        raise TrunkError(f"Codecs are {' and '.join(CODECS)}, each at most once, the preferred first.")
    if trunk.auth is TrunkAuth.REGISTER and not trunk.username:
        raise TrunkError("Registration needs a user name.")
    if trunk.privacy is not None and not re.fullmatch(r"[a-z]+(; ?[a-z]+)*", trunk.privacy):
        raise TrunkError("Privacy is a list of words such as id;critical (RFC 3323).")
