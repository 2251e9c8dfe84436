"""A running carrier, and calls to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from core.settings import Settings
from dialer.simulation.behaviour import Kind, number_for
from tests.simulation.caller import Caller, answers_options
from tests.support.ports import Ports
from tests.support.processes import Processes

START_SECONDS = 60.0
LONG = 20.0  # s that no wait takes, even on a busy machine
HEARD = {Kind.PERSON: 2.0, Kind.FAX: 2.0, Kind.MAILBOX: 10.5}  # s of audio to listen to after the answer


@pytest.fixture(scope="session")
def start_carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], int]]:
    """Starts carriers as the demo does, each a process of its own; given the most calls, tells the port."""
    ports, folder = Ports(), tmp_path_factory.mktemp("carrier")
    started: list[Processes] = []

    def start(max_calls: int) -> int:
        port = ports.take(2)
        settings = Settings(
            data_dir=folder, carrier_sip_port=port, carrier_rtp_port=ports.take(480), media_max_calls=max_calls
        )
        processes = Processes(settings, folder / f"logs-{len(started)}")
        started.append(processes)
        child = processes.start("carrier", "--preset", "easy", "--seed", "1")
        child.wait_until(lambda: asyncio.run(answers_options(port)), START_SECONDS)
        return port

    yield start
    codes = [child.stop() for processes in started for child in processes.children]
    ports.close()
    assert not any(codes), codes


@pytest.fixture(scope="session")
def carrier(start_carrier: Callable[[int], int]) -> int:
    """Port of a carrier with plenty of lines."""
    return start_carrier(100)


@pytest.fixture
def small_carrier(start_carrier: Callable[[int], int]) -> int:
    """Port of a carrier with as many lines as the packaged SIP library has."""
    return start_carrier(4)


@pytest.fixture
async def dial(carrier: int) -> AsyncIterator[Callable[[str], Awaitable[Caller]]]:
    """Places calls to dialled strings; each is ended after the test."""
    callers: list[Caller] = []

    async def place(user: str) -> Caller:
        caller = Caller(carrier)
        callers.append(caller)
        await caller.open()
        caller.invite(user)
        return caller

    yield place
    await asyncio.gather(*(caller.close() for caller in callers))


@pytest.fixture(scope="session")
def observed(carrier: int) -> dict[Kind, Caller]:
    """One finished call to a number of each kind, all made at the same time: they only wait."""

    async def all_kinds() -> dict[Kind, Caller]:
        callers = {kind: Caller(carrier) for kind in Kind}
        await asyncio.gather(*(_observe(kind, caller) for kind, caller in callers.items()))
        return callers

    return asyncio.run(all_kinds())


async def _observe(kind: Kind, caller: Caller) -> None:
    """Take a call as far as its kind goes. What does not come in time is left for the test to miss."""
    await caller.open()
    caller.invite(number_for(kind, 3))
    with contextlib.suppress(TimeoutError):
        if kind in (Kind.NO_ANSWER, Kind.CROSSED_EARLY, Kind.CROSSED_RINGING):
            await caller.until(lambda: bool(caller.codes()), LONG)
            if kind is Kind.CROSSED_EARLY:
                await caller.until_heard(1.0, LONG)
            caller.cancel()
            await caller.until_code(200, LONG, "CANCEL")
        final = await caller.until_final(LONG)
        if final.code == 200:
            if kind in HEARD:
                await caller.until_heard(HEARD[kind], LONG)
            if kind in (Kind.PERSON, Kind.PERSON_SHORT, Kind.ONE_WAY):
                await caller.until(lambda: "BYE" in caller.requests, LONG)
            else:
                caller.bye()
                await caller.until_code(200, LONG, "BYE")
    await caller.close()
