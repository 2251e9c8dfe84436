"""The import's upkeep in the worker."""

from __future__ import annotations

from typing import Final

from procrastinate import JobContext

from cases.importing.abandoned import close_abandoned
from core.jobs import app, house

EVERY_MINUTE: Final = "* * * * *"


@app.periodic(cron=EVERY_MINUTE)
@app.task(name="cases.close_abandoned_imports", queueing_lock="cases.close_abandoned_imports", pass_context=True)
async def close_abandoned_imports(context: JobContext, timestamp: int) -> None:
    """Mark the imports of dead processes failed. ``timestamp``: the minute the job was due, Unix seconds."""
    await close_abandoned(house(context).database)
