"""Redis dies with its memory, and comes back: calls go on, and what happened meanwhile is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import redis

from core import embedded
from core.bus import Bus
from core.settings import Settings
from dialer.media import messages as m
from dialer.trunks.models import Trunk
from tests.media.driver import Driver
from tests.media.peer import Peer
from tests.support.processes import Child, Processes
from tests.support.until import until

pytestmark = pytest.mark.crash


def start_redis(processes: Processes, settings: Settings) -> Child:
    embedded.prepare_redis(settings)
    child = processes.run(embedded.redis_argv(settings), name="redis")
    child.wait_until(lambda: embedded.redis_ready(settings))
    return child


def end_redis(settings: Settings, child: Child) -> None:
    """Without saving anything."""
    with redis.Redis.from_url(embedded.redis_url(settings)) as client:
        client.shutdown(nosave=True)
    child.popen.wait(10)


async def test_calls_outlive_redis_and_their_events_are_told_later(
    settings: Settings, tmp_path: Path, trunk: Trunk, peer: Peer, processes: Processes
) -> None:
    own = settings.model_copy(update={"redis_url": None, "data_dir": tmp_path / "redis"})
    server = await asyncio.to_thread(start_redis, processes, own)
    bus = Bus(embedded.redis_url(own))
    driver = Driver(bus, settings.clock(), settings.node, trunk.id)
    await driver.start()
    processes.start("media", redis_url=embedded.redis_url(own))
    await driver.alive()
    stays, leaves = await driver.place("+48501000001"), await driver.place("+48501000002")
    await driver.event(stays, m.CallAnswered)
    await driver.event(leaves, m.CallAnswered)
    call = peer.call_to("+48501000002")
    assert call is not None
    await until(lambda: call.got("ACK"))
    told = len(driver.events)
    await driver.stop()
    await bus.close()

    await asyncio.to_thread(end_redis, own, server)
    call.request("BYE")
    await until(lambda: any(r.status == 200 and r.method == "BYE" for r in call.received))
    await asyncio.to_thread(start_redis, processes, own)

    bus = Bus(embedded.redis_url(own))
    again = Driver(bus, settings.clock(), settings.node, trunk.id)
    again.campaign_id = driver.campaign_id
    await again.start()
    await again.alive()
    ended = await again.event(leaves, m.CallEnded)
    assert ended.by == "debtor"
    inventory = await until(lambda: [e for e in again.events if isinstance(e, m.Inventory)])
    assert inventory[0].attempts == [stays]
    assert [event.seq for event in again.events] == list(range(1, told + 3))
    await again.send(m.HangupCall(attempt_id=stays))
    assert (await again.event(stays, m.CallEnded)).by == "us"
    await again.stop()
    await bus.close()
