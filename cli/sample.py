"""Sample data of the demo: one brand with everything a campaign needs, and a list of invented debtors.

The list goes in as a creditor's file would: through the import, with some bad rows and duplicates in it.
"""

from __future__ import annotations

import asyncio
import csv
import os
import random
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from cases.importing.service import import_file
from cases.models import Creditor, Portfolio
from core import embedded, tables
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.models import Brand, Role, UserAccount
from core.outbox import emit
from core.security import Keys, hash_password
from core.settings import Settings, settings
from dialer.agents.defaults import seed
from dialer.agents.models import Agent, CampaignAgent
from dialer.campaigns.lists import load_list
from dialer.campaigns.service import create_campaign
from dialer.media.messages import ReloadTrunks, commands_stream
from dialer.simulation.behaviour import PRESETS, sample_numbers
from dialer.simulation.phones import phone_uri
from dialer.trunks.models import Trunk
from dialer.trunks.service import create_trunk
from numbering.models import CallerId, CallerIdPool, CallerIdPoolMember

PASSWORD: Final = "demo-demo-demo"  # of every login of the demo  # noqa: S105 - printed, and for invented data only
CAMPAIGN: Final = "Telefony - pożyczki"
PRESET: Final = "easy"
SEED: Final = 1
CALLBACK: Final = "+48221230000"
SHOWN: Final = ("+48221230001", "+48221230002", "+48221230003")

_FIRST: Final = (
    "Anna", "Piotr", "Maria", "Tomasz", "Zofia", "Łukasz", "Ewa", "Grzegorz", "Agnieszka", "Paweł", "Żaneta", "Józef",
)  # fmt: skip
_LAST: Final = (
    "Nowak", "Zielińska", "Kowal", "Wójcik", "Mazur", "Dąbek", "Szczęsny", "Gołąb", "Krawiec", "Śliwa", "Ćwik", "Żurek",
)  # fmt: skip
_STREETS: Final = ("Lipowa", "Polna", "Źródlana", "Krótka", "Ogrodowa", "Słoneczna")
_TOWNS: Final = ("00-001 Warszawa", "30-002 Kraków", "80-003 Gdańsk", "60-004 Poznań", "90-005 Łódź")


def write_list(file: Path, debtors: int, preset: str = PRESET, seed_: int = SEED) -> int:
    """Write a creditor's CSV of ``debtors`` invented people; how many lines it has without the heading.

    Every 50th line comes twice, every 40th has a second phone, and five lines at the end can't be taken in.
    """
    rng = random.Random(seed_)
    numbers = sample_numbers(PRESETS[preset], seed_)
    lines = 0
    with file.open("w", encoding="cp1250", newline="") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow(["Nr klienta", "Imię i nazwisko", "Telefon", "Nr umowy", "Kwota", "Termin płatności", "Adres"])
        for i in range(debtors):
            phone = next(numbers)
            if i % 40 == 39:
                phone = f"{phone}, {next(numbers)}"
            amount = f"{rng.randrange(80_00, 9_000_00) / 100:.2f}".replace(".", ",")
            due = f"{rng.randrange(1, 28):02d}.{rng.randrange(1, 11):02d}.2026"
            name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
            address = f"ul. {rng.choice(_STREETS)} {rng.randrange(1, 90)}, {rng.choice(_TOWNS)}"
            row = [f"K{i:06d}", name, phone, f"U/{i:06d}/2025", amount, due, address]
            for _ in range(2 if i % 50 == 49 else 1):
                writer.writerow(row)
                lines += 1
        for number, fault in enumerate(("kwota nieznana", "", "-5,00", "12,345", "1e9999")):
            writer.writerow([f"Z{number:06d}", "Jan Błędny", "600", f"Z/{number}", fault, "31.02.2026", ""])
            lines += 1
    return lines


async def seed_demo(settings: Settings, *, agents: int, debtors: int, lines: int, ratio: float) -> None:
    """Fill an empty database with all that the demo needs. The campaign stands ready, not started."""
    clock = settings.clock()
    tables.load()
    keys = Keys.load(settings)
    database = Database(embedded.postgres_url(settings), pool=2)
    try:
        async with database.begin() as s:
            brand = await _brand(s, clock)
            trunk = await _trunk(s, settings, clock, keys, brand, lines)
            pool_id = await _caller_ids(s, clock, brand, trunk)
            campaign = await create_campaign(
                s, clock, brand.id, CAMPAIGN, trunk.id, pool_id, mode="fixed_ratio", ratio=ratio, max_lines=lines,
                wrapup_seconds=20,
            )  # fmt: skip
            portfolio_id = await _portfolio(s, clock, brand)
            await _people(s, settings, clock, brand, campaign.id, agents)
            await emit(s, commands_stream(settings.node), ReloadTrunks())
        file = settings.data_dir / "sample-list.csv"
        write_list(file, debtors)
        batch = await import_file(database, clock, keys, file, portfolio_id, author="demo")
        async with database.begin() as s:
            await load_list(s, clock, campaign.id, batch.id, "Lista przykładowa")
    finally:
        await database.close()


