"""The detector process: tails the taps of one media node, listens to all its calls in batches, publishes verdicts.

Any number of them share a node: each call is claimed by one. Nothing is kept: after a restart the process reads the
taps announced lately again and hears each call from its first sample, so a verdict may be told twice.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from uuid import UUID

import structlog

from core.bus import LOST, Bus
from core.clock import Clock
from core.embedded import redis_url
from core.process import run_async
from core.settings import Settings
from dialer.detection.claims import RENEW_S, Claims
from dialer.detection.energy import EnergyBank
from dialer.detection.exchange import Exchange
from dialer.detection.interface import Bank, Decision
from dialer.detection.parameters import FRAME_MS
from dialer.detection.taps import TappedCall
from dialer.media.messages import TAP, CallVerdict, TapAnswered, TapClosed, TapOpened, events_stream, taps_stream

log = structlog.get_logger()

LOOK_BACK_S = 120  # taps announced longer ago than this are not taken up at start: their calls are decided
RETRY_S = 0.2  # between attempts to reach Redis
PENDING = 1000  # verdicts kept while Redis is away


def run(settings: Settings) -> None:
    """Listen until SIGTERM or SIGINT."""

    async def main(stop: asyncio.Event) -> None:
        bus = Bus(redis_url(settings))
        try:
            await Listener(bus, settings.clock(), settings.node).run(stop)
        finally:
            await bus.close()

    run_async(main)


class Listener:
    """All calls one process listens to."""

    def __init__(self, bus: Bus, clock: Clock, node: str, bank: Bank | None = None) -> None:
        self._bus = bus
        self._clock = clock
        self._stream = taps_stream(node)
        self._source = f"detector:{node}:{os.getpid()}"
        self._claims = Claims(bus, self._source)
        self._reads = Exchange(bus)
        self._bank = bank or EnergyBank()
        self._taps: dict[UUID, TappedCall] = {}
        self._verdicts: deque[CallVerdict] = deque(maxlen=PENDING)
        self._fallen = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until ``stop``, then give the calls back."""
        jobs = [asyncio.ensure_future(job()) for job in (self._follow, self._hear, self._tell, self._renew)]
        stopped = asyncio.ensure_future(stop.wait())
        done, _ = await asyncio.wait((*jobs, stopped), return_when=asyncio.FIRST_COMPLETED)
        for job in (*jobs, stopped):
            job.cancel()
        await asyncio.gather(*jobs, stopped, return_exceptions=True)
        try:
            await self._claims.release([tap.attempt_id for tap in self._taps.values() if tap.mine])
        except LOST:
            log.info("bus_lost", where="release")
        for tap in self._taps.values():
            tap.deaf()
        for job in done - {stopped}:
            job.result()  # a job only ends by a fault: let it be seen

    # ---- what media says ----

    async def _follow(self) -> None:
        after: str | None = None
        while True:
            try:
                if after is None:
                    seconds, _ = await self._bus.redis.time()
                    after = f"{max(0, seconds - LOOK_BACK_S)}000-0"
                entries = await self._reads.entries(self._stream, after)
            except LOST:
                log.warning("bus_lost", where="taps")
                await asyncio.sleep(RETRY_S)
                continue
            opened = []
            for entry in entries:
                event = TAP.validate_json(entry.json)
                self._note(event)
                if isinstance(event, TapOpened):
                    opened.append(event)
                after = entry.id
            if opened:
                await self._claim([tap for event in opened if (tap := self._taps.get(event.attempt_id))])

    def _note(self, event: TapOpened | TapAnswered | TapClosed) -> None:
        key = event.attempt_id
        if isinstance(event, TapOpened):
            if key not in self._taps:
                self._taps[key] = TappedCall(event)
        elif isinstance(event, TapClosed):
            self._close(key)
        elif (tap := self._taps.get(key)) is not None:
            tap.answered(event.at)

    async def _claim(self, taps: list[TappedCall]) -> None:
        try:
            taken = await self._claims.take([tap.attempt_id for tap in taps])
        except LOST:
            return  # asked again when claims are renewed
        for tap, ours in zip(taps, taken, strict=True):
            if ours and not tap.mine:
                tap.mine = True
                tap.listen(self._bank.open(answered=not tap.early))

    def _close(self, key: UUID) -> None:
        tap = self._taps.pop(key, None)
        if tap is not None:
            tap.deaf()

    # ---- keeping calls, taking over others' ----

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            for key in [key for key, tap in self._taps.items() if tap.gone()]:
                self._close(key)
            mine = [tap for tap in self._taps.values() if tap.mine]
            try:
                kept = await self._claims.renew([tap.attempt_id for tap in mine])
            except LOST:
                continue  # nobody else can claim them either
            for tap, ours in zip(mine, kept, strict=True):
                if not ours:
                    tap.mine = False
                    tap.deaf()
            others = [tap for tap in self._taps.values() if not tap.mine]
            if others:
                await self._claim(others)

    # ---- hearing ----

    async def _hear(self) -> None:
        due = time.monotonic()
        while True:
            self._tick()
            due = max(due + FRAME_MS / 1000, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    def _tick(self) -> None:
        """One batch: whatever has been written since the last."""
        batch = []
        owner: dict[int, TappedCall] = {}
        for tap in self._taps.values():
            if tap.detector is not None and (samples := tap.pending()) is not None:
                batch.append((tap.detector, samples))
                owner[id(tap.detector)] = tap
        for detector, decision in self._bank.feed(batch):
            tap = owner[id(detector)]
            self._verdicts.append(self._verdict(tap, decision))
            self._fallen.set()
            if detector.finished:
                tap.deaf()

    def _verdict(self, tap: TappedCall, decision: Decision) -> CallVerdict:
        return CallVerdict(
            source=self._source,
            seq=0,
            at=self._clock.timestamp(),
            campaign_id=tap.campaign_id,
            attempt_id=tap.attempt_id,
            verdict=decision.verdict,
            confidence=decision.confidence,
            reason=decision.reason,
            audio_ms=decision.audio_ms,
            early=decision.early,
        )

    async def _tell(self) -> None:
        """Publish verdicts in order; a task of its own, so that a slow bus never stops the listening."""
        while True:
            await self._fallen.wait()
            self._fallen.clear()
            while self._verdicts:
                verdict = self._verdicts[0]
                try:
                    await self._bus.publish(events_stream(verdict.campaign_id), verdict)
                except LOST:
                    log.warning("bus_lost", where="verdicts", waiting=len(self._verdicts))
                    await asyncio.sleep(RETRY_S)
                    continue
                if self._verdicts and self._verdicts[0] is verdict:
                    self._verdicts.popleft()
