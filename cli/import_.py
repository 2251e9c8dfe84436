"""``callfloor import``: take in a creditor's file and print its account."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.importing.columns import MappingError
from cases.importing.mappings import mapping_named, save_mapping
from cases.importing.service import import_file
from cases.models import Creditor, ImportBatch, ImportState, Portfolio
from cli.transaction import OperatorError
from cli.up import database_server
from core import tables
from core.clock import Clock
from core.db import Database
from core.embedded import postgres_url
from core.ids import new_id
from core.models import Brand
from core.security import Keys
from core.settings import Settings
from dialer.campaigns.lists import load_list
from dialer.campaigns.models import Campaign
from dialer.campaigns.service import CampaignError

AUTHOR = "operator"


@dataclass(frozen=True)
class Order:
    """What the operator asked for. ``mapping``: a JSON file (heading -> field), or the name of a saved mapping."""

    file: Path
    portfolio: str
    brand: str | None = None
    creditor: str | None = None
    mapping: str | None = None
    save_mapping: str | None = None
    campaign: str | None = None
    priority: int = 0
    rejects: Path | None = None


def run(settings: Settings, order: Order) -> int:
    """Import as ordered; gives the exit code: 0 done, 1 the file could not be read or the order not be kept."""
    tables.load()
    with database_server(settings):
        try:
            batch = asyncio.run(_import(settings, order))
        except (OperatorError, MappingError, CampaignError, OSError) as error:
            print(error, file=sys.stderr)
            return 1
    if batch.state is ImportState.FAILED:
        print(f"{order.file.name}: {batch.error} Nothing was changed.", file=sys.stderr)
        return 1
    print(account(batch))
    return 0


def account(batch: ImportBatch) -> str:
    """The account of an import in one to three lines: rows in = accepted + rejected + duplicates."""
    sums = f"{batch.accepted:,} accepted + {batch.rejected:,} rejected + {batch.duplicates:,} duplicates"
    lines = [f"{batch.rows_in:,} rows in = {sums}"]
    if batch.bad_phones:
        lines.append(f"Bad telephone numbers left out beside good ones: {batch.bad_phones:,}")
    if batch.rejects_file:
        lines.append(f"Rejected rows and numbers with their reasons: {batch.rejects_file}")
    return "\n".join(lines)


async def _import(settings: Settings, order: Order) -> ImportBatch:
    clock, keys = settings.clock(), Keys.load(settings)
    database = Database(postgres_url(settings), pool=2)
    try:
        async with database.begin() as session:
            brand = await _brand(session, order.brand)
            portfolio = await _portfolio(session, clock, brand, order)
            campaign = await _campaign(session, brand, order.campaign)
            mapping = await _mapping(session, clock, brand, order)
        bar: Any = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rows]:,} rows"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        with bar if sys.stderr.isatty() else nullcontext():
            batch = await import_file(
                database,
                clock,
                keys,
                order.file,
                portfolio.id,
                mapping,
                AUTHOR,
                _teller(bar, order.file.name),
                rejects_dir=order.rejects,
            )
        if campaign is not None and batch.state is ImportState.DONE:
            async with database.begin() as session:
                await load_list(session, clock, campaign.id, batch.id, order.file.name, order.priority)
        return batch
    finally:
        await database.close()


def _teller(bar: Progress, name: str) -> Callable[[int, float], None]:
    task = bar.add_task(name, total=1.0, rows=0)

    def tell(rows: int, fraction: float) -> None:
        bar.update(task, completed=fraction, rows=rows)

    return tell


async def _brand(session: AsyncSession, name: str | None) -> Brand:
    query = select(Brand).where(Brand.name == name) if name else select(Brand)
    found = (await session.exec(query.limit(2))).all()
    if not found:
        raise OperatorError(f"No brand {name}." if name else "There is no brand yet: callfloor brand add")
    if len(found) > 1:
        raise OperatorError("There are several brands: say which with --brand.")
    return found[0]


async def _portfolio(session: AsyncSession, clock: Clock, brand: Brand, order: Order) -> Portfolio:
    if order.creditor is None:
        named = Portfolio.id == UUID(order.portfolio) if _is_id(order.portfolio) else Portfolio.name == order.portfolio
        found = (await session.exec(select(Portfolio).where(Portfolio.brand_id == brand.id, named).limit(2))).all()
        if not found:
            raise OperatorError(f"No portfolio {order.portfolio} in {brand.name}; with --creditor it is made.")
        if len(found) > 1:
            raise OperatorError(f"Several creditors have a portfolio {order.portfolio}: say which with --creditor.")
        return found[0]
    creditor = (
        await session.exec(select(Creditor).where(Creditor.brand_id == brand.id, Creditor.name == order.creditor))
    ).first()
    if creditor is None:
        creditor = Creditor(id=new_id(clock), created_at=clock.now(), brand_id=brand.id, name=order.creditor)
        session.add(creditor)
        await session.flush()
    portfolio = (
        await session.exec(
            select(Portfolio).where(Portfolio.creditor_id == creditor.id, Portfolio.name == order.portfolio)
        )
    ).first()
    if portfolio is None:
        portfolio = Portfolio(
            id=new_id(clock),
            created_at=clock.now(),
            brand_id=brand.id,
            creditor_id=creditor.id,
            name=order.portfolio,
        )
        session.add(portfolio)
        await session.flush()
    return portfolio


async def _campaign(session: AsyncSession, brand: Brand, name: str | None) -> Campaign | None:
    if name is None:
        return None
    query = select(Campaign).where(Campaign.brand_id == brand.id, Campaign.name == name)
    found = (await session.exec(query)).first()
    if found is None:
        raise OperatorError(f"No campaign {name} in {brand.name}.")
    return found


async def _mapping(session: AsyncSession, clock: Clock, brand: Brand, order: Order) -> Mapping[str, str] | None:
    if order.mapping is None:
        if order.save_mapping:
            raise OperatorError("--save-mapping needs --mapping FILE.json")
        return None
    columns = _columns(Path(order.mapping))
    if columns is None:
        return await mapping_named(session, brand.id, order.mapping)
    if order.save_mapping:
        await save_mapping(session, clock, brand.id, order.save_mapping, columns)
    return columns


def _columns(path: Path) -> dict[str, str] | None:
    """Heading -> field from a JSON file; None if there is no such file."""
    if not path.is_file():
        return None
    try:
        columns = json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise OperatorError(f"{path} is no JSON: {error}") from None
    if not isinstance(columns, dict) or not all(isinstance(field, str) for field in columns.values()):
        raise OperatorError(f"{path} must hold one object: heading -> field")
    return columns


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
