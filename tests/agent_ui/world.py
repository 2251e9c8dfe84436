"""An invented installation to look at: people, a campaign, debtors, calls as the engine would have left them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.contact.ledger import record_many
from cases.contact.models import LedgerEntry
from cases.models import (
    ActionKind,
    Case,
    Channel,
    ContactKind,
    ContactPoint,
    Creditor,
    Debt,
    Debtor,
    Direction,
    Interaction,
    NextAction,
    Payment,
    Portfolio,
)
from core.clock import Clock, ManualClock
from core.db import Database
from core.ids import new_id
from core.models import Brand, Role, UserAccount
from core.security import hash_password
from dialer.agents.models import Agent, AgentSession, AgentState, AgentStateLog, CampaignAgent, Disposition
from dialer.agents.states import change
from dialer.attempts.models import Attempt
from dialer.call import CallState, Outcome
from dialer.campaigns.models import Campaign, CampaignState, Lead, LeadList, LeadState
from dialer.trunks.models import Trunk
from numbering.models import CallerId, CallerIdPool, CallerIdPoolMember

PASSWORD = "sosna-wydma-71"
HASH = hash_password(PASSWORD)
NAMES = (
    "Jan Kowalski", "Anna Nowak", "Piotr Zieliński", "Maria Wójcik", "Krzysztof Lewandowski", "Agnieszka Kamińska",
    "Tomasz Dąbrowski", "Ewa Szymańska", "Paweł Woźniak", "Barbara Kozłowska", "Michał Jankowski", "Zofia Mazur",
    "Łukasz Krawczyk", "Hanna Piotrowska", "Grzegorz Grabowski", "Irena Pawłowska",
)  # fmt: skip
TEAM = ("Ola Sowa", "Bartek Lis", "Celina Wilk", "Darek Żuraw", "Ela Kos", "Filip Bóbr")
MIX = (
    (Outcome.NO_ANSWER, 34), (Outcome.MACHINE_EARLY, 14), (Outcome.MACHINE, 9), (Outcome.BUSY, 8),
    (Outcome.DEAD_NUMBER, 6), (Outcome.UNCLEAR, 5), (Outcome.REJECTED, 4), (Outcome.CONNECTED, 17),
    (Outcome.ABANDONED, 0.4), (Outcome.HUNG_UP_EARLY, 2),
)  # fmt: skip


@dataclass
class World:
    """Handles on what was made."""

    brand: Brand
    clock: Clock
    campaign: Campaign
    trunk: Trunk
    pool: CallerIdPool
    portfolio: Portfolio
    lead_list: LeadList
    caller_id: CallerId
    agents: list[Agent] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    debtors: list[Debtor] = field(default_factory=list)
    phones: list[ContactPoint] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)


def stamped(clock: Clock, **values: Any) -> dict[str, Any]:
    """A fresh row's id and instant, and ``values``."""
    return {"id": new_id(clock), "created_at": clock.now(), **values}


def user(clock: Clock, login: str, name: str, role: Role, *brands: UUID, locale: str = "pl") -> UserAccount:
    """Somebody who logs in with :data:`PASSWORD`."""
    return UserAccount(
        **stamped(clock, login=login, name=name, password_hash=HASH, role=role, brand_ids=[str(b) for b in brands]),
        locale=locale,
    )


async def build(database: Database, clock: Clock, brand: Brand, *, debtors: int = 16, agents: int = 2) -> World:
    """A brand with a running campaign, its agents (logins agent1, agent2 ...), supervisor, manager, admin and leads."""
    async with database.begin() as session:
        for login, name, role in (
            ("szefowa", "Iga Sikora", Role.SUPERVISOR),
            ("kierownik", "Leon Czapla", Role.MANAGER),
            ("admin", "Maja Dzięcioł", Role.ADMIN),
        ):
            session.add(user(clock, login, name, role, brand.id))
        trunk = Trunk(**stamped(clock, brand_id=brand.id, name="Operator A", host="127.0.0.1:5180"))
        pool = CallerIdPool(**stamped(clock, brand_id=brand.id, name="Warszawa"))
        creditor = Creditor(**stamped(clock, brand_id=brand.id, name="Telefonia Przykładowa"))
        session.add_all([trunk, pool, creditor])
        await session.flush()
        number = CallerId(
            **stamped(clock, brand_id=brand.id, number="+48221230001", trunk_id=trunk.id, proof="umowa 1/2026"),
            valid_from=date(2026, 1, 1),
        )
        portfolio = Portfolio(**stamped(clock, brand_id=brand.id, creditor_id=creditor.id, name="Jesień 2026"))
        campaign = Campaign(
            **stamped(
                clock, brand_id=brand.id, name="Faktury po terminie", trunk_id=trunk.id, caller_id_pool_id=pool.id
            ),
            state=CampaignState.RUNNING,
        )
        session.add_all([number, portfolio, campaign])
        await session.flush()
        session.add(CallerIdPoolMember(**stamped(clock, brand_id=brand.id, pool_id=pool.id, caller_id_id=number.id)))
        leads = LeadList(**stamped(clock, brand_id=brand.id, campaign_id=campaign.id, name="jesien-2026.csv"))
        session.add(leads)
        await session.flush()
        world = World(brand, clock, campaign, trunk, pool, portfolio, leads, number)
        for index in range(agents):
            account = user(clock, f"agent{index + 1}", TEAM[index % len(TEAM)], Role.AGENT, brand.id)
            session.add(account)
            await session.flush()
            agent = Agent(
                **stamped(clock, brand_id=brand.id, user_id=account.id, name=account.name),
                phone_uri=f"sip:{100 + index}@127.0.0.1:5280",
            )
            session.add(agent)
            await session.flush()
            world.agents.append(agent)
            link = {"brand_id": brand.id, "campaign_id": campaign.id, "agent_id": agent.id}
            session.add(CampaignAgent(**stamped(clock, **link)))
        for index in range(debtors):
            await _debtor(session, world, index)
    return world


