"""Create the house: every table of the first version, what the database refuses, and the job queue.

The tables stand as SQL in the folder of the same name, applied in order.

Revision ID: 2026_11_21_create_the_house
Revises:
"""

from __future__ import annotations

from pathlib import Path

import psycopg
from procrastinate.schema import SchemaManager

from alembic import op

revision = "2026_11_21_create_the_house"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "media_cursor, recording, person_in_flight, call_leg, call_event, attempt, next_action, agent_state_log, "
    "agent_session, disposition, pause_reason, campaign_agent, agent, recycling_rule, lead, lead_list, campaign, "
    "contact_ledger, interaction, payment, debt, debt_case, contact_point, debtor, column_mapping, import_batch, "
    "portfolio, creditor, suppression, caller_id_pool_member, caller_id_pool, caller_id, outcome_rule, trunk, "
    "audit_event, outbox, lease, login, user_account, brand"
)
DROP_JOB_QUEUE = """
DO $$
DECLARE thing text;
BEGIN
    FOR thing IN SELECT format('TABLE %I', relname) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname LIKE 'procrastinate\\_%' LOOP
        EXECUTE 'DROP ' || thing || ' CASCADE';
    END LOOP;
    FOR thing IN SELECT 'FUNCTION ' || oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'procrastinate\\_%' LOOP
        EXECUTE 'DROP ' || thing || ' CASCADE';
    END LOOP;
    FOR thing IN SELECT format('TYPE %I', typname) FROM pg_type
        WHERE typnamespace = 'public'::regnamespace AND typname LIKE 'procrastinate\\_%' LOOP
        EXECUTE 'DROP ' || thing || ' CASCADE';
    END LOOP;
END $$
"""


def run(script: str) -> None:
    """Send a script of several statements as it is."""
    connection = op.get_bind().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    connection.execute(script.encode())


def upgrade() -> None:
    for script in sorted(Path(__file__).with_suffix("").glob("*.sql")):
        run(script.read_text(encoding="utf-8"))
    run(SchemaManager.get_schema())


def downgrade() -> None:
    run(DROP_JOB_QUEUE)
    run(f"DROP TABLE {TABLES}")
    run("DROP FUNCTION refuse_change, refuse_unproven_pool_member, refuse_unproven_attempt")
