"""Telling the media processes that trunks have changed."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.outbox import emit
from dialer.agents.models import AgentSession
from dialer.campaigns.models import Campaign
from dialer.media.messages import ReloadTrunks, commands_stream


async def ask_reload(session: AsyncSession, also: Iterable[str] = ()) -> set[str]:
    """Have every media node the database knows, and ``also`` these, read the trunks again; the nodes asked.

    Known are those that carry a campaign or an open shift. Any other reads the trunks when it starts.
    """
    campaigns = await session.exec(select(Campaign.media_node).distinct())
    shifts = await session.exec(select(AgentSession.media_node).where(col(AgentSession.ended_at).is_(None)).distinct())
    nodes = {*(name for name in (*campaigns.all(), *shifts.all()) if name is not None), *also}
    for node in sorted(nodes):
        await emit(session, commands_stream(node), ReloadTrunks())
    return nodes
