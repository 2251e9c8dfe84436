"""The job that brings an uploaded list in: import the file, then make its open cases leads of the campaign."""

from __future__ import annotations

import asyncio
import time
from typing import Final
from uuid import UUID

import structlog
from procrastinate import JobContext

from agent_ui.floor.uploads import Order, Step, Upload, forget_old
from cases.importing.service import import_file
from cases.models import ImportBatch, ImportState
from core.jobs import House, app, house
from core.security import Keys
from dialer.campaigns.lists import load_list
from dialer.campaigns.service import CampaignError

log = structlog.get_logger()

QUEUE: Final = "imports"


@app.task(name="floor.bring_in", queue=QUEUE, pass_context=True)
async def bring_in(context: JobContext, *, upload: str) -> None:
    """Do what the upload's order says. After a crash it begins anew, or goes on where the import was in already."""
    tools = house(context)
    held = Upload(tools.settings, UUID(upload))
    order = await asyncio.to_thread(held.read)
    if order is None or order.step in (Step.DONE, Step.FAILED):
        return
    batch = await _imported(tools, held, order)
    if batch.state is not ImportState.DONE:
        held.write(order.model_copy(update={"step": Step.FAILED, "import_id": batch.id, "error": batch.error or ""}))
        return
    done = {"rows": batch.rows_in, "fraction": 1.0, "import_id": batch.id}
    held.write(order.model_copy(update={**done, "step": Step.RUNNING}))
    try:
        async with tools.database.begin() as session:
            await load_list(session, tools.clock, order.campaign_id, batch.id, order.list_name, order.priority)
    except CampaignError as error:
        held.write(order.model_copy(update={**done, "step": Step.FAILED, "error": str(error)}))
        return
    held.write(order.model_copy(update={**done, "step": Step.DONE}))
    await asyncio.to_thread(held.file.unlink, missing_ok=True)  # personal data that has gone where it belongs


@app.periodic(cron="17 * * * *")
@app.task(name="floor.forget_uploads", queue=QUEUE, queueing_lock="floor.forget_uploads", pass_context=True)
async def forget_uploads(context: JobContext, timestamp: int) -> None:
    """Hourly: remove uploads that were given up, and old ones."""
    removed = await asyncio.to_thread(forget_old, house(context).settings, time.time())
    if removed:
        log.info("uploads.forgotten", number=removed)


async def _imported(tools: House, held: Upload, order: Order) -> ImportBatch:
    if order.import_id is not None:
        async with tools.database.begin() as session:
            known = await session.get(ImportBatch, order.import_id)
        if known is not None:
            return known

    def progress(rows: int, fraction: float) -> None:
        held.write(order.model_copy(update={"step": Step.RUNNING, "rows": rows, "fraction": fraction}))

    progress(0, 0.0)
    return await import_file(
        tools.database,
        tools.clock,
        Keys.load(tools.settings),
        held.file,
        order.portfolio_id,
        order.mapping or None,
        order.author,
        progress,
        file_name=order.file_name,
        rejects_dir=held.folder,
        locale=order.language,
    )
