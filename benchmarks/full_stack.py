"""Calls per second of the whole house against bare pjsua2 that sets up the same debtors' legs.

A call of the house: attempt committed, INVITE, answer, verdict, agent found, bridged, disposition saved, BYE, all rows
of events written. Both use the same simulated peer with the same sound on it, one after the other on the idle machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass

from sqlmodel import col, func, select

from benchmarks.desk import Desk
from benchmarks.place import Usage, campaign, connected, installation, open_shifts, peer, running
from benchmarks.table import Figure, at_least
from cli.up import house
from core.db import Database
from core.settings import Settings
from dialer.attempts.models import Attempt
from dialer.campaigns import service
from tests.support.world import World

NAME = "full_stack"
PARTS = ("engine", "postgres", "media", "web", "worker", "detector", "redis", "debtors", "phones")


@dataclass(frozen=True)
class Size:
    """How long and how wide. ``bare_seconds`` are measured before and again after the house."""

    agents: int = 60
    seconds: float = 20.0
    bare_seconds: float = 6.0
    warm: float = 4.0
    leads: int = 8000


def bench(size: Size | None = None) -> list[Figure]:
    """Measure bare, the house, bare again."""
    size = size or Size()
    with installation() as settings:
        before = _bare(settings, size)
        calls, cpu = asyncio.run(_house(settings, size))
        bare = statistics.mean((before, _bare(settings, size)))
    whole = calls / size.seconds
    worst = max(cpu, key=lambda name: cpu[name])
    figures = [
        Figure(NAME, "bare pjsua2, debtors' legs", bare, "calls/s"),
        Figure(NAME, "whole house, end to end", whole, "calls/s"),
        at_least(NAME, "ratio", whole / bare, "", 0.1),
        Figure(NAME, "bottleneck", worst, f"{1000 * cpu[worst] / max(1, calls):.1f} ms CPU a call"),
    ]
    shares = sorted(cpu.items(), key=lambda pair: -pair[1])
    told = ", ".join(f"{name} {100 * used / size.seconds:.0f} %" for name, used in shares)
    return [*figures, Figure(NAME, "CPU (100 % = a core)", told)]


def _bare(settings: Settings, size: Size) -> float:
    """Completed calls a second."""
    debtors = peer(settings, "debtors", settings.carrier_sip_port, settings.carrier_rtp_port)
    target = f"sip:+48500000001@{settings.media_host}:{settings.carrier_sip_port}"
    with running(settings, [debtors]):
        out = asyncio.run(_output(settings, target, size))
        while out is None:  # at a thousand calls a second the library itself may crash
            print("the bare side has crashed and is started again", file=sys.stderr)
            out = asyncio.run(_output(settings, target, size))
    told = json.loads(next(line for line in out.splitlines() if line.startswith(b"{")))  # the library speaks there too
    return float(told["calls"] / told["seconds"])


async def _output(settings: Settings, target: str, size: Size) -> bytes | None:
    """What the bare side says; None if a signal ended it."""
    given = (settings.media_host, settings.media_sip_port, settings.media_rtp_port, target)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.bare", *map(str, given), str(size.agents), str(size.bare_seconds),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await child.communicate()
    if child.returncode is not None and child.returncode < 0:
        return None
    if child.returncode:
        raise RuntimeError(f"the bare side has failed: it ended with {child.returncode}")
    return out


async def _house(settings: Settings, size: Size) -> tuple[int, dict[str, float]]:
    """Calls done from end to end within the time, and CPU seconds by process."""
    specs = [
        *house(settings),
        peer(settings, "debtors", settings.carrier_sip_port, settings.carrier_rtp_port),
        peer(settings, "phones", settings.agents_sip_port, settings.agents_rtp_port),
    ]
    with running(settings, specs) as supervisor:
        async with connected(settings, pool=16) as database:
            world = await campaign(
                settings, database, leads=size.leads, agents=size.agents, mode="progressive", max_decision_ms=100
            )
            clock = settings.clock()
            await open_shifts(database, clock, world)
            async with database.begin() as s:
                await service.start(s, clock, world.id, actor="bench")
            desk = asyncio.create_task(Desk(database, clock, world.id).run())
            await asyncio.sleep(size.warm)
            usage = Usage.of(supervisor, PARTS, bench=os.getpid())
            begin, cpu, done = time.monotonic(), usage.cpu(), await _done(database, world)
            await asyncio.sleep(size.seconds - (time.monotonic() - begin))
            calls = await _done(database, world) - done
            used = {name: after - cpu[name] for name, after in usage.cpu().items()}
            desk.cancel()
            await asyncio.gather(desk, return_exceptions=True)
    return calls, used


async def _done(database: Database, world: World) -> int:
    """Calls that have an end, a conversation and its disposition."""
    async with database.begin() as s:
        query = (
            select(func.count())
            .select_from(Attempt)
            .where(
                Attempt.campaign_id == world.id,
                col(Attempt.ended_at).is_not(None),
                col(Attempt.bridged_at).is_not(None),
                col(Attempt.disposition_id).is_not(None),
            )
        )
        return int((await s.exec(query)).one())
