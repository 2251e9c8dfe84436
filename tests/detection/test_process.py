"""The detector process against a real Redis, on files that grow as a media process writes them."""

from __future__ import annotations

import asyncio
import os
import shutil
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from core import embedded
from core.bus import Bus
from core.clock import Clock
from core.ids import new_id
from core.settings import Settings
from dialer.call import Verdict
from dialer.detection.claims import Claims
from dialer.media.messages import (
    EVENT,
    CallVerdict,
    TapAnswered,
    TapClosed,
    TapOpened,
    events_stream,
    taps_stream,
)
from tests.detection.sounds import cadence, pcm, silence, speech
from tests.support.processes import Child, Processes
from tests.support.until import until

pytestmark = pytest.mark.db
Pcm = NDArray[np.int16]
STEP = 320  # samples: the tap grows every 40 ms

PERSON = pcm(silence(150), speech(380), silence(2500))
MACHINE = pcm(silence(100), speech(4000))
RINGBACK = pcm(cadence([1000, 4000], 1500, 425.0))
GREETING = pcm(speech(5000, seed=3))


class Redis:
    """A Redis of the test's own, which may be killed: it then has lost its memory."""

    def __init__(self, processes: Processes, settings: Settings) -> None:
        self.settings = settings
        self._processes = processes
        self._child: Child | None = None

    def start(self) -> None:
        embedded.prepare_redis(self.settings)
        self._child = self._processes.run(embedded.redis_argv(self.settings), name="redis", env=os.environ)
        self._child.wait_until(lambda: embedded.redis_ready(self.settings))

    def kill(self) -> None:
        assert self._child is not None
        self._child.kill()


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a node with a bus of its own and no database."""
    short = Path(tempfile.mkdtemp(prefix="cf-"))
    yield Settings(data_dir=short / "v", tap_dir=tmp_path, node="n7", database_url="postgresql://unused")
    shutil.rmtree(short, ignore_errors=True)


@pytest.fixture
def programs(floor: Settings, tmp_path: Path) -> Iterator[Processes]:
    """Children with those settings."""
    started = Processes(floor, tmp_path / "logs")
    yield started
    started.stop()


@pytest.fixture
def redis(programs: Processes, floor: Settings) -> Redis:
    """The bus's server, running."""
    server = Redis(programs, floor)
    server.start()
    return server


@pytest.fixture
async def wire(redis: Redis) -> AsyncIterator[Bus]:
    """The bus."""
    opened = Bus(embedded.redis_url(redis.settings))
    yield opened
    await opened.close()


class Call:
    """One tapped call, written as media writes it."""

    def __init__(self, floor: Settings, clock: Clock, wire: Bus, campaign: UUID, *, early: bool = False) -> None:
        self.id = new_id(clock)
        self.campaign = campaign
        self.path = floor.tap_dir / f"{self.id}.wav"
        self._clock, self._wire, self._early = clock, wire, early
        self._stream = taps_stream(floor.node)

    async def open(self) -> None:
        header = b"RIFF" + bytes(4) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        self.path.write_bytes(header + b"data" + bytes(4))  # sizes are filled in at the end
        await self._wire.publish(
            self._stream,
            TapOpened(
                attempt_id=self.id,
                campaign_id=self.campaign,
                path=str(self.path),
                at=self._clock.timestamp(),
                early=self._early,
            ),
        )

    async def play(self, samples: Pcm) -> None:
        """Write at the pace of speech."""
        begin = time.monotonic()
        for at in range(0, len(samples), STEP):
            await asyncio.sleep(max(0.0, begin + at / 8000 - time.monotonic()))
            self.write(samples[at : at + STEP])

    def write(self, samples: Pcm) -> None:
        with self.path.open("ab", buffering=0) as tap:
            tap.write(samples.astype("<i2").tobytes())

    async def answered(self) -> None:
        await self._wire.publish(self._stream, TapAnswered(attempt_id=self.id, at=self._clock.timestamp()))

    async def close(self) -> None:
        self.path.unlink()
        await self._wire.publish(self._stream, TapClosed(attempt_id=self.id))


async def verdicts(wire: Bus, campaign: UUID, count: int, seconds: float = 20.0) -> list[CallVerdict]:
    """The first ``count`` verdicts on a campaign's stream."""
    deadline = time.monotonic() + seconds
    heard: list[CallVerdict] = []
    after = "0-0"
    while len(heard) < count:
        assert time.monotonic() < deadline, f"{len(heard)} of {count} verdicts"
        for entry in await wire.read({events_stream(campaign): after}, block_ms=100):
            event = EVENT.validate_json(entry.json)
            assert isinstance(event, CallVerdict)
            heard.append(event)
            after = entry.id
    return heard


