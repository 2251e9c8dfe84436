"""Starts one child of the supervisor: ``python launch.py PARENT SIGNAL USER COMMAND...``.

Runs as the child, before the real program takes its place. It becomes USER (``-``: stays who it is), then asks the
kernel to send SIGNAL when the parent dies (``PR_SET_PDEATHSIG``, prctl(2)). Order matters: a change of user clears that
request. A parent that died before the request was made is noticed by its number. Standard library only: this file
is run by path, isolated from the packages around it.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the program given on the command line."""
    parent, signal, user, *command = sys.argv[1:]
    if user != "-":
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        os.environ["HOME"] = entry.pw_dir
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != int(parent):
        sys.exit("the supervisor died while this process started")
    os.execvp(command[0], command)  # noqa: S606 - a fixed list of arguments, no shell wanted


if __name__ == "__main__":
    main()
