"""The house: which processes make up an installation on one machine, and in which order they start.

``callfloor up`` runs it; ``callfloor demo`` and the tests take the same list and add to it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path

import psutil
import structlog

from cli import probes
from cli.supervisor import ProcessSpec, Supervisor, SupervisorError
from core import embedded
from core.settings import Settings

log = structlog.get_logger(__name__)

STRAGGLER_SECONDS = 0.5  # a killed database server's own children mostly notice and end within that; it recovers anyway


def house(settings: Settings, *, quick: bool = False) -> list[ProcessSpec]:
    """Everything an installation runs here, in order: postgres, redis, migrate, web, engine, media, detector, worker.

    A server whose URL is set runs elsewhere and is left out. ``quick`` (demo, tests): the embedded PostgreSQL
    survives kill -9, but not the machine's own end.
    """
    specs = servers(settings, quick=quick)
    given = tuple(spec.name for spec in specs)
    specs.append(process(settings, "migrate", needs=given, once=True, start_seconds=600.0))
    tables = (*given, "migrate")
    specs += [
        process(settings, "web", needs=tables, ready=partial(probes.web, settings)),
        process(settings, "engine", needs=tables),
        process(settings, "media", needs=tables, ready=partial(probes.media, settings)),
        process(settings, "detector", needs=tables),
        process(settings, "worker", needs=tables),
    ]
    return specs


def servers(settings: Settings, *, quick: bool = False) -> list[ProcessSpec]:
    """The embedded servers this installation needs."""
    specs = []
    if settings.database_url is None:
        specs.append(
            ProcessSpec(
                "postgres",
                partial(_postgres, settings, quick),
                ready=partial(probes.database, settings),
                stop_signal=signal.SIGINT,
                stop_seconds=30.0,
            )
        )
    if settings.redis_url is None:
        specs.append(ProcessSpec("redis", partial(_redis, settings), ready=partial(probes.bus, settings)))
    return specs


def process(
    settings: Settings,
    name: str,
    *arguments: str,
    needs: Sequence[str] = (),
    ready: Callable[[], bool] | None = None,
    once: bool = False,
    start_seconds: float = 120.0,
) -> ProcessSpec:
    """The spec of ``callfloor NAME ARGUMENTS...`` with these very settings."""
    argv = (sys.executable, "-P", "-m", "cli.main", name, *arguments)
    return ProcessSpec(
        name, argv, environment(settings), ready=ready, needs=needs, once=once, start_seconds=start_seconds
    )


def environment(settings: Settings) -> dict[str, str]:
    """The variables that give another process these very settings."""
    given = {name: getattr(settings, name) for name in Settings.model_fields}
    given["data_dir"] = settings.data_dir.absolute()
    return {
        f"CALLFLOOR_{name.upper()}": value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in given.items()
        if value is not None
    }


@contextmanager
def database_server(settings: Settings) -> Iterator[None]:
    """A block in which the database answers: the one that runs, else the embedded server for as long as the block."""
    if probes.database(settings):
        yield
        return
    if settings.database_url is not None:
        raise SystemExit("The database does not answer: is DATABASE_URL right, and the server up?")
    postgres = [spec for spec in servers(settings) if spec.name == "postgres"]
    try:
        with Supervisor(postgres, settings.run_dir()):
            yield
    except SupervisorError as error:
        raise SystemExit(str(error)) from None


def run(settings: Settings) -> None:
    """Run the house until SIGINT or SIGTERM."""
    supervisor = Supervisor(house(settings), settings.run_dir())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.ask_to_stop())
    try:
        with supervisor:
            if supervisor.is_ready("web"):
                address = f"http://{settings.web_host}:{settings.web_port}/"
                print(f"Callfloor is up: {address}   (Ctrl-C ends it)", flush=True)
            supervisor.wait()
    except SupervisorError as error:
        raise SystemExit(str(error)) from None
    if supervisor.failure is not None:
        raise SystemExit(str(supervisor.failure))


def _postgres(settings: Settings, quick: bool) -> list[str]:
    """Prepare the server's start and say its command."""
    data = embedded.postgres_data(settings)
    _clear_stragglers(data)
    embedded.prepare_postgres(settings, quick=quick)
    return embedded.postgres_argv(settings, quick=quick)


def _redis(settings: Settings) -> list[str]:
    embedded.prepare_redis(settings)
    return embedded.redis_argv(settings)


def _clear_stragglers(data: Path) -> None:
    """End the children of a killed database server: each is the leader of a session of its own, so none goes with its
    process group, and the next server refuses to start while one is attached to the shared memory.
    """
    if not data.exists():
        return
    stragglers = [found for found in psutil.process_iter() if _works_in(found, data)]
    _, busy = psutil.wait_procs(stragglers, timeout=STRAGGLER_SECONDS)
    for found in busy:
        log.warning("straggler_killed", pid=found.pid)
        with suppress(psutil.NoSuchProcess):
            found.kill()
    psutil.wait_procs(busy, timeout=10 * STRAGGLER_SECONDS)


def _works_in(found: psutil.Process, folder: Path) -> bool:
    try:
        return found.name() == "postgres" and Path(found.cwd()) == folder.resolve()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
