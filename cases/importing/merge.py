"""The statements of the merge, in the order in which they run."""

from __future__ import annotations

from typing import Final, LiteralString

from core.ids import bulk_id_sql


def _id(counter: LiteralString) -> LiteralString:
    return bulk_id_sql("%(ms)s", counter)


PREPARE: Final[tuple[LiteralString, ...]] = (
    "SET LOCAL work_mem = '64MB'",
    "SET LOCAL temp_buffers = '32MB'",
    "SET LOCAL jit = off",
    """
    CREATE TEMP TABLE incoming (
        line int, debtor_ref text, name text, name_key text, pesel_sealed bytea, pesel_index bytea, nip text,
        address text, debt_ref text, amount bigint, currency text, due_on date, title text, emails text[],
        phones text[]
    ) ON COMMIT DROP
    """,
)
COPY: Final = "COPY incoming FROM STDIN"

MATCH: Final[tuple[LiteralString, ...]] = (
    "ANALYZE incoming",
    # One row per debtor of the file: of several values the last one given counts.
    f"""
    CREATE TEMP TABLE person ON COMMIT DROP AS
    SELECT g.*, d.id IS NULL AS is_new, coalesce(d.id, {_id("g.line")}) AS id,
           c.id IS NULL AS case_new, coalesce(c.id, {_id("g.line")}) AS case_id
    FROM (
        SELECT debtor_ref, min(line) AS line,
               (array_agg(name ORDER BY line DESC))[1] AS name,
               (array_agg(name_key ORDER BY line DESC))[1] AS name_key,
               (array_agg(pesel_sealed ORDER BY line DESC) FILTER (WHERE pesel_index IS NOT NULL))[1] AS pesel_sealed,
               (array_agg(pesel_index ORDER BY line DESC) FILTER (WHERE pesel_index IS NOT NULL))[1] AS pesel_index,
               (array_agg(nip ORDER BY line DESC) FILTER (WHERE nip IS NOT NULL))[1] AS nip,
               (array_agg(address ORDER BY line DESC) FILTER (WHERE address IS NOT NULL))[1] AS address
        FROM incoming GROUP BY debtor_ref
    ) g
    LEFT JOIN debtor d ON d.brand_id = %(brand)s AND d.creditor_id = %(creditor)s AND d.reference = g.debtor_ref
    LEFT JOIN debt_case c ON c.portfolio_id = %(portfolio)s AND c.debtor_id = d.id
    """,  # noqa: S608 - built from constants
    "CREATE INDEX ON person (line)",
    "ANALYZE person",
    # One row per row of the file: its debtor's first row, the claim it speaks of, the row before that spoke of it,
    # whether it is the last.
    """
    CREATE TEMP TABLE claim ON COMMIT DROP AS
    SELECT i.line, i.debt_ref, i.amount, i.currency, i.due_on, i.title, i.emails, i.phones,
           p.line AS first_line, p.id AS debtor_id, p.is_new, p.case_id, e.id AS existing,
           lag(i.line) OVER same AS before, lead(i.line) OVER same IS NULL AS is_last
    FROM incoming i
    JOIN person p USING (debtor_ref)
    LEFT JOIN debt e ON NOT p.case_new AND e.case_id = p.case_id AND e.reference = i.debt_ref
    WINDOW same AS (PARTITION BY p.line, i.debt_ref ORDER BY i.line)
    """,
    "CREATE INDEX ON claim (first_line)",
    "ANALYZE claim",
)

# A repeat: the row before of the same claim, or else the portfolio, says the same.
COUNT_DUPLICATES: Final[LiteralString] = """
    SELECT count(*)
    FROM claim c
    JOIN incoming i USING (line)
    LEFT JOIN incoming b ON b.line = c.before
    LEFT JOIN debt e ON c.before IS NULL AND e.id = c.existing
    LEFT JOIN debtor d ON c.before IS NULL AND d.id = c.debtor_id
    WHERE (c.before IS NOT NULL OR c.existing IS NOT NULL)
      AND i.amount = coalesce(b.amount, e.amount)
      AND i.currency = coalesce(b.currency, e.currency)
      AND i.name = coalesce(b.name, d.name)
      AND (i.due_on IS NULL OR i.due_on = coalesce(b.due_on, e.due_on))
      AND (i.title IS NULL OR i.title = coalesce(b.title, e.title))
      AND (i.nip IS NULL OR i.nip = coalesce(b.nip, d.nip))
      AND (i.address IS NULL OR i.address = coalesce(b.address, d.address))
      AND (i.pesel_index IS NULL OR i.pesel_index = coalesce(b.pesel_index, d.pesel_index))
"""

_PERSONS: Final[LiteralString] = "p.line >= %(low)s AND p.line < %(high)s"
_CLAIMS: Final[LiteralString] = "c.first_line >= %(low)s AND c.first_line < %(high)s"


