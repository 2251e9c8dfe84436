"""Making, changing and reading trunks."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core import audit
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.security import Keys
from dialer.trunks.models import Trunk
from dialer.trunks.specs import TrunkSpec, spec_of

_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\](:\d{1,5})?")
_PREFIX = re.compile(r"\+[1-9]\d{0,14}")
_EDITABLE = frozenset(
    {
        "name", "auth", "host", "outbound_proxy", "transport", "srtp", "username", "from_domain", "caller_id_header",
        "privacy", "number_format", "allowed_prefixes", "max_calls", "max_cps", "ring_timeout", "max_duration",
        "options_interval", "enabled",
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
    _apply(trunk, {"name": name, "host": host, **fields})
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
    _apply(trunk, fields)
    if password:
        trunk.password_sealed = keys.seal(password)
    session.add(trunk)
    await audit.record(
        session, clock, actor=actor, action="trunk.edit", subject=f"trunk:{trunk.id}", brand_id=trunk.brand_id,
        detail={"fields": sorted(fields)},
    )  # fmt: skip
    return trunk


async def load_specs(database: Database, keys: Keys) -> dict[UUID, TrunkSpec]:
    """Every enabled trunk of every brand, by id."""
    async with database.begin() as session:
        rows = (await session.exec(select(Trunk).where(col(Trunk.enabled).is_(True)))).all()
    return {row.id: spec_of(row, keys.unseal) for row in rows}


def _apply(trunk: Trunk, fields: dict[str, Any]) -> None:
    unknown = set(fields) - _EDITABLE
    if unknown:
        raise TrunkError(f"A trunk has no {', '.join(sorted(unknown))}.")
    for name, value in fields.items():
        setattr(trunk, name, value)
    if not _HOST.fullmatch(trunk.host):
        raise TrunkError("The host is a name or an address, with or without :port.")
    if not trunk.allowed_prefixes or not all(_PREFIX.fullmatch(prefix) for prefix in trunk.allowed_prefixes):
        raise TrunkError("Prefixes are E.164: a plus and digits, such as +48.")
    if trunk.max_calls < 1 or trunk.max_cps <= 0:
        raise TrunkError("A trunk needs at least one line and a rate above zero.")
    if trunk.privacy is not None and not re.fullmatch(r"[a-z]+(; ?[a-z]+)*", trunk.privacy):
        raise TrunkError("Privacy is a list of words such as id;critical (RFC 3323).")