async def _brand(s: AsyncSession, clock: Clock) -> Brand:
    brand = Brand(id=new_id(clock), created_at=clock.now(), name="Windykacja Przykładowa", callback_number=CALLBACK)
    s.add(brand)
    await s.flush()
    seed(s, clock, brand.id)
    return brand


async def _trunk(s: AsyncSession, settings: Settings, clock: Clock, keys: Keys, brand: Brand, lines: int) -> Trunk:
    host = f"{settings.media_host}:{settings.carrier_sip_port}"
    return await create_trunk(
        s, clock, keys, brand_id=brand.id, name="Operator symulowany", host=host, max_calls=lines, max_cps=10.0,
        options_interval=10,
    )  # fmt: skip


async def _caller_ids(s: AsyncSession, clock: Clock, brand: Brand, trunk: Trunk) -> UUID:
    now = clock.now()
    pool = CallerIdPool(id=new_id(clock), created_at=now, brand_id=brand.id, name="Warszawa")
    s.add(pool)
    for position, number in enumerate(SHOWN):
        own = CallerId(
            id=new_id(clock),
            created_at=now,
            brand_id=brand.id,
            number=number,
            trunk_id=trunk.id,
            proof="umowa 1/2026 z operatorem symulowanym",
            valid_from=(now - timedelta(days=30)).date(),
        )
        s.add(own)
        await s.flush()
        s.add(
            CallerIdPoolMember(
                id=new_id(clock),
                created_at=now,
                brand_id=brand.id,
                pool_id=pool.id,
                caller_id_id=own.id,
                position=position,
            )
        )
    await s.flush()
    return pool.id


async def _portfolio(s: AsyncSession, clock: Clock, brand: Brand) -> UUID:
    now = clock.now()
    creditor = Creditor(id=new_id(clock), created_at=now, brand_id=brand.id, name="Pożyczki Testowe sp. z o.o.")
    s.add(creditor)
    await s.flush()
    portfolio = Portfolio(
        id=new_id(clock), created_at=now, brand_id=brand.id, creditor_id=creditor.id, name="Pożyczki 2026/11"
    )
    s.add(portfolio)
    await s.flush()
    return portfolio.id


async def _people(
    s: AsyncSession, settings: Settings, clock: Clock, brand: Brand, campaign_id: UUID, agents: int
) -> None:
    now, password = clock.now(), hash_password(PASSWORD)
    logins = [(f"agent{n:02d}", Role.AGENT, f"Agent {n:02d}") for n in range(1, agents + 1)]
    logins += [
        ("anna", Role.AGENT, "Anna Konsultant"),
        ("szef", Role.SUPERVISOR, "Szef Zmiany"),
        ("manager", Role.MANAGER, "Manager"),
    ]
    for number, (login, role, name) in enumerate(logins, start=1):
        user = UserAccount(
            id=new_id(clock), created_at=now, login=login, name=name, password_hash=password, role=role,
            brand_ids=[str(brand.id)],
        )  # fmt: skip
        s.add(user)
        await s.flush()
        if role is not Role.AGENT:
            continue
        uri = phone_uri(settings, number)
        agent = Agent(id=new_id(clock), created_at=now, brand_id=brand.id, user_id=user.id, name=name, phone_uri=uri)
        s.add(agent)
        await s.flush()
        s.add(
            CampaignAgent(
                id=new_id(clock), created_at=now, brand_id=brand.id, campaign_id=campaign_id, agent_id=agent.id
            )
        )


def main() -> None:
    """Run as a process of the demo: sizes come from the environment."""
    asyncio.run(
        seed_demo(
            settings(),
            agents=int(os.environ["CALLFLOOR_DEMO_AGENTS"]),
            debtors=int(os.environ["CALLFLOOR_DEMO_DEBTORS"]),
            lines=int(os.environ["CALLFLOOR_DEMO_LINES"]),
            ratio=float(os.environ["CALLFLOOR_DEMO_RATIO"]),
        )
    )


if __name__ == "__main__":
    main()
