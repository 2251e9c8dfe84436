"""One whole house at a time: several on two cores would only measure the machine."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone() -> Iterator[None]:
    """A block that no other test process of this user runs at the same time; waits for its turn."""
    file = Path(tempfile.gettempdir()) / f"callfloor-test-house-{os.getuid()}"
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
