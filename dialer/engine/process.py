"""The engine process: takes every campaign that has work and no holder, one runner each."""

from __future__ import annotations

import asyncio
import os
import uuid
from contextlib import suppress
from uuid import UUID

import structlog
from sqlalchemy import union
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from core import embedded
from core.bus import LOST, Bus
from core.db import Database
from core.outbox import Relay
from core.partitions import ensure
from core.process import run_async, until
from core.settings import Settings
from dialer.agents.models import AgentSession
from dialer.attempts.models import Attempt
from dialer.campaigns.models import Campaign, CampaignState
from dialer.engine.campaign import CampaignRunner

log = structlog.get_logger()

LOOK_EVERY = 1.0  # s between two looks for campaigns without a holder


class Engine:
    """All campaigns this process holds."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = settings.clock()
        self.database = Database(embedded.postgres_url(settings), settings.database_pool)
        self.bus = Bus(embedded.redis_url(settings))
        self.holder = f"{settings.node}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.runners: dict[UUID, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Hold campaigns until ``stop``; their leases are given back at the end."""
        relay = asyncio.create_task(Relay(self.database, self.bus).run(stop))
        try:
            await self._partitions(stop)
            while not stop.is_set():
                with suppress(*LOST, SQLAlchemyError, OSError):
                    for campaign_id in await self._with_work():
                        if campaign_id not in self.runners:
                            self._start(campaign_id, stop)
                await until(stop, LOOK_EVERY)
            await asyncio.gather(*self.runners.values(), return_exceptions=True)
        finally:
            await relay
            await self.bus.close()
            await self.database.close()

    async def _partitions(self, stop: asyncio.Event) -> None:
        """Attempts need a partition to go into: made before the first one."""
        while not stop.is_set():
            try:
                async with self.database.begin() as s:
                    await ensure(s, self.clock)
                return
            except (SQLAlchemyError, OSError) as error:
                log.warning("engine.waits_for_database", error=type(error).__name__)
                await until(stop, LOOK_EVERY)

    def _start(self, campaign_id: UUID, stop: asyncio.Event) -> None:
        runner = CampaignRunner(self.settings, self.database, self.bus, self.clock, campaign_id, self.holder)
        task = asyncio.create_task(runner.run(stop))
        self.runners[campaign_id] = task

        def ended(done: asyncio.Task[None]) -> None:
            self.runners.pop(campaign_id, None)
            if not done.cancelled() and (error := done.exception()) is not None:
                log.error("engine.runner_failed", campaign=str(campaign_id), exc_info=error)

        task.add_done_callback(ended)

    async def _with_work(self) -> list[UUID]:
        """Campaigns that run, have calls up, or agents in a shift."""
        work = union(
            select(Campaign.id).where(Campaign.state != CampaignState.STOPPED),
            select(Attempt.campaign_id).where(col(Attempt.ended_at).is_(None)),
            select(AgentSession.campaign_id).where(col(AgentSession.ended_at).is_(None)),
        )
        async with self.database.begin() as s:
            return [row[0] for row in (await (await s.connection()).execute(work)).all()]


def run(settings: Settings) -> None:
    """Run an engine until SIGTERM."""
    run_async(Engine(settings).run)
