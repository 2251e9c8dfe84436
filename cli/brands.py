"""``callfloor brand``: the names under which people are contacted."""

from __future__ import annotations

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.transaction import OperatorError, in_transaction
from core import audit
from core.ids import new_id
from core.models import Brand
from core.settings import Settings
from dialer.agents.defaults import seed
from numbering.normalise import e164


def add(settings: Settings, name: str, *, callback_number: str, timezone: str) -> None:
    """Add a brand with the dispositions and pause reasons every brand starts with."""
    number = e164(callback_number)
    if number is None:
        raise SystemExit("The call-back number must be a telephone number, e.g. +48 22 123 45 67")
    clock = settings.clock()

    async def act(session: AsyncSession) -> None:
        if (await session.exec(select(Brand).where(Brand.name == name))).first() is not None:
            raise OperatorError(f"There is a brand {name} already")
        brand = Brand(id=new_id(clock), created_at=clock.now(), name=name, callback_number=number, timezone=timezone)
        session.add(brand)
        await session.flush()
        seed(session, clock, brand.id)
        await audit.record(
            session, clock, actor="operator", action="brand.add", subject=f"brand:{brand.id}", brand_id=brand.id
        )

    in_transaction(settings, act)
    print(f"Added the brand {name}")
