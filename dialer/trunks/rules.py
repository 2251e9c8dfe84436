"""A trunk's own reading of signals: lines that go before the shipped table (``dialer/trunks/outcomes.py``)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core import audit
from core.clock import Clock
from core.ids import new_id
from dialer.call import Outcome
from dialer.trunks.models import OutcomeRule, Trunk
from dialer.trunks.outcomes import TABLE
from dialer.trunks.service import TrunkError

READABLE: Final = tuple(sorted({line.outcome for line in TABLE}))  # what a signal can be read as
_FINAL: Final = (300, 699)  # SIP codes that end an unanswered call
_CAUSES: Final = (1, 127)  # Q.850


async def own_rules(session: AsyncSession, trunk_id: UUID) -> list[OutcomeRule]:
    """The trunk's lines in the order they are read: code and cause together, then causes, then codes."""
    query = select(OutcomeRule).where(OutcomeRule.trunk_id == trunk_id)
    return list((await session.exec(query.order_by(col(OutcomeRule.position), col(OutcomeRule.id)))).all())


async def set_rule(
    session: AsyncSession,
    clock: Clock,
    trunk_id: UUID,
    *,
    sip_code: int | None,
    q850: int | None,
    outcome: Outcome | None,
    actor: str = "system",
) -> None:
    """Read this signal of the trunk as ``outcome`` from now on; None takes the line away again.

    A line with both a SIP code and a Q.850 cause is about calls that end with both.

    Raises:
        TrunkError: no such trunk or line, a signal that can't be, or an outcome that no signal can mean.
    """
    trunk = (await session.exec(select(Trunk).where(Trunk.id == trunk_id).with_for_update())).first()
    if trunk is None:
        raise TrunkError("No such trunk.")
    if sip_code is None and q850 is None:
        raise TrunkError("Name a SIP code, a Q.850 cause or both.")
    for value, (low, high), what in ((sip_code, _FINAL, "A SIP code"), (q850, _CAUSES, "A Q.850 cause")):
        if value is not None and not low <= value <= high:
            raise TrunkError(f"{what} here is from {low} to {high}.")
    rules = await own_rules(session, trunk_id)
    line = next((rule for rule in rules if (rule.sip_code, rule.q850) == (sip_code, q850)), None)
    if outcome is None:
        if line is None:
            raise TrunkError("This trunk has no such line.")
        await session.delete(line)
    else:
        if outcome not in READABLE:
            raise TrunkError(f"No signal means {outcome}; there are: {', '.join(READABLE)}.")
        if line is None:
            line = OutcomeRule(
                id=new_id(clock),
                created_at=clock.now(),
                brand_id=trunk.brand_id,
                trunk_id=trunk_id,
                position=0 if sip_code is not None and q850 is not None else 1 if q850 is not None else 2,
                sip_code=sip_code,
                q850=q850,
                outcome=outcome,
            )
        line.outcome = outcome
        session.add(line)
    await audit.record(
        session, clock, actor=actor, action="trunk.rule", subject=f"trunk:{trunk_id}", brand_id=trunk.brand_id,
        detail={"sip_code": sip_code, "q850": q850, "outcome": outcome},
    )  # fmt: skip
