"""Import: rows a second and peak memory, on a CSV file as an agency sends it; a tenth of the rows goes in before.

The import runs in a process of its own, so that its peak is not that of whoever measures. CPU time is told beside
the wall's, as that of a busy machine says little; its rate at a tenth of the rows shows whether the rate is flat.
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
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psutil

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

NAME: Final = "import"
MOST_MB: Final = 500.0
MOST_SECONDS: Final = 300.0  # for a million rows
SAMPLE: Final = 0.5  # s between looks at the database's processes
_PESEL: Final = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
_FIRST: Final = ("Łucja", "Jan", "Grażyna", "Paweł", "Zofia", "Michał", "Anna", "Święcisław", "Józef", "Małgorzata")
_STEMS: Final = ("Kowal", "Wiśniew", "Dąbrow", "Zieliń", "Szymań", "Woźnia", "Kozłow", "Jaworo", "Piotrow", "Grabow")
_MIDDLES: Final = ("", "a", "icz", "ec", "ow", "in", "art", "ył", "uń", "eń")
_ENDS: Final = ("ski", "ska", "czyk", "ak", "iak", "ek", "ik", "icz", "as", "owa")


def bench(rows: int = 1_000_000) -> list[Figure]:
    """Import a tenth of ``rows``, then ``rows``."""
    with installation() as settings, database_only(settings):
        little, told = asyncio.run(_import(settings, rows))
    accounted = told["accepted"] + told["rejected"] + told["duplicates"]
    cpu = told["importer_cpu"] + told["database_cpu"]
    little_cpu = little["importer_cpu"] + little["database_cpu"]
    return [
        Figure(NAME, "rows", told["rows"]),
        Figure(NAME, "rows accounted for", accounted, "", f"= {told['rows']:,}", accounted == told["rows"]),
        at_most(NAME, "seconds", told["seconds"], "s", MOST_SECONDS * max(1.0, rows / 1e6)),
        Figure(NAME, "speed", told["rows"] / told["seconds"], "rows/s"),
        Figure(NAME, "CPU of the importer", told["importer_cpu"], "s"),
        Figure(NAME, "CPU of PostgreSQL", told["database_cpu"], "s"),
        Figure(NAME, "speed by CPU, both", told["rows"] / cpu, "rows/s"),
        Figure(NAME, "speed by CPU, a tenth of the rows", little["rows"] / little_cpu, "rows/s"),
        at_most(NAME, "peak memory of the importer", told["importer_mb"], "MB", MOST_MB),
        at_most(NAME, "peak memory of its PostgreSQL process", told["database_mb"], "MB", MOST_MB),
    ]


async def _import(settings: Settings, rows: int) -> tuple[dict[str, Any], dict[str, Any]]:
    async with connected(settings) as database:
        return await _in_a_child(database, max(1, rows // 10)), await _in_a_child(database, rows)


async def _in_a_child(database: Database, rows: int) -> dict[str, Any]:
    portfolio = await _portfolio(database)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "debtors.csv"
        await asyncio.to_thread(write_file, path, rows)
        servers = _Servers()
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.import_speed",
            str(path),
            str(portfolio),
            stdout=subprocess.PIPE,
            env={**os.environ, "DATABASE_URL": database.url},
        )
        watch = asyncio.ensure_future(servers.watch())
        try:
            out, _ = await child.communicate()
        finally:
            watch.cancel()
        if child.returncode != 0:
            raise RuntimeError("the import under test has failed")
        told: dict[str, Any] = json.loads(out)
        return told | {"database_cpu": servers.used(), "database_mb": servers.peak / 1e6}


class _Servers:
    """PostgreSQL's processes below this one: CPU seconds used since it was made, the largest one's own memory."""

    def __init__(self) -> None:
        self.peak = 0
        self._cpu: dict[int, float] = {}
        self._before = 0.0
        self._look()
        self._before = self.used()

    def used(self) -> float:
        """CPU seconds of all, those that have ended included."""
        return sum(self._cpu.values()) - self._before

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            self._look()
            await asyncio.sleep(SAMPLE)

    def _look(self) -> None:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if process.name() == "postgres":
                    times, memory = process.cpu_times(), process.memory_info()
                    self._cpu[process.pid] = times.user + times.system
                    self.peak = max(self.peak, memory.rss - memory.shared)


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
                f"K{n:07d};{_name(draw)};{_pesel(draw)};{phones};ul. Długa {draw.randrange(200)};"
                f"{draw.randrange(100):02d}-{draw.randrange(1000):03d};Łódź;F/{n}/2026;{amount};"
                f"{draw.randrange(1, 29):02d}.{draw.randrange(1, 13):02d}.2026\n"
            )
            file.write(line if n % 50 else line.replace(amount, "brak"))
            previous = line if n % 50 else ""


def _name(draw: random.Random) -> str:
    return f"{draw.choice(_FIRST)} {draw.choice(_STEMS)}{draw.choice(_MIDDLES)}{draw.choice(_ENDS)}"


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
    started, cpu = time.perf_counter(), time.process_time()
    batch = await import_file(database, SystemClock(), Keys(os.urandom(32), os.urandom(32)), path, portfolio)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    await database.close()
    if batch.state is not ImportState.DONE:
        raise RuntimeError(batch.error)
    return {
        "rows": batch.rows_in,
        "seconds": seconds,
        "importer_cpu": cpu,
        "importer_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "accepted": batch.accepted,
        "rejected": batch.rejected,
        "duplicates": batch.duplicates,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_child(Path(sys.argv[1]), UUID(sys.argv[2])))))
