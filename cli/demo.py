"""``callfloor demo``: the whole house with a simulated carrier and simulated agents, on a clock of its own.

Every figure it shows is counted from the database. It ends well only if every attempt has an end, every conversation
its disposition, and every row of the list is accounted for.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from cli.sample import CAMPAIGN, PASSWORD, PRESET, SEED
from cli.supervisor import ProcessSpec, Supervisor, SupervisorError
from cli.up import environment, house, process
from core import embedded, tables
from core.db import Database
from core.settings import Settings
from dialer.agents.models import AgentSession
from dialer.attempts.models import Attempt
from dialer.campaigns import service
from dialer.campaigns.models import Campaign, CampaignState
from reports.figures import figures

START: Final = datetime(2026, 11, 23, 10, 0, tzinfo=ZoneInfo("Europe/Warsaw"))  # a Monday, no holiday
DRAIN_SECONDS: Final = 45.0
AGENTS_WITHIN: Final = 30.0  # s for the first agent to be at work
LOOK_EVERY: Final = 1.0


@dataclass(frozen=True)
class Size:
    """How large the demo is."""

    agents: int
    lines: int
    ratio: float
    debtors: int


FULL: Final = Size(agents=12, lines=40, ratio=1.5, debtors=2000)
SMALL: Final = Size(agents=1, lines=2, ratio=2.0, debtors=200)  # the packaged pjsua2 carries 4 calls a process


def run(settings: Settings, *, seconds: float | None, report: Path | None) -> int:
    """Run the demo: until Ctrl-C, or for ``seconds`` and the drain. The exit code: 0 if all adds up, 1 if not, 2 if it
    could not run.
    """
    console = Console(highlight=False, soft_wrap=True)
    if settings.database_url or settings.redis_url:
        console.print("The demo brings servers of its own: unset DATABASE_URL and REDIS_URL first.")
        return 2
    size = _size()
    if size is SMALL:
        console.print("pjsua2 comes from the packaged wheel, which carries 4 calls a process: this is a small demo.")
    settings = _own(settings)
    try:
        _forget_earlier(settings)
        console.print("Starting: servers, tables, web, engine, media, detector, worker, carrier, agents ...")
        supervisor = Supervisor(specs(settings, size), settings.run_dir())
        stop = _Stop(supervisor)
        with _ticking(console), supervisor:
            return asyncio.run(_Demo(settings, supervisor, console, stop).run(seconds, report))
    except SupervisorError as error:
        console.print(str(error), style="red", markup=False)
        return 2


class _Stop:
    """Ctrl-C or SIGTERM: during the start it ends the house, later the first one ends the launching of calls."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.asked = False
        self.started = False
        self._supervisor = supervisor
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signal)

    def _signal(self, *_: object) -> None:
        if self.asked or not self.started:
            self._supervisor.ask_to_stop()
        self.asked = True


class _Demo:
    """A running demo."""

    def __init__(self, settings: Settings, supervisor: Supervisor, console: Console, stop: _Stop) -> None:
        self.settings = settings
        self.supervisor = supervisor
        self.console = console
        self.stop = stop
        stop.started = True
        self.clock = settings.clock()
        self.since = self.clock.now()
        tables.load()
        self.database = Database(embedded.postgres_url(settings), pool=2)

    async def run(self, seconds: float | None, report: Path | None) -> int:
        """Start the campaign, show figures, stop, drain, account."""
        url = f"http://{self.settings.web_host}:{self.settings.web_port}/"
        self.console.print(f"\nLog in at [bold]{url}[/bold]  supervisor: szef   agent: anna   manager: manager")
        self.console.print(f"Password of all: [bold]{PASSWORD}[/bold]   (Ctrl-C ends it)\n")
        try:
            campaign_id = await self._start()
            await self._show(None if seconds is None else time.monotonic() + seconds)
            async with self.database.begin() as s:
                await service.stop(s, self.clock, campaign_id, actor="demo")
            drained = await self._drain()
            async with self.database.begin() as s:
                counted = await figures(s, self.since)
        finally:
            await self.database.close()
        self._table(counted)
        if report is not None:
            await asyncio.to_thread(report.write_text, json.dumps(counted, indent=2) + "\n")
        return self._verdict(counted, drained)

    async def _start(self) -> Any:
        """Wait for the first agent at work, then let the campaign run."""
        deadline = time.monotonic() + AGENTS_WITHIN
        while not self._over():
            async with self.database.begin() as s:
                campaign = (await s.exec(select(Campaign).where(Campaign.name == CAMPAIGN))).one()
                legs = await _count(s, select(func.count()).where(col(AgentSession.leg_up).is_(True)))
                if legs or time.monotonic() > deadline:
                    self.since = self.clock.now()
                    await service.start(s, self.clock, campaign.id, actor="demo")
                    return campaign.id
            await asyncio.sleep(0.2)
        return campaign.id

    async def _show(self, until: float | None) -> None:
        """The live line, until time or Ctrl-C ends it."""
        shown = 0.0
        while not self._over() and (until is None or time.monotonic() < until):
            async with self.database.begin() as s:
                counted = await figures(s, self.since)
            every = LOOK_EVERY if self.console.is_terminal else 10 * LOOK_EVERY
            if time.monotonic() - shown >= every:
                shown = time.monotonic()
                self.console.print(self._line(counted), end="\r" if self.console.is_terminal else "\n")
            await asyncio.sleep(LOOK_EVERY if until is None else min(LOOK_EVERY, max(0.0, until - time.monotonic())))
        self.console.print()

    async def _drain(self) -> bool:
        """Nothing new is launched: wait for what is up, and for the agents' dispositions."""
        self.console.print(f"No new calls; up to {DRAIN_SECONDS:.0f} s for those that are up ...")
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline:
            async with self.database.begin() as s:
                open_ = await _count(
                    s,
                    select(func.count())
                    .select_from(Attempt)
                    .where(
                        col(Attempt.ended_at).is_(None)
                        | (col(Attempt.bridged_at).is_not(None) & col(Attempt.disposition_id).is_(None))
                    ),
                )
                running = await _count(
                    s, select(func.count()).select_from(Campaign).where(Campaign.state != CampaignState.STOPPED)
                )
            if not open_ and not running:
                return True
            await asyncio.sleep(0.25)
        return False

    def _over(self) -> bool:
        if self.supervisor.failure is not None:
            raise self.supervisor.failure
        return self.stop.asked

    def _line(self, counted: dict[str, Any]) -> str:
        seconds = int((self.clock.now() - self.since).total_seconds())
        return (
            f"{seconds:4d} s  attempts {counted['attempts']:4d}  live {counted['live']:3d}  "
            f"with an agent {counted['bridged']:3d}  abandoned {counted['abandoned']:2d}  "
            f"before the answer {counted['cancelled_before_answer']:3d}  machines {counted['machines_hung_up']:3d}  "
            f"utilisation {100 * counted['utilisation']:3.0f} %"
        )

    def _table(self, counted: dict[str, Any]) -> None:
        table = Table(title="What the database says", show_header=False)
        for name, value in counted.items():
            if name == "outcomes":
                for outcome, count in sorted(value.items(), key=lambda pair: -pair[1]):
                    table.add_row(f"  {outcome}", str(count))
            elif isinstance(value, dict):
                table.add_row(name, "   ".join(f"{k} {v}" for k, v in value.items()))
            else:
                table.add_row(name, str(value))
        self.console.print(table)

    def _verdict(self, counted: dict[str, Any], drained: bool) -> int:
        faults = []
        if not counted["attempts"]:
            faults.append("no attempt was made")
        if counted["attempts_without_end"]:
            faults.append(f"{counted['attempts_without_end']} attempts have no end")
        if counted["rows_in"] != counted["rows_accounted"]:
            faults.append(f"{counted['rows_in']} rows went in, {counted['rows_accounted']} are accounted for")
        if counted["dispositions"] < counted["bridged"]:
            faults.append(f"{counted['bridged'] - counted['dispositions']} conversations have no disposition")
        if not drained and not faults:
            faults.append("the campaign did not come to rest")
        for fault in faults:
            self.console.print(f"Wrong: {fault}.", style="red")
        if not faults:
            self.console.print("Every attempt has an end and the rows add up.", style="green")
        return 1 if faults else 0


