"""`callfloor agents` as it runs in the demo: telephones on real SIP, scripts against a web server that goes away."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from sqlmodel import select

from core.clock import ManualClock
from core.db import Database
from core.models import Brand
from core.settings import Settings
from dialer.agents.models import AgentSession, AgentState
from dialer.simulation.habits import Act
from dialer.simulation.phones import phone_uri
from tests.simulation.caller import Caller
from tests.simulation.paper_desk import Paper
from tests.support.processes import Processes
from tests.support.until import until
from tests.support.world import PASSWORD, make_world

pytestmark = pytest.mark.sip

START_SECONDS = 60.0


class PaperWeb:
    """Desks on paper behind the real interface; it may be stopped and started again and forgets nothing."""

    def __init__(self, port: int, logins: list[str]) -> None:
        self.port = port
        self.desks = {login: Paper(seed) for seed, login in enumerate(logins)}
        self.seen: list[str] = []
        self.lose_answers = False
        self.app = FastAPI()
        self.app.post("/api/login")(self.log_in)
        self.app.get("/api/desk/state")(self.state)
        self.app.post("/api/desk/{path}")(self.act)
        self.app.websocket("/api/desk/events")(self.events)

    async def log_in(self, request: Request) -> Response:
        given = await request.json()
        assert given["password"] == PASSWORD
        answer = Response(json.dumps({"csrf": f"csrf-{given['login']}"}), media_type="application/json")
        answer.set_cookie("callfloor", given["login"])
        return answer

    async def state(self, request: Request) -> dict[str, Any]:
        return self.desks[request.cookies["callfloor"]].show()

    async def act(self, path: str, request: Request, response: Response) -> dict[str, Any]:
        login = request.cookies["callfloor"]
        assert request.headers["X-CSRF-Token"] == f"csrf-{login}"
        try:
            self.desks[login].do(Act(0.0, path, await request.json()), time.monotonic())
        except AssertionError as error:
            response.status_code = 409
            return {"error": str(error)}
        self.seen.append(path)
        if self.lose_answers:
            response.status_code = 502  # done, but the agent does not get to know
        return self.desks[login].show()

    async def events(self, socket: WebSocket) -> None:
        await socket.accept()
        shown = ""
        with suppress(Exception):  # the agent went away
            while True:
                now = json.dumps(self.desks[socket.cookies["callfloor"]].show())
                if now != shown:
                    await socket.send_text(now)
                    shown = now
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while the block runs; calls come and go meanwhile."""
        config = uvicorn.Config(self.app, port=self.port, log_config=None, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        dialer = asyncio.create_task(self._dial())
        await until(lambda: server.started, 10)
        try:
            yield
        finally:
            server.should_exit = True
            dialer.cancel()
            await task

    async def _dial(self) -> None:
        while True:
            for desk in self.desks.values():
                desk.tick(time.monotonic())
            await asyncio.sleep(0.05)


async def test_scripts_save_every_disposition_through_losses_of_the_web(
    settings: Settings, processes: Processes
) -> None:
    web = PaperWeb(settings.web_port, ["agent01", "agent02", "agent03"])
    desks = list(web.desks.values())
    async with web.serving():
        agents = processes.start("agents", "--count", "3", "--password", PASSWORD)
        await until(lambda: sum(bool(desk.saved) for desk in desks) >= 1, START_SECONDS)
    async with web.serving():  # a new web server: the old sockets are gone
        before = sum(len(desk.bridged) for desk in desks)
        web.lose_answers = True
        await until(lambda: "disposition" in web.seen, 30)
        await until(lambda: sum(len(desk.saved) for desk in desks) >= before, 60)
        web.lose_answers = False
        assert await asyncio.to_thread(agents.stop) == 0
        for desk in desks:
            assert set(desk.saved) == set(desk.bridged)
            assert desk.session is None


async def test_telephones_answer_and_talk(settings: Settings, processes: Processes) -> None:
    agents = processes.start("agents", "--count", "2")
    uri = phone_uri(settings, 2)
    user, port = uri.removeprefix("sip:").split("@")[0], settings.agents_sip_port
    assert uri.endswith(f":{port}")
    await until(lambda: b"phones_ready" in agents.log.read_bytes(), START_SECONDS)
    caller = Caller(port)
    await caller.open()
    caller.invite(user)
    assert (await caller.until_final(10)).code == 200
    await caller.until_heard(2.0, 20)
    assert np.sqrt(np.mean(caller.pcm() ** 2)) > 0.02
    caller.bye()
    await caller.until_code(200, 10, "BYE")
    await caller.close()


async def test_scripts_open_and_close_a_shift_on_the_real_web(
    settings: Settings, database: Database, brand: Brand, clock: ManualClock, processes: Processes
) -> None:
    world = await make_world(database, clock, brand, phones=[], agents=2)
    processes.start("web")
    agents = processes.start("agents", "--count", "2", "--password", PASSWORD)

    async def sessions(*, open_: bool) -> list[AgentSession]:
        async with database.begin() as session:
            rows = (await session.exec(select(AgentSession).where(AgentSession.campaign_id == world.id))).all()
            return [row for row in rows if (row.ended_at is None) == open_]

    async def opened() -> bool:
        return len(await sessions(open_=True)) == 2

    await until(opened, START_SECONDS)
    assert await asyncio.to_thread(agents.stop) == 0
    closed = await sessions(open_=False)
    assert len(closed) == 2
    assert {row.state for row in closed} == {AgentState.OUT}
