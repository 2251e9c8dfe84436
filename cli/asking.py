"""Asking the operator for a password: never an argument, which every user of the machine can read."""

from __future__ import annotations

import getpass
import sys


def ask_password(shortest: int = 1) -> str:
    """A new password of at least ``shortest`` characters: typed twice, or one line of a pipe."""
    if sys.stdin.isatty():
        given = getpass.getpass("Password: ")
        if given != getpass.getpass("Again: "):
            raise SystemExit("The two differ")
    else:
        given = sys.stdin.readline().rstrip("\n")
    if len(given) < shortest:
        raise SystemExit(f"A password has at least {shortest} characters" if shortest > 1 else "No password was given")
    return given