async def _count(session: AsyncSession, query: Any) -> int:
    return int((await session.exec(query)).one())


def _own(settings: Settings) -> Settings:
    """The demo's own folder, clock, keys and free ports."""
    folder = settings.data_dir.absolute() / "demo"
    changes: dict[str, Any] = {
        "data_dir": folder,
        "keys_file": folder.with_name("demo-keys"),
        "clock_start": START,
        "clock_epoch": time.time(),
        "node": "demo",
    }
    step = _free_block(settings)
    for name in ("web_port", "media_sip_port", "carrier_sip_port", "agents_sip_port"):
        changes[name] = getattr(settings, name) + step
    return settings.model_copy(update=changes)


def _free_block(settings: Settings) -> int:
    """By how much to move the ports so that none is in use: two demos on one machine get along."""
    ports = (settings.web_port, settings.media_sip_port, settings.carrier_sip_port, settings.agents_sip_port)
    for step in range(0, 100, 4):
        if all(_free(settings.media_host, port + step) for port in ports):
            return step
    return 0


def _free(host: str, port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as s:
            if kind is socket.SOCK_STREAM:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((host, port))
            except OSError:
                return False
    return True


def _forget_earlier(settings: Settings) -> None:
    """Each demo begins at the same hour of the same day, so it can't go on from an earlier one's data."""
    lock = settings.run_dir() / "lock"
    if lock.exists():
        with Supervisor((), settings.run_dir()):  # raises if a demo runs there; ends what a killed one has left
            pass
    shutil.rmtree(settings.data_dir, ignore_errors=True)
    settings.data_dir.mkdir(parents=True)


def _size() -> Size:
    """What the installed pjsua2 can carry."""
    flavour = Path(sys.prefix) / "pjsua2-flavour"
    fallback = flavour.is_file() and flavour.read_text().strip() == "fallback"
    return SMALL if fallback else FULL


def specs(settings: Settings, size: Size) -> list[ProcessSpec]:
    """The house, its sample data, the simulated carrier and the simulated agents."""
    sizes = {
        "CALLFLOOR_DEMO_AGENTS": str(size.agents),
        "CALLFLOOR_DEMO_DEBTORS": str(size.debtors),
        "CALLFLOOR_DEMO_LINES": str(size.lines),
        "CALLFLOOR_DEMO_RATIO": str(size.ratio),
    }
    sample = ProcessSpec(
        "sample",
        (sys.executable, "-P", "-m", "cli.sample"),
        environment(settings) | sizes,
        needs=("migrate",),
        once=True,
        start_seconds=120.0,
    )
    carrier = process(settings, "carrier", "--preset", PRESET, "--seed", str(SEED))
    agents = process(settings, "agents", "--count", str(size.agents), needs=("sample", "web", "media"))
    return [*house(settings, quick=True), sample, carrier, agents]


@contextmanager
def _ticking(console: Console) -> Iterator[None]:
    """Says how long the start took."""
    began = time.monotonic()
    yield
    console.print(f"Stopped after {time.monotonic() - began:.0f} s.")
