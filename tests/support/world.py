"""A small calling floor in the database: trunk, caller IDs, campaign, agents, debtors with leads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from cases.models import Case, ContactKind, ContactPoint, Creditor, Debt, Debtor, Portfolio
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.models import Brand, Role, UserAccount
from core.security import hash_password
from dialer.agents.models import Agent, CampaignAgent
from dialer.attempts.models import Attempt, CallEvent
from dialer.call import CallState
from dialer.campaigns.models import Campaign, CampaignState, Lead, LeadList
from dialer.trunks.models import Trunk
from numbering.models import CallerId, CallerIdPool, CallerIdPoolMember

T = TypeVar("T")

PASSWORD = "correct horse battery"


@dataclass
class World:
    """What :func:`make_world` made, and unsaved rows that fit it. ``caller_id``: the first number of the pool."""

    brand: Brand
    trunk: Trunk
    pool: CallerIdPool
    caller_id: CallerId
    campaign: Campaign
    portfolio_id: UUID
    list_id: UUID
    agents: list[Agent] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)

    @property
    def id(self) -> UUID:
        """The campaign."""
        return self.campaign.id

    def attempt(self, clock: Clock, **changes: Any) -> Attempt:
        """An attempt at the first lead; ``changes`` are fields."""
        lead = self.leads[0]
        fields: dict[str, Any] = {
            "campaign_id": self.id,
            "lead_id": lead.id,
            "debtor_id": lead.debtor_id,
            "case_id": lead.case_id,
            "phone": "+48600100200",
            "trunk_id": self.trunk.id,
            "caller_id_id": self.caller_id.id,
            "caller_id": self.caller_id.number,
            "mode": self.campaign.mode,
            "media_node": "n1",
            "fence": 1,
        }
        return Attempt(**_base(clock, self.brand), **(fields | changes))

    def event(self, clock: Clock, attempt: Attempt) -> CallEvent:
        """The first event of ``attempt``."""
        return CallEvent(
            **_base(clock, self.brand),
            attempt_id=attempt.id,
            campaign_id=self.id,
            kind="created",
            state=CallState.CREATED,
            at=clock.now(),
        )


async def make_world(
    database: Database,
    clock: Clock,
    brand: Brand,
    *,
    phones: list[str],
    agents: int = 1,
    trunk_host: str = "127.0.0.1:5999",
    agent_uri: str = "sip:agent{n:02d}@127.0.0.1:5998",
    trunk: dict[str, Any] | None = None,
    **campaign: Any,
) -> World:
    """One debtor with a case and a lead for each phone; the campaign is running."""
    async with database.begin() as s:
        carrier = await _add(
            s, Trunk(**_base(clock, brand), name="carrier", host=trunk_host, **{"options_interval": 0, **(trunk or {})})
        )
        pool = await _add(s, CallerIdPool(**_base(clock, brand), name="pool"))
        shown = []
        for position in range(2):
            number = CallerId(
                **_base(clock, brand),
                number=f"+4822123000{position}",
                trunk_id=carrier.id,
                proof="contract 1/2026",
                valid_from=(clock.now() - timedelta(days=30)).date(),
            )
            shown.append(await _add(s, number))
            await _add(
                s,
                CallerIdPoolMember(**_base(clock, brand), pool_id=pool.id, caller_id_id=number.id, position=position),
            )
        row = Campaign(
            **_base(clock, brand),
            trunk_id=carrier.id,
            caller_id_pool_id=pool.id,
            **{"name": "campaign", "state": CampaignState.RUNNING, "mode": "progressive", **campaign},
        )
        await _add(s, row)
        creditor = await _add(s, Creditor(**_base(clock, brand), name="creditor"))
        portfolio = await _add(s, Portfolio(**_base(clock, brand), creditor_id=creditor.id, name="portfolio"))
        leads = await _add(s, LeadList(**_base(clock, brand), campaign_id=row.id, name="list"))
        world = World(brand, carrier, pool, shown[0], row, portfolio.id, leads.id)
        password = hash_password(PASSWORD)
        for n in range(1, agents + 1):
            world.agents.append(await _agent(s, clock, brand, row.id, n, agent_uri.format(n=n), password))
            world.logins.append(f"agent{n:02d}")
        for phone in phones:
            await add_debtor(s, clock, world, phone)
    return world


async def add_debtor(s: AsyncSession, clock: Clock, world: World, *phones: str) -> Lead:
    """A debtor with a case of 123.45 PLN, these phones and a lead that is due."""
    n = len(world.leads)
    debtor = await _add(
        s,
        Debtor(**_base(clock, world.brand), reference=f"K{n:05d}", name=f"Jan Próbny {n}", name_key=f"jan probny {n}"),
    )
    for position, phone in enumerate(phones):
        point = ContactPoint(
            **_base(clock, world.brand), debtor_id=debtor.id, kind=ContactKind.PHONE, value=phone, position=position
        )
        await _add(s, point)
    case = await _add(s, Case(**_base(clock, world.brand), portfolio_id=world.portfolio_id, debtor_id=debtor.id))
    await _add(s, Debt(**_base(clock, world.brand), case_id=case.id, reference=f"U{n}", amount=12345))
    lead = Lead(
        **_base(clock, world.brand),
        campaign_id=world.id,
        list_id=world.list_id,
        case_id=case.id,
        debtor_id=debtor.id,
        due_at=clock.now(),
    )
    await _add(s, lead)
    world.leads.append(lead)
    return lead


async def _agent(
    s: AsyncSession, clock: Clock, brand: Brand, campaign_id: UUID, n: int, uri: str, password: str
) -> Agent:
    user = UserAccount(
        id=new_id(clock),
        created_at=clock.now(),
        login=f"agent{n:02d}",
        name=f"Agent {n}",
        password_hash=password,
        role=Role.AGENT,
        brand_ids=[str(brand.id)],
    )
    await _add(s, user)
    agent = await _add(s, Agent(**_base(clock, brand), user_id=user.id, name=f"Agent {n}", phone_uri=uri))
    await _add(s, CampaignAgent(**_base(clock, brand), campaign_id=campaign_id, agent_id=agent.id))
    return agent


def _base(clock: Clock, brand: Brand) -> dict[str, Any]:
    return {"id": new_id(clock), "created_at": clock.now(), "brand_id": brand.id}


async def _add(s: AsyncSession, row: T) -> T:
    s.add(row)
    await s.flush()
    return row
