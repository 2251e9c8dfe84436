"""Calls that an agent asks for, from the desk to the debtor and back: real web server, real SIP and RTP.

The test is the agent: it works the desk's JSON as a program of theirs would. Its telephone answers by itself.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlmodel import select

from core.clock import Clock
from core.db import Database
from core.settings import Settings
from dialer.agents.models import Disposition
from dialer.attempts.models import Attempt, CallEvent
from dialer.call import CallState, Outcome, Verdict
from dialer.campaigns import service
from dialer.campaigns.models import Lead
from tests.support.until import until
from tests.support.world import PASSWORD, World

pytestmark = [pytest.mark.sip, pytest.mark.timeout(600)]  # the wait for its turn included

LOGIN_SECONDS = 30.0
LONG = 40.0  # s for any step; ring and talk of the carrier's people take at most half of it
BUSY = 6  # lead of the debtor whose line is taken


class Desk:
    """One agent's desk."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def state(self) -> dict[str, Any]:
        """What it shows."""
        return _json(await self.client.get("/api/desk/state"))

    async def do(self, act: str, **body: Any) -> dict[str, Any]:
        """Do something; what the desk shows then."""
        return _json(await self.client.post(f"/api/desk/{act}", json=body))

    async def until(self, state: str, step: str | None = None) -> dict[str, Any]:
        """The desk once its agent is in ``state`` and the call that was asked for at ``step``."""

        async def there() -> dict[str, Any] | None:
            seen = await self.state()
            asked = seen["asked"]["step"] if seen["asked"] else None
            return seen if (seen["session"]["state"], asked) == (state, step) else None

        found = await until(there, LONG, f"{state}, {step}")
        assert found is not None
        return found

    async def search(self, text: str) -> list[str]:
        """Ids of the leads that the page's search offers to call."""
        page = await self.client.post("/desk/search", data={"query": text})
        assert page.status_code == httpx.codes.OK, page.text
        return re.findall(r'"lead_id": "([-0-9a-f]{36})"', page.text)


def _json(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest_asyncio.fixture(loop_scope="module")
async def desk(settings: Settings, floor: World) -> AsyncIterator[Desk]:
    """The agent's desk, ready and with the telephone connected; closed in the end."""
    address = f"http://127.0.0.1:{settings.web_port}"
    async with httpx.AsyncClient(base_url=address, timeout=LOGIN_SECONDS, trust_env=False) as client:
        answer = await client.post("/api/login", json={"login": floor.logins[0], "password": PASSWORD})
        client.headers["X-CSRF-Token"] = _json(answer)["csrf"]
        opened = Desk(client)
        await opened.do("shift", campaign_id=str(floor.id))
        await opened.until("paused")
        await opened.do("ready")
        yield opened
        await opened.do("close")


async def dialled_by(database: Database, clock: Clock, floor: World, mode: str) -> None:
    """A supervisor chooses the dialing mode of the running campaign."""
    async with database.begin() as s:
        await service.edit_campaign(s, clock, floor.id, mode=mode)


async def calls_to(database: Database, lead_id: str) -> list[Attempt]:
    """All attempts to a lead."""
    async with database.begin() as s:
        return list((await s.exec(select(Attempt).where(Attempt.lead_id == lead_id))).all())


async def one_conversation(database: Database, floor: World, lead_id: str, mode: str, code: str) -> Attempt:
    """The only call to the lead, once it has ended, checked as far as all conversations are the same."""

    async def ended() -> bool:  # the agent may save the disposition before the debtor's side has answered our BYE
        return all(call.ended_at for call in await calls_to(database, lead_id))

    await until(ended, LONG)
    (attempt,) = await calls_to(database, lead_id)
    assert (attempt.mode, attempt.state, attempt.outcome) == (mode, CallState.ENDED, Outcome.CONNECTED)
    assert (attempt.verdict, attempt.live, attempt.abandoned) == (Verdict.HUMAN, True, False)
    assert attempt.agent_id == floor.agents[0].id
    assert attempt.created_at < attempt.ringing_at < attempt.answered_at < attempt.bridged_at < attempt.ended_at  # type: ignore[operator]
    async with database.begin() as s:
        events = (await s.exec(select(CallEvent).where(CallEvent.attempt_id == attempt.id))).all()
        given = await s.get_one(Disposition, attempt.disposition_id)
        lead = await s.get_one(Lead, attempt.lead_id)
    states = {event.state for event in events}
    assert {CallState.DIALING, CallState.RINGING, CallState.DETECTING, CallState.BRIDGED, CallState.ENDED} <= states
    assert (given.code, lead.reason) == (code, f"finished_{code}")
    return attempt


async def test_preview(desk: Desk, database: Database, clock: Clock, floor: World) -> None:
    await dialled_by(database, clock, floor, "preview")
    await desk.until("ready")
    skipped = (await desk.do("offer"))["asked"]
    assert skipped["step"] == "offered"
    await desk.do("skip", lead_id=skipped["lead_id"])
    offered = (await desk.do("offer"))["asked"]
    assert offered["lead_id"] != skipped["lead_id"]
    assert await calls_to(database, offered["lead_id"]) == [], "the card stands before the call"

    await desk.do("call", lead_id=offered["lead_id"])
    call = (await desk.until("talking"))["call"]
    assert (call["debtor"], call["case_id"], call["ended"]) == (offered["debtor"], offered["case_id"], False)
    call = (await desk.until("wrapup"))["call"]  # the debtor says good-bye
    await desk.do("disposition", attempt_id=call["attempt_id"], code="promise", note="Zapłaci w piątek.")
    await desk.until("ready")

    attempt = await one_conversation(database, floor, offered["lead_id"], "preview", "promise")
    assert (str(attempt.id), attempt.hung_up_by, attempt.note) == (
        call["attempt_id"], "debtor", "Zapłaci w piątek.",
    )  # fmt: skip
    assert await calls_to(database, skipped["lead_id"]) == []


async def test_a_search_and_a_call(desk: Desk, database: Database, clock: Clock, floor: World) -> None:
    await dialled_by(database, clock, floor, "manual")
    await desk.until("ready")
    (lead_id,) = await desk.search("K00005")
    assert lead_id == str(floor.leads[5].id)

    await desk.do("call", lead_id=lead_id)
    call = (await desk.until("talking"))["call"]
    await desk.do("hangup")
    await desk.until("wrapup")
    await desk.do("disposition", attempt_id=call["attempt_id"], code="disputed")
    await desk.until("ready")

    attempt = await one_conversation(database, floor, lead_id, "manual", "disputed")
    assert attempt.hung_up_by == "us"


async def test_a_busy_line_gives_the_agent_back(desk: Desk, database: Database, clock: Clock, floor: World) -> None:
    await dialled_by(database, clock, floor, "manual")
    await desk.until("ready")
    (lead_id,) = await desk.search("K00006")
    assert lead_id == str(floor.leads[BUSY].id)

    await desk.do("call", lead_id=lead_id)
    asked = (await desk.until("ready", "done"))["asked"]
    assert (asked["lead_id"], asked["reason"]) == (lead_id, "after_busy")
    assert asked["next_allowed"] > clock.now().isoformat()

    (attempt,) = await calls_to(database, lead_id)
    assert (attempt.outcome, attempt.sip_code, attempt.bridged_at) == (Outcome.BUSY, 486, None)
