"""Waiting for a condition, never for time: a bound for a stuck machine, not a measure."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

SECONDS = 20.0
LOOK_EVERY = 0.02  # s


@overload
async def until(ask: Callable[..., Awaitable[T]], seconds: float = ..., what: str = ...) -> T: ...
@overload
async def until(ask: Callable[..., T], seconds: float = ..., what: str = ...) -> T: ...
async def until(ask: Callable[..., Any], seconds: float = SECONDS, what: str = "") -> Any:
    """The first true answer of ``ask``, a plain function or a coroutine's.

    Raises:
        AssertionError: none came within ``seconds``; it tells ``what`` was waited for and the last answer.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        _look_again(ask, answer, deadline, seconds, what)
        await asyncio.sleep(LOOK_EVERY)


def wait_until(ask: Callable[..., T], seconds: float = SECONDS, what: str = "") -> T:
    """As :func:`until`, where there is no event loop."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        _look_again(ask, answer, deadline, seconds, what)
        threading.Event().wait(LOOK_EVERY)
    return answer


def _look_again(ask: Callable[..., Any], answer: object, deadline: float, seconds: float, what: str) -> None:
    """Fail if it is too late for another look."""
    code = getattr(ask, "__code__", None)  # a mock or a partial has none
    asked = what or (f"{ask.__name__} ({code.co_filename}:{code.co_firstlineno})" if code else repr(ask))
    assert time.monotonic() < deadline, f"{asked}: still {answer!r} after {seconds:g} s"
