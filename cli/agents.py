"""`callfloor agents`: simulated agents, each with a telephone and a script that works the real desk over the web.

The main thread owns the SIP library (the telephones); a second one runs the scripts.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import httpx
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from core.settings import Settings
from dialer.simulation.habits import Act, Agent, Habits
from dialer.simulation.phones import serve
from dialer.simulation.useragent import stop_on_signals

log = structlog.get_logger()

LOGIN_SECONDS: Final = 30.0  # hashing is slow on purpose, and all agents come at once when the shift begins
LOOK_AGAIN: Final = 5.0  # s without news after which the desk is asked
TICK: Final = 0.25  # s at most until a stop is noticed
RECONNECT: Final = (0.2, 3.0)  # s, first and longest pause after a loss
LEAVE_SECONDS: Final = 5.0  # for finishing calls and saving dispositions after a stop
SPARE_LINES: Final = 8  # telephones beside the scripted agents', for people who try the desk


class LoginRefusedError(Exception):
    """The web server does not take the login."""


class Desk:
    """A logged-in agent's connection to the web server."""

    def __init__(self, url: str, login: str, password: str) -> None:
        self.url, self.login, self._password = url, login, password
        self._client = httpx.AsyncClient(base_url=url, timeout=3.0, trust_env=False)
        self._csrf: str | None = None

    async def close(self) -> None:
        """Drop the connection; the shift stays as it is."""
        await self._client.aclose()

    async def log_in(self) -> None:
        """Log in, if that is not done yet.

        Raises:
            LoginRefusedError: wrong login or password, or locked.
        """
        if self._csrf is not None:
            return
        answer = await self._client.post(
            "/api/login", json={"login": self.login, "password": self._password}, timeout=LOGIN_SECONDS
        )
        if answer.is_client_error:
            raise LoginRefusedError(f"{self.login}: {_told(answer)}")
        answer.raise_for_status()
        self._csrf = answer.json()["csrf"]

    async def state(self) -> dict[str, Any]:
        """What the desk shows."""
        answer = await self._client.get("/api/desk/state")
        self._noticed(answer)
        answer.raise_for_status()
        state: dict[str, Any] = answer.json()
        return state

    async def request(self, act: Act) -> dict[str, Any] | str:
        """Ask the desk for an act; what the desk shows after it, else why it was not done.

        Raises:
            httpx.HTTPError: not known whether it was done.
        """
        answer = await self._client.post(
            f"/api/desk/{act.path}", json=dict(act.body), headers={"X-CSRF-Token": self._csrf or ""}
        )
        self._noticed(answer)
        if answer.is_client_error and answer.status_code != httpx.codes.UNAUTHORIZED:
            return _told(answer)
        answer.raise_for_status()
        state: dict[str, Any] = answer.json()
        return state

    def events(self) -> connect:
        """The WebSocket that tells of every change."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._client.cookies.jar)
        url = self.url.replace("http", "ws", 1) + "/api/desk/events"
        return connect(url, additional_headers={"Cookie": cookies}, proxy=None, open_timeout=10, close_timeout=1)

    def _noticed(self, answer: httpx.Response) -> None:
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._csrf = None  # the login is over: log in again


class Script:
    """One simulated agent at work, through losses of the web server."""

    def __init__(self, settings: Settings, desk: Desk, agent: Agent, stop: threading.Event) -> None:
        self._desk, self._agent, self._stop, self._clock = desk, agent, stop, settings.clock()
        self._state: dict[str, Any] = {}
        self._leave_by: float | None = None

    async def work(self) -> None:
        """Work until the stop, then finish the call, save its disposition and close the shift."""
        pause = RECONNECT[0]
        try:
            while not self._finished():
                try:
                    await self._desk.log_in()
                    self._state = await self._desk.state()
                    async with self._desk.events() as news:
                        pause = RECONNECT[0]
                        await self._work_connected(news)
                except (httpx.HTTPError, WebSocketException, OSError, LoginRefusedError) as error:
                    log.warning("desk_lost", login=self._desk.login, why=type(error).__name__)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, RECONNECT[1])
        finally:
            session = self._state.get("session")
            log.info("agent_left", login=self._desk.login, shift=session["state"] if session else "closed")
            await self._desk.close()

    async def _work_connected(self, news: ClientConnection) -> None:
        looked = time.monotonic()
        while not self._finished():
            now = time.monotonic()
            act = self._agent.next_act(self._state, now, self._clock.now(), leaving=self._stop.is_set())
            if act is not None and act.at <= now:
                await self._perform(act)
                continue
            wait = TICK if act is None else min(TICK, act.at - now)
            with suppress(TimeoutError):
                self._state = json.loads(await asyncio.wait_for(news.recv(), wait))
                looked = time.monotonic()
            # What the socket tells may be older than our last act: whether the shift is over is asked.
            if self._stop.is_set() or time.monotonic() - looked > LOOK_AGAIN:
                self._state, looked = await self._desk.state(), time.monotonic()

    async def _perform(self, act: Act) -> None:
        told = await self._desk.request(act)
        self._agent.did(act, time.monotonic())
        if isinstance(told, str):
            log.info("desk_refused", login=self._desk.login, act=act.path, why=told)
            self._agent.refused(act)
            self._state = await self._desk.state()
        else:
            self._state = told

    def _finished(self) -> bool:
        if not self._stop.is_set():
            return False
        if self._leave_by is None:
            self._leave_by = time.monotonic() + LEAVE_SECONDS
            return False  # the desk is asked once more at least
        return self._state.get("session") is None or time.monotonic() > self._leave_by


def run(
    settings: Settings, *, logins: Sequence[str], password: str, seed: int = 1, habits: Habits | None = None
) -> None:
    """Work the desks of ``logins``, who all have the same ``password``, until SIGTERM.

    Their telephones are at ``media_host:agents_sip_port``, whatever the user part; without ``logins`` there are only
    telephones, for people who work the desks themselves.

    Raises:
        VoiceError: espeak-ng is missing.
    """
    stop, done = stop_on_signals(), threading.Event()
    failed: list[BaseException] = []

    async def scripts() -> None:
        async with asyncio.TaskGroup() as group:
            for name in logins:
                agent = Agent(f"{seed} {name}", habits)
                desk = Desk(web_url(settings), name, password)
                group.create_task(Script(settings, desk, agent, stop).work())
            group.create_task(asyncio.to_thread(stop.wait))

    def work() -> None:
        try:
            asyncio.run(scripts())
        except BaseException as error:
            failed.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=work, name="scripts", daemon=True)
    thread.start()
    serve(settings, done, len(logins) + SPARE_LINES)
    thread.join()
    if failed:
        raise failed[0]


def web_url(settings: Settings) -> str:
    """Where this machine reaches the web server."""
    host = "127.0.0.1" if settings.web_host in ("0.0.0.0", "::", "") else settings.web_host  # noqa: S104 - no bind
    return f"http://{host}:{settings.web_port}"


def _told(answer: httpx.Response) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(answer.json()["error"])
    return f"HTTP {answer.status_code}"
