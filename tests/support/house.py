"""A small calling floor in the database: one debtor, one campaign, one proven caller ID."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from cases.models import Case, Creditor, Debtor, Portfolio
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.models import Brand
from dialer.attempts.models import Attempt, CallEvent
from dialer.call import CallState
from dialer.campaigns.models import Campaign
from dialer.trunks.models import Trunk
from numbering.models import CallerId, CallerIdPool, CallerIdPoolMember


@dataclass
class Floor:
    """Ids of what :func:`floor` made, and unsaved rows that fit it."""

    clock: Clock
    brand_id: UUID
    trunk_id: UUID
    caller_id_id: UUID
    pool_id: UUID
    campaign_id: UUID
    debtor_id: UUID
    case_id: UUID
    shown: str = "+48221230010"
    phone: str = "+48600100200"

    def _row(self) -> dict[str, Any]:
        return {"id": new_id(self.clock), "created_at": self.clock.now(), "brand_id": self.brand_id}

    def attempt(self, **changes: Any) -> Attempt:
        """An attempt to call the debtor; ``changes`` are fields."""
        fields: dict[str, Any] = {
            "campaign_id": self.campaign_id,
            "debtor_id": self.debtor_id,
            "case_id": self.case_id,
            "phone": self.phone,
            "trunk_id": self.trunk_id,
            "caller_id_id": self.caller_id_id,
            "caller_id": self.shown,
            "mode": "fixed_ratio",
            "media_node": "n1",
            "fence": 1,
        }
        return Attempt(**self._row(), **(fields | changes))

    def event(self, attempt: Attempt, kind: str = "created") -> CallEvent:
        """An event of ``attempt``."""
        return CallEvent(
            **self._row(),
            attempt_id=attempt.id,
            campaign_id=self.campaign_id,
            kind=kind,
            state=CallState.CREATED,
            at=self.clock.now(),
        )


async def floor(database: Database, clock: Clock, brand: Brand) -> Floor:
    """Make and save the floor."""
    ids = {
        name: new_id(clock) for name in ("trunk", "caller", "pool", "campaign", "creditor", "book", "debtor", "case")
    }
    made = Floor(clock, brand.id, ids["trunk"], ids["caller"], ids["pool"], ids["campaign"], ids["debtor"], ids["case"])
    base: dict[str, Any] = {"created_at": clock.now(), "brand_id": brand.id}
    stages = [
        [
            Trunk(id=ids["trunk"], **base, name="Operator", host="127.0.0.1"),
            CallerIdPool(id=ids["pool"], **base, name="Warszawa"),
            Creditor(id=ids["creditor"], **base, name="Bank Przykładowy"),
            Debtor(id=ids["debtor"], **base, reference="D-1", name="Jan Przykład", name_key="jan przyklad"),
        ],
        [
            CallerId(id=ids["caller"], **base, number=made.shown, proof="umowa 1/2026", valid_from=date(2026, 1, 1)),
            Portfolio(id=ids["book"], **base, creditor_id=ids["creditor"], name="2026-11"),
            Campaign(id=ids["campaign"], **base, name="Przykład", trunk_id=ids["trunk"], caller_id_pool_id=ids["pool"]),
        ],
        [
            CallerIdPoolMember(id=new_id(clock), **base, pool_id=ids["pool"], caller_id_id=ids["caller"]),
            Case(id=ids["case"], **base, portfolio_id=ids["book"], debtor_id=ids["debtor"]),
        ],
    ]
    async with database.begin() as session:
        for stage in stages:
            session.add_all(stage)
            await session.flush()
    return made
