"""A worker with a task of the tests': ``python -m tests.support.worker``, settings from the environment."""

from __future__ import annotations

import asyncio

from procrastinate import JobContext
from sqlmodel import col, select

from core import audit, jobs
from core.models import AuditEvent
from core.settings import settings
from core.telemetry import configure


@jobs.app.task(name="tests.act_once", pass_context=True)
async def act_once(context: JobContext, *, subject: str, hang: bool) -> None:
    """Note a start; the first run of a hanging job then never ends, a later one finds the note and finishes."""
    house = jobs.house(context)
    async with house.database.begin() as session:
        before = (await session.exec(select(AuditEvent).where(col(AuditEvent.subject) == subject))).all()
        action = "job.resumed" if before else "job.started"
        await audit.record(session, house.clock, actor="worker", action=action, subject=subject)
    if hang and not before:
        await asyncio.Event().wait()


if __name__ == "__main__":
    configure(settings(), "worker")
    jobs.run_worker(settings())
