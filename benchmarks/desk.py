"""The agents' side of a bench: saves a disposition for every conversation as soon as it may."""

from __future__ import annotations

import asyncio
from uuid import UUID

from sqlmodel import col, select

from core.clock import Clock
from core.db import Database
from dialer.agents.dispositions import DispositionError, dispose
from dialer.attempts.models import Attempt

LOOK_EVERY = 0.05  # s
CODE = "third_party"
WRITERS = 12  # dispositions saved side by side


class Desk:
    """Disposes of the calls of one campaign that have talked for ``talk`` seconds, until cancelled.

    Each talks for half to one and a half times as long, the same at every look: people do not hang up in step.
    """

    def __init__(self, database: Database, clock: Clock, campaign_id: UUID, talk: float = 0.0) -> None:
        self._database, self._clock, self._campaign_id, self._talk = database, clock, campaign_id, talk
        self._gate = asyncio.Semaphore(WRITERS)
        self._saving: set[UUID] = set()
        self.saved = 0

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for attempt_id, session_id in await self._due():
                    if attempt_id not in self._saving:
                        self._saving.add(attempt_id)
                        group.create_task(self._save(attempt_id, session_id))
                await asyncio.sleep(LOOK_EVERY)

    async def _due(self) -> list[tuple[UUID, UUID]]:
        async with self._database.begin() as s:
            rows = await s.exec(
                select(Attempt.id, Attempt.agent_session_id, Attempt.bridged_at).where(
                    Attempt.campaign_id == self._campaign_id,
                    col(Attempt.ended_at).is_(None),
                    col(Attempt.bridged_at).is_not(None),
                    col(Attempt.disposition_id).is_(None),
                )
            )
            now = self._clock.now()
            return [
                (attempt_id, shift)
                for attempt_id, shift, at in rows.all()
                if shift and at and (now - at).total_seconds() >= self._talk * _share(attempt_id)
            ]

    async def _save(self, attempt_id: UUID, session_id: UUID) -> None:
        async with self._gate:
            try:
                async with self._database.begin() as s:
                    await dispose(s, self._clock, session_id, attempt_id, CODE)
                self.saved += 1
            except DispositionError:
                self._saving.discard(attempt_id)


def _share(attempt_id: UUID) -> float:
    """0.5 to 1.5, by the id's last digits, which are random."""
    return 0.5 + attempt_id.int % 1024 / 1024
