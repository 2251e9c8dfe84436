"""Statistics and exports against the call log: whatever is asked, the totals are the same."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook

from core.db import Database
from dialer.call import Outcome
from reports import calls, exports, statistics
from reports.statistics import COLUMNS, GROUPS, Scope
from tests.agent_ui.world import World, attempt, ended, history

pytestmark = pytest.mark.db

TODAY = date(2026, 11, 23)
FLAGS = {"answered": "answered", "live": "live", "reached": "reached", "abandoned": "abandoned"}


def scopes(world: World) -> list[Scope]:
    """Filters of every kind."""
    return [
        Scope(TODAY, TODAY),
        Scope(TODAY - timedelta(days=3), TODAY),
        Scope(TODAY + timedelta(days=1), TODAY + timedelta(days=1)),
        Scope(TODAY, TODAY, campaign_id=world.campaign.id),
        Scope(TODAY, TODAY, outcome=Outcome.NO_ANSWER),
        Scope(TODAY, TODAY, outcome=Outcome.CONNECTED),
        Scope(TODAY, TODAY, outcome=""),
        Scope(TODAY, TODAY, zone="Pacific/Auckland"),
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_table_adds_up_to_the_call_log(database: Database, world: World, seed: int) -> None:
    await history(database, world, 150, seed=seed)
    async with database.begin() as session:
        session.add(attempt(world, 3, world.clock.now() - timedelta(minutes=1)))  # still up
        for index in (4, 5):  # too rare to be drawn in every morning
            session.add(ended(world, index, world.clock.now() - timedelta(minutes=index), Outcome.ABANDONED))
    for scope in scopes(world):
        async with database.begin() as session:
            log = [call async for call in calls.every(session, scope)]
            total = await statistics.total(session, scope)
            tables = {group: await statistics.by(session, scope, group) for group in GROUPS}
        assert total.dials == len(log)
        assert total.abandoned >= (2 if scope == scopes(world)[0] else 0)
        for column, flag in FLAGS.items():
            assert getattr(total, column) == sum(getattr(call, flag) for call in log), (scope, column)
        assert total.right_party == sum(bool(c.reached and c.disposition and c.disposition.right_party) for c in log)
        for group, lines in tables.items():
            for column in COLUMNS:
                assert sum(getattr(line, column) for line in lines) == getattr(total, column), (scope, group, column)


async def test_pages_of_the_log_are_the_log(database: Database, world: World) -> None:
    await history(database, world, calls.PAGE * 2 + 7)
    scope = Scope(TODAY, TODAY)
    async with database.begin() as session:
        whole = [call.id async for call in calls.every(session, scope)]
        paged, before = [], None
        while True:
            rows, before = await calls.page_of(session, scope, before)
            paged += [call.id for call in rows]
            if before is None:
                break
    assert paged == whole
    assert len(whole) == calls.PAGE * 2 + 7


@pytest.mark.parametrize("dialect", ["pl", "en"])
async def test_csv_totals_equal_the_log(database: Database, world: World, dialect: str) -> None:
    await history(database, world, 90)
    scope = Scope(TODAY, TODAY)
    form = exports.DIALECTS[dialect]
    async with database.begin() as session:
        pieces = [p async for p in exports.calls_csv(session, scope, form, str, str, "pl")]
        table = await exports.statistics_csv(session, scope, "outcome", form, str, str)
        total = await statistics.total(session, scope)
    text = b"".join(pieces).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=form.delimiter))
    assert b"".join(pieces).startswith(b"\xef\xbb\xbf")
    assert len(rows) == total.dials == 90
    assert sum(int(row["live"]) for row in rows) == total.live
    assert sum(int(row["reached"]) for row in rows) == total.reached
    *lines, last = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig")), delimiter=form.delimiter))
    assert int(last["dials"]) == total.dials == sum(int(line["dials"]) for line in lines)


async def test_the_workbook_holds_the_log_and_its_totals(database: Database, world: World, tmp_path: Path) -> None:
    await history(database, world, 70)
    scope, path = Scope(TODAY, TODAY), tmp_path / "report.xlsx"
    async with database.begin() as session:
        await exports.write_xlsx(session, scope, path, str, str, "en")
        total = await statistics.total(session, scope)
    book = load_workbook(path, read_only=True)
    assert book.sheetnames == ["by_campaign", "by_hour", "by_outcome", "calls"]
    log = list(book["calls"].iter_rows(values_only=True))
    assert log[0] == exports.CALL_COLUMNS
    assert len(log) - 1 == total.dials
    live = exports.CALL_COLUMNS.index("live")
    assert sum(int(str(row[live])) for row in log[1:]) == total.live
    for group in GROUPS:
        last = list(book[f"by_{group}"].iter_rows(values_only=True))[-1]
        assert last[1:7] == tuple(getattr(total, column) for column in COLUMNS)
    book.close()


async def test_days_are_days_of_the_zone(database: Database, world: World) -> None:
    start = world.clock.now().replace(hour=0, minute=0) - timedelta(hours=1)  # midnight in Warsaw
    async with database.begin() as session:
        session.add(attempt(world, 0, start - timedelta(seconds=1)))
        session.add(attempt(world, 1, start))
        await session.flush()
        assert (await statistics.total(session, Scope(TODAY, TODAY))).dials == 1
        assert (await statistics.total(session, Scope(TODAY - timedelta(days=1), TODAY))).dials == 2
        (line,) = await statistics.by(session, Scope(TODAY, TODAY), "hour")
    assert line.key == 0
