"""Starts one child of the supervisor: ``python launch.py PARENT COMMAND...``.

Runs as the child, before the real program takes its place: it asks the kernel to kill this process when the parent dies
(``PR_SET_PDEATHSIG``, prctl(2)). A parent that died before the request was made is noticed by its number. A change of
user clears the request: a command that makes one must ask anew (``core/unprivileged.py`` does). Standard library
only: this file is run by path, isolated from the packages around it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the program given on the command line."""
    parent, *command = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != int(parent):
        sys.exit("the supervisor died while this process started")
    os.execvp(command[0], command)  # noqa: S606 - a fixed list of arguments, no shell wanted


if __name__ == "__main__":
    main()
