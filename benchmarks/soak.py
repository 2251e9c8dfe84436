"""``python -m benchmarks.soak [--minutes N]``: the demo's house for a long while, counted at the end.

What must hold over hours: every attempt gets its end, nobody is called twice at once, no process is restarted, and
none grows without bound. Memory is compared after the first tenth of the time and at its end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from typing import Final

from sqlmodel import col, func, select

from benchmarks.place import Usage, connected, installation, running
from benchmarks.table import Figure, at_most, lines
from cli.demo import FULL, Size, specs
from cli.sample import CAMPAIGN
from core.db import Database
from core.settings import Settings
from dialer.agents.models import AgentSession
from dialer.attempts.models import Attempt
from dialer.campaigns import service
from dialer.campaigns.models import Campaign, CampaignState
from reports.figures import figures

NAME: Final = "soak"
PARTS: Final = ("web", "engine", "media", "detector", "worker", "postgres", "redis", "carrier", "agents")
DRAIN: Final = 60.0  # s
AT_WORK: Final = 60.0  # s for the agents' telephones to be connected
DEBTORS_A_MINUTE: Final = 300  # more than are called
MOST_GROWTH: Final = 100.0  # MB of one part's memory, after the first tenth


def soak(minutes: float, size: Size | None = None) -> list[Figure]:
    """Run for ``minutes``, drain, count."""
    size = size or Size(FULL.agents, FULL.lines, FULL.ratio, max(FULL.debtors, round(minutes * DEBTORS_A_MINUTE)))
    with installation(media_rtp_ports=1000) as settings:
        return asyncio.run(_soak(settings, minutes, size))


async def _soak(settings: Settings, minutes: float, size: Size) -> list[Figure]:
    clock = settings.clock()
    with running(settings, specs(settings, size)) as supervisor:
        async with connected(settings) as database:
            campaign = await _start(settings, database)
            since = clock.now()
            begin = time.monotonic()
            usage = Usage.of(supervisor, PARTS)
            memory = []
            for tenth in range(1, 11):
                await asyncio.sleep(max(0.0, begin + tenth * 6 * minutes - time.monotonic()))
                if supervisor.failure is not None:
                    raise supervisor.failure
                memory.append(usage.memory())
                await _tell(database, since, tenth * minutes / 10, memory[-1])
            cpu, took = usage.cpu(), time.monotonic() - begin
            restarts = sum(supervisor.starts_of(name) - 1 for name in PARTS)
            async with database.begin() as s:
                await service.stop(s, clock, campaign.id, actor="soak")
            stuck = await _drained(database)
            async with database.begin() as s:
                counted = await figures(s, since)
            doubles = await _doubles(database)
    calls = int(counted["attempts"])
    told = [
        Figure(NAME, "minutes", took / 60),
        Figure(NAME, "attempts", calls),
        Figure(NAME, "conversations", counted["bridged"]),
        Figure(NAME, "verdict to agent, p95", _or_none(counted["decision_to_agent_ms"]["p95"]), "ms"),
        Figure(NAME, "answer to agent, p95", _or_none(counted["answer_to_agent_ms"]["p95"]), "ms"),
        Figure(NAME, "abandoned", 100 * counted["abandoned"] / max(1, counted["live"]), "% of live"),
        at_most(NAME, "attempts without end", counted["attempts_without_end"], "", 0),
        at_most(NAME, "attempts, campaigns stuck after the drain", stuck, "", 0),
        at_most(NAME, "people called twice at once", doubles, "", 0),
        at_most(NAME, "conversations without disposition", counted["bridged"] - counted["dispositions"], "", 0),
        at_most(NAME, "rows not accounted for", counted["rows_in"] - counted["rows_accounted"], "", 0),
        at_most(NAME, "processes started again", restarts, "", 0),
    ]
    for name in PARTS:
        told.append(Figure(NAME, f"{name}: CPU", 100 * cpu[name] / took, "% of a core"))
        told.append(Figure(NAME, f"{name}: memory", memory[-1][name], "MB"))
        told.append(at_most(NAME, f"{name}: growth", memory[-1][name] - memory[0][name], "MB", MOST_GROWTH))
    return told


async def _tell(database: Database, since: datetime, minute: float, memory: dict[str, float]) -> None:
    """A line of progress: a soak of hours is watched."""
    async with database.begin() as s:
        counted = await figures(s, since)
    used = "  ".join(f"{name} {megabytes:.0f}" for name, megabytes in memory.items())
    print(
        f"{minute:6.1f} min  attempts {counted['attempts']}  conversations {counted['bridged']}  MB: {used}",
        file=sys.stderr,
        flush=True,
    )


def _or_none(value: float | None) -> float | str:
    return "none" if value is None else value


async def _start(settings: Settings, database: Database) -> Campaign:
    """Wait for the agents, then let the campaign run."""
    async with asyncio.timeout(AT_WORK):
        while True:
            async with database.begin() as s:
                campaign = (await s.exec(select(Campaign).where(Campaign.name == CAMPAIGN))).one()
                query = select(func.count()).select_from(AgentSession).where(col(AgentSession.leg_up).is_(True))
                if (await s.exec(query)).one():
                    return await service.start(s, settings.clock(), campaign.id, actor="soak")
            await asyncio.sleep(0.2)


async def _drained(database: Database) -> int:
    """Attempts still open and campaigns still stopping when the drain's time is over."""
    deadline = time.monotonic() + DRAIN
    open_ = col(Attempt.ended_at).is_(None)
    undisposed = col(Attempt.bridged_at).is_not(None) & col(Attempt.disposition_id).is_(None)
    attempts = select(func.count()).select_from(Attempt).where(open_ | undisposed)
    campaigns = select(func.count()).select_from(Campaign).where(Campaign.state != CampaignState.STOPPED)
    while True:
        async with database.begin() as s:
            still = (await s.exec(campaigns)).one() + (await s.exec(attempts)).one()
        if not still or time.monotonic() > deadline:
            return still
        await asyncio.sleep(0.5)


async def _doubles(database: Database) -> int:
    """Attempts that began while another call to the same person was up."""
    async with database.begin() as s:
        rows = await s.exec(
            select(Attempt.debtor_id, Attempt.created_at, Attempt.ended_at).order_by(
                col(Attempt.debtor_id), col(Attempt.id)
            )
        )
        found, person, up_until = 0, None, datetime.min.replace(tzinfo=UTC)
        for debtor_id, created, ended in rows.all():
            found += debtor_id == person and created < up_until
            person, up_until = debtor_id, ended or datetime.max.replace(tzinfo=UTC)
        return found


def main() -> int:
    """0 if all that must hold has held."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args()
    os.environ["CALLFLOOR_CONFIG"] = os.devnull
    told = soak(given.minutes)
    print("\n".join(lines(told)))
    return 1 if any(figure.met is False for figure in told) else 0


if __name__ == "__main__":
    sys.exit(main())
