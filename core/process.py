"""Running a process's main coroutine to a clean end."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable

import uvloop


def run_async(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run ``main(stop)`` in a fresh event loop until it returns.

    The first SIGTERM or SIGINT sets ``stop``: ``main`` finishes what it holds and returns. A second one cancels it.
    An exception of ``main`` comes out of here, so the process ends with a failure its supervisor sees.
    """
    forget_imports()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(main))


def forget_imports() -> None:
    """Have Python's search for cycles leave alone what is loaded by now: looking through it all stops a process for
    a tenth of a second, again and again.
    """
    gc.collect()
    gc.freeze()


async def _run(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    task = asyncio.ensure_future(main(stop))
    loop = asyncio.get_running_loop()

    def ask_to_stop() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def until(stop: asyncio.Event, seconds: float) -> bool:
    """Wait at most ``seconds`` of real time for ``stop``; whether it is set."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