def _points(kind: LiteralString, column: LiteralString) -> LiteralString:
    """Points of one kind that a debtor does not have yet, after those they have, in the order of the file.

    What a debtor has is asked for by scalar subqueries, one index look-up each, and of none that is new: the planner
    can't turn them into a hash of all points there are.
    """
    return f"""
    INSERT INTO contact_point (id, created_at, brand_id, debtor_id, kind, value, position, dead)
    SELECT {_id("%(low)s + row_number() OVER (ORDER BY debtor_id, first)")}, %(now)s, %(brand)s, debtor_id, '{kind}',
           value,
           CASE WHEN is_new THEN 0 ELSE (
               SELECT coalesce(max(q.position) + 1, 0) FROM contact_point q
               WHERE q.debtor_id = x.debtor_id AND q.kind = '{kind}'
           ) END + row_number() OVER (PARTITION BY debtor_id ORDER BY first) - 1, false
    FROM (
        SELECT c.debtor_id, c.is_new, v.value, min(c.line * 1000::bigint + v.nth) AS first
        FROM claim c, unnest(c.{column}) WITH ORDINALITY AS v(value, nth)
        WHERE {_CLAIMS}
        GROUP BY c.debtor_id, c.is_new, v.value
    ) x
    WHERE is_new OR (
        SELECT q.id FROM contact_point q WHERE q.debtor_id = x.debtor_id AND q.kind = '{kind}' AND q.value = x.value
    ) IS NULL
    ON CONFLICT (debtor_id, kind, value) DO NOTHING
    """  # noqa: S608 - built from constants


# All that is written of the debtors whose first row stands from line ``low`` to before ``high``: what one statement
# writes, the next finds still in memory.
WRITE: Final[tuple[LiteralString, ...]] = (
    f"""
    INSERT INTO debtor (id, created_at, brand_id, creditor_id, reference, name, name_key, pesel_sealed, pesel_index,
                        nip, language, timezone, address, import_id)
    SELECT id, %(now)s, %(brand)s, %(creditor)s, debtor_ref, name, name_key, pesel_sealed, pesel_index, nip,
           'pl', (SELECT timezone FROM brand WHERE id = %(brand)s), address, %(import)s
    FROM person p WHERE is_new AND {_PERSONS} ORDER BY line
    """,  # noqa: S608 - built from constants
    f"""
    UPDATE debtor d
    SET name = p.name, name_key = p.name_key, nip = coalesce(p.nip, d.nip), address = coalesce(p.address, d.address),
        pesel_sealed = CASE WHEN p.pesel_index IS NULL OR p.pesel_index = d.pesel_index
                            THEN d.pesel_sealed ELSE p.pesel_sealed END,
        pesel_index = coalesce(p.pesel_index, d.pesel_index)
    FROM person p
    WHERE d.id = p.id AND NOT p.is_new AND {_PERSONS}
      AND (d.name, d.nip, d.address, d.pesel_index) IS DISTINCT FROM
          (p.name, coalesce(p.nip, d.nip), coalesce(p.address, d.address), coalesce(p.pesel_index, d.pesel_index))
    """,  # noqa: S608 - built from constants
    f"""
    INSERT INTO debt_case (id, created_at, brand_id, portfolio_id, debtor_id, state, notes, import_id)
    SELECT case_id, %(now)s, %(brand)s, %(portfolio)s, id, 'open', '', %(import)s
    FROM person p WHERE case_new AND {_PERSONS} ORDER BY line
    """,  # noqa: S608 - built from constants
    # A settled case that gets a new claim is worked again.
    f"""
    UPDATE debt_case e
    SET import_id = %(import)s,
        state = CASE WHEN e.state = 'settled' AND EXISTS (
                    SELECT FROM claim c
                    WHERE c.first_line = p.line AND c.existing IS NULL AND c.amount > 0
                ) THEN 'open' ELSE e.state END
    FROM person p WHERE e.id = p.case_id AND NOT p.case_new AND {_PERSONS}
    """,  # noqa: S608 - built from constants
    f"""
    INSERT INTO debt (id, created_at, brand_id, case_id, reference, amount, currency, due_on, title)
    SELECT {_id("line")}, %(now)s, %(brand)s, case_id, debt_ref, amount, currency, due_on, title
    FROM claim c WHERE is_last AND existing IS NULL AND {_CLAIMS} ORDER BY line
    """,  # noqa: S608 - built from constants
    f"""
    UPDATE debt e
    SET amount = c.amount, currency = c.currency, due_on = coalesce(c.due_on, e.due_on),
        title = coalesce(c.title, e.title)
    FROM claim c
    WHERE c.is_last AND c.existing IS NOT NULL AND e.id = c.existing AND {_CLAIMS}
      AND (e.amount, e.currency, e.due_on, e.title) IS DISTINCT FROM
          (c.amount, c.currency, coalesce(c.due_on, e.due_on), coalesce(c.title, e.title))
    """,  # noqa: S608 - built from constants
    _points("phone", "phones"),
    _points("email", "emails"),
    # A claim that has fallen to what is paid settles its case: all that cases.settlement.settle does, for a set.
    f"""
    WITH paid AS (
        UPDATE debt_case e SET state = 'settled'
        WHERE e.state = 'open'
          AND e.id IN (SELECT c.case_id FROM claim c WHERE (c.existing IS NOT NULL OR c.amount = 0) AND {_CLAIMS})
          AND NOT EXISTS (
              SELECT FROM debt o WHERE o.case_id = e.id GROUP BY o.currency
              HAVING sum(o.amount) > coalesce((SELECT sum(p.amount) FROM payment p
                                               WHERE p.case_id = e.id AND p.currency = o.currency), 0)
          )
        RETURNING e.id, e.debtor_id
    ), cancelled AS (
        UPDATE next_action a SET state = 'cancelled' FROM paid WHERE a.case_id = paid.id AND a.state = 'planned'
    )
    INSERT INTO outbox (stream, payload)
    SELECT 'cases', jsonb_build_object('kind', 'case_settled', 'brand_id', CAST(%(brand)s AS uuid), 'case_id', id,
                                       'debtor_id', debtor_id)
    FROM paid
    """,  # noqa: S608 - built from constants
)