async def _debtor(session: AsyncSession, world: World, index: int) -> None:
    clock, brand = world.clock, world.brand
    name = NAMES[index % len(NAMES)]
    debtor = Debtor(
        **stamped(clock, brand_id=brand.id, reference=f"TP-{10_000 + index}", name=name, name_key=name.lower()),
        address="ul. Wierzbowa 4 m. 2, 00-123 Warszawa",
    )
    session.add(debtor)
    await session.flush()
    case = Case(**stamped(clock, brand_id=brand.id, portfolio_id=world.portfolio.id, debtor_id=debtor.id))
    phone = ContactPoint(
        **stamped(clock, brand_id=brand.id, debtor_id=debtor.id, kind=ContactKind.PHONE, value=f"+4860000{index:04}")
    )
    second = ContactPoint(
        **stamped(clock, brand_id=brand.id, debtor_id=debtor.id, kind=ContactKind.PHONE, value=f"+4822555{index:04}"),
        position=1,
    )
    session.add_all([case, phone, second])
    await session.flush()
    for part, amount in enumerate((123_456, 18_990)):
        session.add(
            Debt(
                **stamped(clock, brand_id=brand.id, case_id=case.id, reference=f"FV/{index}/{part}", amount=amount),
                title=f"Faktura {index + 1}/{part + 7}/2026",
                due_on=date(2026, 9, 14 + part),
            )
        )
    session.add(
        Payment(**stamped(clock, brand_id=brand.id, case_id=case.id, amount=20_000, paid_on=date(2026, 10, 30)))
    )
    lead = Lead(
        **stamped(clock, brand_id=brand.id, campaign_id=world.campaign.id, list_id=world.lead_list.id),
        case_id=case.id,
        debtor_id=debtor.id,
        due_at=clock.now(),
    )
    session.add(lead)
    world.debtors.append(debtor)
    world.cases.append(case)
    world.phones.append(phone)
    world.leads.append(lead)


def attempt(world: World, index: int, at: datetime, **values: Any) -> Attempt:
    """A call to the debtor of that index, begun at ``at``; by default it was just placed."""
    given: dict[str, Any] = {"state": CallState.DIALING, **values}
    return Attempt(
        id=new_id(ManualClock(at)),
        created_at=at,
        brand_id=world.brand.id,
        campaign_id=world.campaign.id,
        lead_id=world.leads[index].id,
        debtor_id=world.debtors[index].id,
        case_id=world.cases[index].id,
        contact_point_id=world.phones[index].id,
        phone=world.phones[index].value,
        trunk_id=world.trunk.id,
        caller_id_id=world.caller_id.id,
        caller_id=world.caller_id.number,
        mode="fixed_ratio",
        media_node="n1",
        fence=1,
        **given,
    )


def ended(world: World, index: int, at: datetime, outcome: Outcome) -> Attempt:
    """A finished call with that outcome and the instants that belong to it."""
    answered = at + timedelta(seconds=8)
    values: dict[str, Any] = {"state": CallState.ENDED, "outcome": outcome, "ringing_at": at + timedelta(seconds=2)}
    if outcome in (Outcome.CONNECTED, Outcome.ABANDONED, Outcome.MACHINE, Outcome.HUNG_UP_EARLY):
        values |= {"answered_at": answered, "ended_at": answered + timedelta(seconds=3), "sip_code": 200}
    else:
        values |= {"ended_at": at + timedelta(seconds=20), "sip_code": 480}
    if outcome in (Outcome.CONNECTED, Outcome.ABANDONED):
        values |= {"live": True, "verdict_at": answered + timedelta(milliseconds=600)}
    if outcome is Outcome.CONNECTED:
        values |= {
            "bridged_at": answered + timedelta(milliseconds=700),
            "ended_at": answered + timedelta(seconds=95),
        }
    values["abandoned"] = outcome is Outcome.ABANDONED
    values["cancelled_before_answer"] = outcome is Outcome.MACHINE_EARLY
    return attempt(world, index, at, **values)


