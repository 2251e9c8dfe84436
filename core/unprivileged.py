"""Running the embedded servers without root's powers. PostgreSQL refuses to run as root, and is right.

Where we are root, a server is started through ``setpriv`` (util-linux, on every Debian) as an unprivileged user. A
clone in root's own home (mode 0700) would hide binaries and data from that user; then, and only then, the server
keeps one capability: to search and read folders.
"""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

USERS = ("callfloor", "postgres", "nobody")  # the first that exists owns the servers' data
CAPABILITIES = (("dac_read_search", 2), ("dac_override", 1))  # name and number (capabilities(7)), mildest first


class EmbeddedError(Exception):
    """An embedded server can't be prepared or started; the text says what to do."""


class Owner(NamedTuple):
    """The user a server runs as."""

    name: str
    uid: int
    gid: int


def owner_of_servers(data: Path) -> Owner:
    """Who runs a server with ``data``: ourselves, or as root the owner of existing data, else the first of USERS."""
    if os.geteuid() != 0:
        return Owner(_name(os.geteuid()), os.geteuid(), os.getegid())
    if data.exists() and data.stat().st_uid != 0:
        return Owner(_name(data.stat().st_uid), data.stat().st_uid, data.stat().st_gid)
    for name in USERS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(name, found.pw_uid, found.pw_gid)
    raise EmbeddedError("PostgreSQL must not run as root and there is no user 'nobody': start as another user")


def as_owner(owner: Owner, needs: Iterable[Path], end_with: str) -> list[str]:
    """What goes before a server's command so that it runs as ``owner`` and ends if its parent dies.

    Args:
        needs: existing paths it must reach.
        end_with: signal (without SIG) it gets at its parent's death.

    Raises:
        EmbeddedError: the paths are hidden from ``owner`` and we may not open them.
    """
    setpriv = shutil.which("setpriv", path=os.environ.get("PATH", "") + ":/usr/bin:/bin")
    if os.geteuid() != 0:
        return [setpriv, f"--pdeathsig={end_with}", "--"] if setpriv else []
    if setpriv is None:
        raise EmbeddedError("setpriv (package util-linux) is missing: install it or start as another user than root")
    argv = [setpriv, f"--reuid={owner.uid}", f"--regid={owner.gid}", "--clear-groups", "--no-new-privs"]
    capability = "-all"
    hidden = [path for path in needs if not _reachable(path, owner)]
    if hidden:
        capability = f"-all,+{_capability(hidden[0], owner)}"
        # access(2) of another user than root counts capabilities only with this bit (capabilities(7)).
        argv.append("--securebits=+no_setuid_fixup")
    argv += [f"--inh-caps={capability}", f"--ambient-caps={capability}", f"--bounding-set={capability}"]
    return [*argv, f"--pdeathsig={end_with}", "--"]


def _reachable(path: Path, owner: Owner) -> bool:
    folders = (path.resolve(), *path.resolve().parents)
    return all(_searchable(folder.stat(), owner) for folder in folders)


def _searchable(found: os.stat_result, owner: Owner) -> bool:
    if found.st_uid == owner.uid:
        return bool(found.st_mode & 0o100)
    if found.st_gid == owner.gid:
        return bool(found.st_mode & 0o010)
    return bool(found.st_mode & 0o001)


def _capability(hidden: Path, owner: Owner) -> str:
    status = Path("/proc/self/status").read_text()
    bounding = int(status.split("CapBnd:")[1].split()[0], 16)
    for name, number in CAPABILITIES:
        if bounding >> number & 1:
            return name
    raise EmbeddedError(f"user {owner.name} can't reach {hidden}: move it, or open its folders with chmod o+x")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise EmbeddedError(f"user {uid} has no name in /etc/passwd: PostgreSQL needs one") from None
