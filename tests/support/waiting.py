"""Waiting for what must come, with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


async def eventually(happened: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    """Return as soon as ``happened()`` is true; AssertionError if it is not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        found = happened()
        if await found if isinstance(found, Awaitable) else found:
            return
        assert time.monotonic() < deadline, f"{happened} did not happen within {seconds} s"
        await asyncio.sleep(0.01)