async def open_shift(
    database: Database,
    world: World,
    agent: int,
    state: AgentState = AgentState.READY,
    *,
    ago: float = 0,
    reason: str | None = None,
) -> AgentSession:
    """An open shift of that agent with the telephone connected, ``ago`` seconds in its state."""
    then = world.clock.now() - timedelta(seconds=ago)
    row = AgentSession(
        id=new_id(world.clock),
        created_at=then,
        brand_id=world.brand.id,
        agent_id=world.agents[agent].id,
        campaign_id=world.campaign.id,
        state=state,
        state_since=then,
        pause_reason=reason,
        leg_up=True,
        media_node="n1",
    )
    async with database.begin() as session:
        session.add(row)
        await session.flush()
        session.add(
            AgentStateLog(
                **stamped(world.clock, brand_id=world.brand.id, session_id=row.id, agent_id=row.agent_id),
                campaign_id=row.campaign_id,
                state=state,
                since=then,
            )
        )
    return row


async def bridge(database: Database, world: World, row: AgentSession, index: int) -> Attempt:
    """Connect the shift to a debtor as the engine does: attempt, agent's state and notice in one transaction."""
    now = world.clock.now()
    call = attempt(
        world,
        index,
        now - timedelta(seconds=9),
        state=CallState.BRIDGED,
        outcome=Outcome.CONNECTED,
        answered_at=now - timedelta(seconds=1),
        verdict_at=now - timedelta(milliseconds=300),
        bridged_at=now,
        live=True,
        agent_session_id=row.id,
        agent_id=row.agent_id,
    )
    async with database.begin() as session:
        session.add(call)
        await record_many(session, [_ledger(world, call)])
        lead = await session.get_one(Lead, call.lead_id)
        lead.state = LeadState.IN_FLIGHT
        session.add(lead)
        held = await session.get_one(AgentSession, row.id)
        await change(session, world.clock, held, AgentState.TALKING)
        held.attempt_id = call.id
        session.add(held)
    return call


async def hang_up(database: Database, world: World, row: AgentSession, call: Attempt) -> None:
    """The debtor hangs up: the agent goes to wrap-up."""
    async with database.begin() as session:
        held_call = await session.get_one(Attempt, call.id)
        held_call.state, held_call.ended_at, held_call.hung_up_by = CallState.ENDED, world.clock.now(), "debtor"
        held = await session.get_one(AgentSession, row.id)
        await change(session, world.clock, held, AgentState.WRAPUP)
        session.add_all([held_call, held])


async def history(database: Database, world: World, calls: int, *, seed: int = 7) -> None:
    """A morning of calls: the mix of outcomes, dispositions, interactions, ledger entries and leads moved on."""
    drawn = random.Random(seed)
    outcomes = drawn.choices([o for o, _ in MIX], [w for _, w in MIX], k=calls)
    start = world.clock.now() - timedelta(hours=2)
    async with database.begin() as session:
        given = list((await session.exec(select(Disposition).where(Disposition.brand_id == world.brand.id))).all())
        given = [d for d in given if d.key]
        for number, outcome in enumerate(outcomes):
            index = number % len(world.leads)
            at = start + timedelta(seconds=7000 * number / calls)
            call = ended(world, index, at, outcome)
            if outcome is Outcome.CONNECTED:
                chosen = drawn.choice(given)
                call.disposition_id, call.disposition_at = chosen.id, call.ended_at
                call.agent_id = drawn.choice(world.agents).id
                session.add(_interaction(world, call, chosen))
            session.add(call)
            await record_many(session, [_ledger(world, call)])
            lead = await session.get_one(Lead, call.lead_id)
            lead.reason = f"after_{outcome}" if number % 5 else f"finished_{outcome}"
            lead.state = LeadState.READY if number % 5 else LeadState.FINISHED
            lead.last_outcome = str(outcome)
            session.add(lead)


async def call_back(
    database: Database, world: World, agent: int, index: int, due: datetime, note: str = ""
) -> NextAction:
    """A call-back promised by that agent."""
    row = NextAction(
        **stamped(world.clock, brand_id=world.brand.id, case_id=world.cases[index].id),
        debtor_id=world.debtors[index].id,
        kind=ActionKind.CALLBACK,
        due_at=due,
        campaign_id=world.campaign.id,
        agent_id=world.agents[agent].id,
        note=note,
    )
    async with database.begin() as session:
        session.add(row)
    return row


def _ledger(world: World, call: Attempt) -> LedgerEntry:
    return LedgerEntry(
        id=new_id(world.clock),
        created_at=call.created_at,
        brand_id=world.brand.id,
        debtor_id=call.debtor_id,
        case_id=call.case_id,
        channel=Channel.CALL,
        at=call.created_at,
        source_id=call.id,
    )


def _interaction(world: World, call: Attempt, given: Disposition) -> Interaction:
    return Interaction(
        **stamped(world.clock, brand_id=world.brand.id, debtor_id=call.debtor_id, case_id=call.case_id),
        channel=Channel.CALL,
        direction=Direction.OUT,
        at=call.bridged_at or call.created_at,
        attempt_id=call.id,
        author=str(call.agent_id),
        summary="Prosi o rozłożenie na dwie raty, pierwsza po dziesiątym." if given.code == "promise" else "",
        detail={"disposition": given.code},
    )
