"""Lead lists: the open cases of an import become leads of a campaign."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from cases.models import ImportBatch, ImportState
from core.clock import Clock
from core.ids import bulk_id_sql, new_id
from core.outbox import emit
from dialer.campaigns.models import Campaign, LeadList
from dialer.campaigns.service import CAMPAIGNS, CampaignError
from dialer.events import UI, CampaignChanged

# A lead without a phone is entered too, finished: a list's numbers add up, and the reason can be counted.
_FILL: Final = text(
    f"""
    INSERT INTO lead (id, created_at, brand_id, campaign_id, list_id, case_id, debtor_id, state, priority, due_at,
                      next_position, attempts, outcome_counts, reason)
    SELECT {bulk_id_sql(":ms", "n")}, :now, brand_id, :campaign_id, :list_id, case_id, debtor_id,
           CASE WHEN has_phone THEN 'ready' ELSE 'finished' END, :priority, :now, 0, 0, '{{}}'::jsonb,
           CASE WHEN has_phone THEN NULL ELSE 'no_phone' END
    FROM (
        SELECT c.brand_id, c.id AS case_id, c.debtor_id, row_number() OVER (ORDER BY c.id) - 1 AS n,
               EXISTS (SELECT 1 FROM contact_point p
                       WHERE p.debtor_id = c.debtor_id AND p.kind = 'phone' AND NOT p.dead) AS has_phone
        FROM debt_case c
        WHERE c.import_id = :import_id AND c.brand_id = :brand_id AND c.state = 'open'
    ) AS cases
    ON CONFLICT (campaign_id, case_id) DO NOTHING
    """.replace("'{}'::jsonb", "CAST('{}' AS jsonb)")  # noqa: S608 - built from constants
)


async def load_list(
    session: AsyncSession, clock: Clock, campaign_id: UUID, import_id: UUID, name: str, priority: int = 0
) -> LeadList:
    """Make a list of the open cases that an import last touched. A case that is a lead of the campaign stays as it is.

    Args:
        priority: of its leads; higher ones are dialled first.

    Raises:
        CampaignError: no such campaign or import, different brands, or an import that did not go in.
    """
    campaign = await session.get(Campaign, campaign_id)
    batch = await session.get(ImportBatch, import_id)
    if campaign is None or batch is None or campaign.brand_id != batch.brand_id:
        raise CampaignError("No such campaign or import in this brand.")
    if batch.state is not ImportState.DONE:
        raise CampaignError(f"The import of «{batch.file_name}» did not go in: there is nothing to load.")
    now = clock.now()
    row = LeadList(
        id=new_id(clock),
        created_at=now,
        brand_id=campaign.brand_id,
        campaign_id=campaign_id,
        import_id=import_id,
        name=name,
        priority=priority,
    )
    session.add(row)
    await session.flush()
    connection = await session.connection()
    await connection.execute(
        _FILL,
        {
            "ms": round(now.timestamp() * 1000),
            "now": now,
            "campaign_id": campaign_id,
            "list_id": row.id,
            "import_id": import_id,
            "brand_id": campaign.brand_id,
            "priority": priority,
        },
    )
    changed = CampaignChanged(campaign_id=campaign_id)
    await emit(session, UI, changed)
    await emit(session, CAMPAIGNS, changed)
    return row
