"""Records into the database: COPY into temporary tables, then one set-based merge. The caller holds the transaction.

Duplicates are merged by the creditor's references. A row whose claim is there with the same content is a duplicate; one
with other content changes it; an empty cell never wipes out what is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

import psycopg

from cases.importing import merge
from cases.importing.rows import Record
from cases.names import name_key
from core.security import Keys

_BATCH: Final = 2000  # records a write
SLICE: Final = 50_000  # lines whose debtors are written at a time: their pages stay in the database's memory
_NULL: Final = "\\N"
MOST_ROWS: Final = 1 << 24  # what the counter in a bulk id holds


@dataclass(frozen=True)
class Target:
    """Where an import goes, and what marks its rows."""

    brand_id: UUID
    creditor_id: UUID
    portfolio_id: UUID
    import_id: UUID
    now: datetime

    def parameters(self) -> dict[str, Any]:
        """As the merge's statements name them."""
        return {
            "brand": self.brand_id,
            "creditor": self.creditor_id,
            "portfolio": self.portfolio_id,
            "import": self.import_id,
            "now": self.now,
            "ms": round(self.now.timestamp() * 1000),
        }


@dataclass(frozen=True)
class Merged:
    """What a merge did: staged rows = ``accepted`` + ``duplicates``."""

    accepted: int
    duplicates: int


def stage(connection: psycopg.Connection[Any], records: Iterable[Record], keys: Keys) -> int:
    """Copy records into the temporary table; gives their number. PESELs are sealed on the way."""
    for statement in merge.PREPARE:
        connection.execute(statement)
    staged = 0
    source = iter(records)
    with connection.cursor() as cursor, cursor.copy(merge.COPY) as copy:
        while batch := list(islice(source, _BATCH)):
            copy.write("".join(_copy_lines(batch, keys)))
            staged += len(batch)
    return staged


def merge_staged(connection: psycopg.Connection[Any], target: Target, staged: int) -> Merged:
    """Merge what is staged into debtors, contact points, cases and debts.

    Imports of a brand go one after the other (advisory lock), so that two never make the same debtor.
    """
    parameters = target.parameters()
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('import:' || %s, 0))", [str(target.brand_id)])
    for statement in merge.MATCH:
        connection.execute(statement, parameters)
    row = connection.execute(merge.COUNT_DUPLICATES).fetchone()
    duplicates = int(row[0]) if row else 0
    row = connection.execute("SELECT coalesce(max(line), 0) FROM person").fetchone()
    last = int(row[0]) if row else 0
    for low in range(0, last + 1, SLICE):
        for statement in merge.WRITE:
            # Not prepared: a plan made for any slice would not know how few lines one has.
            connection.execute(statement, parameters | {"low": low, "high": low + SLICE}, prepare=False)
    return Merged(staged - duplicates, duplicates)


def _copy_lines(batch: list[Record], keys: Keys) -> Iterator[str]:
    """PostgreSQL's COPY text format. Fields hold no control characters, so only the backslash is escaped."""
    for r in batch:
        sealed = index = _NULL
        if r.pesel is not None:
            sealed = "\\\\x" + keys.seal(r.pesel).hex()
            index = "\\\\x" + keys.blind_index(r.pesel).hex()
        yield "\t".join(
            (
                str(r.line),
                _text(r.debtor_reference),
                _text(r.name),
                name_key(r.name),
                sealed,
                index,
                r.nip or _NULL,
                _text(r.address),
                _text(r.debt_reference),
                str(r.amount),
                r.currency,
                r.due_on.isoformat() if r.due_on else _NULL,
                _text(r.title),
                "{" + ",".join(r.emails) + "}",
                "{" + ",".join(r.phones) + "}\n",
            )
        )


def _text(value: str | None) -> str:
    if value is None:
        return _NULL
    return value.replace("\\", "\\\\") if "\\" in value else value
