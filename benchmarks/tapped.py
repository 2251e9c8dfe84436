"""Does sound suffer? 200 calls tapped for detection, 500 INVITEs a second from a stranger, one bridged tone.

The tone goes from a debtor's telephone through the bridge to an agent's; the gaps are those between the packets with
the tone in them, by the kernel's time of their arrival there. Where the bench itself sent late by more than the jitter
buffer holds (40 ms), as on a busy machine, the figure says nothing about media.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from benchmarks.place import Usage, campaign, connected, installation, peer, running
from benchmarks.table import Figure, at_most
from cli.up import house
from core import embedded
from core.bus import Bus
from core.ids import new_id
from core.outbox import emit
from core.security import Keys
from core.settings import Settings
from dialer.media import messages as m
from dialer.media.process import PRIORITY
from dialer.trunks.service import create_trunk
from tests.media.driver import Driver
from tests.media.peer import Peer, PeerCall, answers

NAME = "tapped"
PARTS = ("media", "detector")
TONED = "+48502000001"  # who speaks the tone
LEFT_OUT = ("web", "engine")  # the bench itself tells media what to do


@dataclass(frozen=True)
class Size:
    """How many calls, for how long, under how many strangers' INVITEs a second."""

    calls: int = 200
    seconds: float = 20.0
    rate: int = 500


@dataclass(frozen=True)
class Heard:
    """What came of it. Gaps in ms; ``own``: the largest in the tone as it was sent; ``cpu``: share of a core."""

    tapped: int
    gap: float
    p99: float
    own: float
    sent: int
    answers: int
    cpu: dict[str, float]


def bench(size: Size | None = None) -> list[Figure]:
    """Set the calls up, then listen under the flood."""
    size = size or Size()
    with installation() as settings:
        heard = asyncio.run(_measure(settings, size))
    return [
        Figure(NAME, "calls tapped", heard.tapped),
        Figure(NAME, "INVITEs of a stranger", heard.sent / size.seconds, "/s"),
        at_most(NAME, "of these answered", heard.answers, "", 0),
        Figure(NAME, "gap in the tone, p99", heard.p99, "ms"),
        at_most(NAME, "gap in the tone, largest", heard.gap, "ms", 40.0),
        Figure(NAME, "gap in the tone as the bench sent it, largest", heard.own, "ms"),
        *(Figure(NAME, f"CPU of {name}", 100 * share, "% of a core") for name, share in heard.cpu.items()),
    ]


async def _measure(settings: Settings, size: Size) -> Heard:
    specs = [spec for spec in house(settings) if spec.name not in LEFT_OUT]
    specs.append(peer(settings, "debtors", settings.carrier_sip_port, settings.carrier_rtp_port, "person-a"))
    with running(settings, specs) as supervisor:
        tone = Peer(settings.media_host, settings.agents_sip_port, settings.agents_rtp_port)
        tone.behaviours |= {"+48": answers, "agent": answers}
        await tone.start()
        bus = Bus(embedded.redis_url(settings))
        try:
            driver, toned = await _driver(settings, bus)
            with _in_time():
                mouth, ear = await _bridge(tone, toned)
            for n in range(1, size.calls):
                await driver.place(f"+48501{n:06d}", deadline=settings.clock().timestamp() + 60.0)
            await _until_tapped(driver, size.calls - 1)  # the tone's own call was another driver's
            gc.collect()
            gc.disable()  # a search for cycles would stop the threads that send and hear the tone
            usage = Usage.of(supervisor, PARTS)
            cpu, begin = usage.cpu(), time.time()
            told = json.loads(await _flood(settings, size))
            end = time.time()
            gc.enable()
            used = {name: (after - cpu[name]) / (end - begin) for name, after in usage.cpu().items()}
            assert mouth.rtp is not None
            assert ear.rtp is not None
            gaps, own = (_gaps(times, begin, end) for times in (ear.rtp.loud, mouth.rtp.sent))
            await driver.stop()
        finally:
            await bus.close()
            await tone.stop()
    return Heard(
        tapped=1 + _tapped(driver),
        gap=gaps[-1],
        own=own[-1],
        p99=gaps[int(0.99 * (len(gaps) - 1))],
        sent=int(told["sent"]),
        answers=int(told["answers"]),
        cpu=used,
    )


@contextmanager
def _in_time() -> Iterator[None]:
    """Threads begun in this block, which send the tone and hear it, are as little late as media may be."""
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, usual)


async def _driver(settings: Settings, bus: Bus) -> tuple[Driver, Driver]:
    """What plays the engine for the many calls, and for the one with the tone on a trunk of its own."""
    clock = settings.clock()
    async with connected(settings) as database:
        world = await campaign(settings, database, leads=0, agents=0)
        async with database.begin() as s:
            own = await create_trunk(
                s, clock, Keys.load(settings), brand_id=world.brand.id, name="tone",
                host=f"{settings.media_host}:{settings.agents_sip_port}", options_interval=0,
            )  # fmt: skip
            await emit(s, m.commands_stream(settings.node), m.ReloadTrunks())
    driver = Driver(bus, clock, settings.node, world.trunk.id)
    toned = Driver(bus, clock, settings.node, own.id)
    for each in (driver, toned):
        await each.start()
        await each.alive()
    return driver, toned


def _gaps(times: Sequence[float], begin: float, end: float) -> list[float]:
    """Gaps in ms between ``begin`` and ``end``, the largest last."""
    within = [begin, *(t for t in times if begin <= t <= end), end]
    return sorted(1000 * (b - a) for a, b in pairwise(within))


async def _bridge(tone: Peer, toned: Driver) -> tuple[PeerCall, PeerCall]:
    """A debtor's call with the tone, bridged to an agent's: the debtor's end and the agent's end of it."""
    attempt = await _answered(toned)
    session = new_id(toned.clock)
    uri = f"sip:agent01@{tone.host}:{tone.port}"
    await toned.send(m.DialAgent(session_id=session, campaign_id=toned.campaign_id, uri=uri))
    await toned.event(session, m.LegUp)
    await toned.send(m.BridgeCall(attempt_id=attempt, session_id=session))
    await toned.event(attempt, m.CallBridged)
    mouth, ear = tone.call_to(TONED), tone.call_to("agent01")
    assert mouth is not None
    assert ear is not None
    await toned.stop()
    return mouth, ear


async def _answered(toned: Driver) -> UUID:
    """The attempt of an answered call; asked again until media has read the new trunk."""
    async with asyncio.timeout(20.0):
        while True:
            attempt = await toned.place(TONED)
            with suppress(AssertionError):  # not within the second: media may not have read the trunk yet
                await toned.event(attempt, m.CallAnswered, 1.0)
                return attempt


async def _until_tapped(driver: Driver, calls: int) -> None:
    async with asyncio.timeout(60.0):
        while _tapped(driver) < calls:  # noqa: ASYNC110 - told by another process
            await asyncio.sleep(0.1)


def _tapped(driver: Driver) -> int:
    return sum(isinstance(tap, m.TapOpened) for tap in driver.taps)


async def _flood(settings: Settings, size: Size) -> bytes:
    given = (settings.media_host, settings.media_sip_port, size.rate, size.seconds)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.flood", *map(str, given), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    return out