async def test_persons_and_machines_are_told_apart_while_they_speak(
    programs: Processes, floor: Settings, wire: Bus
) -> None:
    clock = floor.clock()
    programs.start("detector")
    campaign = new_id(clock)
    person, machine = (Call(floor, clock, wire, campaign) for _ in range(2))
    ringing = Call(floor, clock, wire, campaign, early=True)
    mailbox = Call(floor, clock, wire, campaign, early=True)
    calls = [person, machine, ringing, mailbox]
    for call in calls:
        await call.open()

    async def ring_and_answer() -> None:
        await ringing.play(RINGBACK)
        await ringing.answered()
        await ringing.play(PERSON)

    await asyncio.gather(person.play(PERSON), machine.play(MACHINE), ring_and_answer(), mailbox.play(GREETING))
    heard = {verdict.attempt_id: verdict for verdict in await verdicts(wire, campaign, 4)}
    told = {call.id: (heard[call.id].verdict, heard[call.id].early) for call in calls}
    assert told == {
        person.id: (Verdict.HUMAN, False),
        machine.id: (Verdict.MACHINE_VM, False),
        ringing.id: (Verdict.HUMAN, False),
        mailbox.id: (Verdict.MACHINE_VM, True),
    }
    assert heard[ringing.id].audio_ms < 1300  # from the answer, not from the first ring
    assert all(verdict.seq == 0 and verdict.source.startswith("detector:n7:") for verdict in heard.values())
    for call in calls:
        await call.close()


async def test_two_detectors_share_the_calls_and_one_takes_over_from_a_dead_one(
    programs: Processes, floor: Settings, wire: Bus
) -> None:
    clock = floor.clock()
    both = [programs.start("detector", name=f"detector-{n}") for n in range(2)]
    campaign = new_id(clock)
    calls = [Call(floor, clock, wire, campaign) for _ in range(12)]
    for call in calls:
        await call.open()
    await owners_of(wire, calls)
    both[0].kill()
    for call in calls:
        call.write(PERSON)
    heard = await verdicts(wire, campaign, len(calls))
    assert {verdict.attempt_id for verdict in heard} == {call.id for call in calls}
    assert {verdict.source for verdict in heard} == {f"detector:n7:{both[1].pid}"}


async def owners_of(wire: Bus, calls: list[Call]) -> dict[UUID, str]:
    """Who has claimed which call, once all are claimed."""

    async def claimed() -> list[str]:
        holders = await wire.redis.mget([f"detector:tap:{call.id}" for call in calls])
        return holders if all(holders) else []

    return {call.id: holder for call, holder in zip(calls, await until(claimed), strict=True)}


async def test_the_loss_of_redis_and_of_the_detector_itself(
    programs: Processes, floor: Settings, redis: Redis, wire: Bus
) -> None:
    clock = floor.clock()
    detector = programs.start("detector")
    campaign = new_id(clock)
    known, fresh, late = (Call(floor, clock, wire, campaign) for _ in range(3))
    await known.open()
    await owners_of(wire, [known])
    redis.kill()
    known.write(PERSON)  # heard while there is nobody to tell
    redis.start()
    await wire.redis.connection_pool.disconnect()  # the test's own dead connections
    await fresh.open()
    fresh.write(MACHINE)
    heard = {verdict.attempt_id: verdict.verdict for verdict in await verdicts(wire, campaign, 2)}
    assert heard == {known.id: Verdict.HUMAN, fresh.id: Verdict.MACHINE_VM}

    detector.kill()
    await late.open()
    late.write(PERSON)
    programs.start("detector", name="detector-again")
    again = {verdict.attempt_id: verdict.verdict for verdict in (await verdicts(wire, campaign, 4))[2:]}
    assert again == {fresh.id: Verdict.MACHINE_VM, late.id: Verdict.HUMAN}  # what was told before is told again


async def test_a_file_that_vanishes_is_closed_and_the_rest_goes_on(
    programs: Processes, floor: Settings, wire: Bus
) -> None:
    clock = floor.clock()
    detector = programs.start("detector")
    campaign = new_id(clock)
    vanishing, staying = (Call(floor, clock, wire, campaign) for _ in range(2))
    await vanishing.open()
    await staying.open()
    await owners_of(wire, [vanishing, staying])
    vanishing.path.unlink()

    async def given_up() -> bool:  # no longer renewed
        return not await wire.redis.exists(f"detector:tap:{vanishing.id}")

    await until(given_up)
    staying.write(PERSON)
    [verdict] = await verdicts(wire, campaign, 1)
    assert verdict.attempt_id == staying.id
    assert detector.stop() == 0
    assert not await wire.redis.exists(f"detector:tap:{staying.id}")  # given back, not left to expire


async def test_a_claim_has_one_holder_until_it_is_given_back(wire: Bus, floor: Settings) -> None:
    calls = [new_id(floor.clock()) for _ in range(3)]
    one, other = Claims(wire, "one"), Claims(wire, "other")
    assert await one.take(calls[:2]) == [True, True]
    assert await other.take(calls) == [False, False, True]
    assert await one.renew(calls) == [True, True, False]
    await wire.redis.flushall()
    assert await one.renew(calls[:2]) == [True, True]  # Redis had forgotten them
    await one.release(calls[:2])
    assert await other.take(calls[:2]) == [True, True]
