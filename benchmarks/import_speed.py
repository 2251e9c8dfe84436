"""Import: rows a second and the importer's peak memory, on a CSV file as an agency sends it.

The import runs in a process of its own, so that its peak is not that of whoever measures.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.place import connected, database_only, installation
from benchmarks.table import Figure, at_most
from cases.importing.service import import_file
from cases.models import Creditor, ImportState, Portfolio
from core import tables
from core.clock import SystemClock
from core.db import Database
from core.ids import new_id
from core.models import Brand
from core.security import Keys
from core.settings import Settings

NAME = "import"
_PESEL = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
_NAMES = ("Łucja Żak", "Jan Kowalski", "Grażyna Wiśniewska", "Paweł Ćwik", "Zofia Dąb", "Michał Śliwa", "Anna Nowak")


def bench(rows: int = 1_000_000) -> list[Figure]:
    """Import ``rows`` rows."""
    with installation() as settings, database_only(settings):
        told = asyncio.run(_import(settings, rows))
    accounted = told["accepted"] + told["rejected"] + told["duplicates"]
    return [
        Figure(NAME, "rows", told["rows"]),
        Figure(NAME, "rows accounted for", accounted, "", f"= {told['rows']:,}", accounted == told["rows"]),
        Figure(NAME, "seconds", told["seconds"], "s"),
        Figure(NAME, "speed", told["rows_per_second"], "rows/s"),
        at_most(NAME, "peak memory of the importer", told["peak_mb"], "MB", 500.0),
    ]


async def _import(settings: Settings, rows: int) -> dict[str, Any]:
    async with connected(settings) as database:
        return await _in_a_child(database, rows)


async def _in_a_child(database: Database, rows: int) -> dict[str, Any]:
    portfolio = await _portfolio(database)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "debtors.csv"
        await asyncio.to_thread(write_file, path, rows)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.import_speed",
            str(path),
            str(portfolio),
            stdout=subprocess.PIPE,
            env={**os.environ, "DATABASE_URL": database.url},
        )
        out, _ = await child.communicate()
        if child.returncode != 0:
            raise RuntimeError("the import under test has failed")
        told: dict[str, Any] = json.loads(out)
        return told


def write_file(path: Path, rows: int, seed: int = 1) -> None:
    """A file of invented debtors in Windows-1250: one row in fifty is bad, one in a hundred repeats an earlier one."""
    draw = random.Random(seed)
    with path.open("w", encoding="cp1250", newline="\r\n") as file:
        file.write(
            "Nr klienta;Imię i nazwisko;PESEL;Telefon;Adres;Kod pocztowy;Miasto;Nr faktury;Kwota;Termin płatności\n"
        )
        previous = ""
        for n in range(rows):
            if previous and n % 100 == 99:
                file.write(previous)
                continue
            phone = f"{draw.choice((50, 51, 53, 60, 66, 69, 72, 78, 79, 88))}{draw.randrange(10**7):07d}"
            phones = f"{phone[:3]} {phone[3:6]} {phone[6:]}" if n % 3 else f"{phone}, 22 {draw.randrange(10**7):07d}"
            amount = f"{draw.randrange(1, 90)} {draw.randrange(1000):03d},{draw.randrange(100):02d}"
            line = (
                f"K{n:07d};{draw.choice(_NAMES)};{_pesel(draw)};{phones};ul. Długa {draw.randrange(200)};"
                f"{draw.randrange(100):02d}-{draw.randrange(1000):03d};Łódź;F/{n}/2026;{amount};"
                f"{draw.randrange(1, 29):02d}.{draw.randrange(1, 13):02d}.2026\n"
            )
            file.write(line if n % 50 else line.replace(amount, "brak"))
            previous = line if n % 50 else ""


def _pesel(draw: random.Random) -> str:
    digits = f"{draw.randrange(40, 100):02d}{draw.randrange(1, 13):02d}{draw.randrange(1, 29):02d}"
    digits += f"{draw.randrange(10_000):04d}"
    total = sum(weight * int(digit) for weight, digit in zip(_PESEL, digits, strict=True))
    return digits + str(-total % 10)


async def _portfolio(database: Database) -> UUID:
    clock = SystemClock()
    stamp: Any = {"created_at": clock.now()}
    brand = Brand(id=new_id(clock), name=f"bench {new_id(clock)}", callback_number="+48221230000", **stamp)
    creditor = Creditor(id=new_id(clock), brand_id=brand.id, name="bench", **stamp)
    portfolio = Portfolio(id=new_id(clock), brand_id=brand.id, creditor_id=creditor.id, name="bench", **stamp)
    async with database.begin() as session:
        for row in (brand, creditor, portfolio):
            session.add(row)
            await session.flush()
    return portfolio.id


async def _child(path: Path, portfolio: UUID) -> dict[str, Any]:
    tables.load()
    database = Database(os.environ["DATABASE_URL"], pool=1)
    started = time.perf_counter()
    batch = await import_file(database, SystemClock(), Keys(os.urandom(32), os.urandom(32)), path, portfolio)
    seconds = time.perf_counter() - started
    await database.close()
    if batch.state is not ImportState.DONE:
        raise RuntimeError(batch.error)
    return {
        "rows": batch.rows_in,
        "seconds": round(seconds, 1),
        "rows_per_second": round(batch.rows_in / seconds),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "accepted": batch.accepted,
        "rejected": batch.rejected,
        "duplicates": batch.duplicates,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_child(Path(sys.argv[1]), UUID(sys.argv[2])))))
