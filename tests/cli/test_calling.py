"""``callfloor trunk``, ``caller-id`` and ``campaign``, as an operator uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import col, select

from core.bus import Bus
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.models import AuditEvent, Brand, Outbox, Role, UserAccount
from core.security import Keys
from core.settings import Settings
from dialer.agents.models import Agent, CampaignAgent
from dialer.campaigns.models import Campaign
from dialer.media.messages import alive_key, commands_stream
from dialer.trunks.models import NumberFormat, OutcomeRule, Trunk, TrunkAuth
from numbering.models import CallerId, CallerIdPool, CallerIdPoolMember

pytestmark = pytest.mark.db
Run = Callable[..., Any]


def succeed(done: Any) -> str:
    """What a command printed; it must have gone well."""
    assert done.code == 0, done.err
    return str(done.out)


def refuse(done: Any) -> str:
    """Why a command failed: a plain text."""
    assert done.code == 1
    assert "Traceback" not in done.err
    return str(done.err)


async def actions(database: Database) -> list[str]:
    """The audit trail's verbs, by time, and that an operator did them."""
    async with database.begin() as session:
        events = (await session.exec(select(AuditEvent).order_by(col(AuditEvent.id)))).all()
    assert {event.actor for event in events} <= {"operator"}
    return [event.action for event in events]


async def test_a_trunk_from_its_first_day_to_its_last(
    callfloor: Run, database: Database, settings: Settings, brand: Brand
) -> None:
    succeed(
        callfloor(
            "trunk", "add", "alfa", "--host", "sip.example:5060", "--auth", "register", "--username", "konto",
            "--password", "--transport", "tls", "--srtp", "optional", "--number-format", "zeros", "--prefix", "+48",
            "--prefix", "+49", "--max-calls", "12", "--max-cps", "2.5", typed="tajne\n",
        )
    )  # fmt: skip
    async with database.begin() as session:
        trunk = (await session.exec(select(Trunk))).one()
        told = (await session.exec(select(Outbox))).one()
    assert (trunk.auth, trunk.number_format, trunk.allowed_prefixes) == (
        TrunkAuth.REGISTER, NumberFormat.ZEROS, ["+48", "+49"],
    )  # fmt: skip
    assert (trunk.max_calls, trunk.max_cps, trunk.brand_id) == (12, 2.5, brand.id)
    assert Keys.load(settings).unseal(trunk.password_sealed or b"") == "tajne"
    assert (told.stream, told.payload) == (commands_stream(settings.node), {"kind": "reload_trunks"})

    listed = succeed(callfloor("trunk", "list"))
    assert "sip.example:5060" in listed
    assert "tajne" not in listed
    succeed(callfloor("trunk", "edit", "alfa", "--max-calls", "20", "--disabled", "--privacy", "id"))
    succeed(callfloor("trunk", "edit", "alfa", "--privacy", "", "--rename", "beta"))
    async with database.begin() as session:
        trunk = (await session.exec(select(Trunk))).one()
        assert (trunk.name, trunk.max_calls, trunk.enabled, trunk.privacy) == ("beta", 20, False, None)
        assert trunk.password_sealed is not None
    succeed(callfloor("trunk", "remove", "beta"))
    assert "No trunk beta" in refuse(callfloor("trunk", "edit", "beta", "--max-calls", "1"))
    assert await actions(database) == ["trunk.create", "trunk.edit", "trunk.edit", "trunk.remove"]


async def test_every_media_process_hears_of_a_trunk(
    callfloor: Run, database: Database, bus: Bus, settings: Settings, brand: Brand
) -> None:
    alive = {"incarnation": "1", "calls": 0, "max_calls": 10}
    await bus.redis.set(alive_key("other"), json.dumps(alive))
    succeed(callfloor("trunk", "add", "alfa", "--host", "a.example"))
    succeed(callfloor("trunk", "add", "beta", "--host", "b.example", redis_url="unix:///nowhere.sock"))
    async with database.begin() as session:
        told = (await session.exec(select(Outbox).order_by(col(Outbox.id)))).all()
    own, other = commands_stream(settings.node), commands_stream("other")
    assert [row.stream for row in told] == [own, other, own]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--host", "two words"), "The host is a name or an address"),
        (("--host", "a.example", "--prefix", "48"), "Prefixes are E.164"),
        (("--host", "a.example", "--transport", "pigeon"), "No transport pigeon; there are: udp, tcp, tls"),
        (("--host", "a.example", "--ring-timeout", "5"), "ring_timeout must be from 15 to 120 s"),
        (("--host", "a.example", "--auth", "register"), "Registration needs a password"),
        (("--host", "a.example", "--brand", "Obca"), "No brand Obca"),
        (("--host", "b.example"), "There is a trunk «alfa» already"),
    ],
)
def test_trunks_that_cannot_work(callfloor: Run, brand: Brand, arguments: tuple[str, ...], says: str) -> None:
    succeed(callfloor("trunk", "add", "alfa", "--host", "a.example"))
    name = "alfa" if "already" in says else "nowy"
    assert says in refuse(callfloor("trunk", "add", name, *arguments))


async def test_a_trunks_own_reading_of_signals(callfloor: Run, database: Database, brand: Brand) -> None:
    succeed(callfloor("trunk", "add", "alfa", "--host", "a.example"))
    assert "shipped table" in succeed(callfloor("trunk", "rule", "alfa"))
    rule = ("trunk", "rule", "alfa")
    succeed(callfloor(*rule, "--sip-code", "603", "--outcome", "blocked"))
    succeed(callfloor(*rule, "--sip-code", "603", "--q850", "21", "--outcome", "rejected"))
    succeed(callfloor(*rule, "--sip-code", "603", "--outcome", "congestion"))
    lines = succeed(callfloor(*rule)).splitlines()
    assert [line.split() for line in lines] == [
        ["SIP", "603", "Q.850", "21", "rejected"], ["SIP", "603", "Q.850", "any", "congestion"],
    ]  # fmt: skip
    succeed(callfloor(*rule, "--sip-code", "603", "--remove"))
    assert "no such line" in refuse(callfloor(*rule, "--sip-code", "603", "--remove"))
    assert "No signal means connected" in refuse(callfloor(*rule, "--sip-code", "486", "--outcome", "connected"))
    assert "from 300 to 699" in refuse(callfloor(*rule, "--sip-code", "200", "--outcome", "busy"))
    assert "Name the signal" in refuse(callfloor(*rule, "--outcome", "busy"))
    async with database.begin() as session:
        assert (await session.exec(select(OutcomeRule))).one().q850 == 21
    assert await actions(database) == ["trunk.create", *["trunk.rule"] * 4]


async def test_our_own_numbers(callfloor: Run, database: Database, brand: Brand) -> None:
    succeed(callfloor("trunk", "add", "alfa", "--host", "a.example"))
    for number in ("22 123 00 01", "+48 22 123 00 02"):
        succeed(
            callfloor(
                "caller-id", "add", number, "--proof", "umowa 7/2026", "--pool", "Warszawa", "--trunk", "alfa",
                "--valid-from", "2026-11-01", "--valid-to", "2027-10-31",
            )
        )  # fmt: skip
    succeed(callfloor("caller-id", "add", "221230002", "--proof", "aneks 1", "--pool", "Druga"))
    async with database.begin() as session:
        rows = (await session.exec(select(CallerId).order_by(CallerId.number))).all()
        assert [(row.number, row.proof) for row in rows] == [
            ("+48221230001", "umowa 7/2026"), ("+48221230002", "aneks 1"),
        ]  # fmt: skip
        assert rows[1].valid_from.isoformat() == "2026-11-23"  # today, in the brand's zone
        members = await session.exec(
            select(CallerIdPool.name, CallerIdPoolMember.position)
            .join(CallerIdPool, col(CallerIdPool.id) == CallerIdPoolMember.pool_id)
            .order_by(CallerIdPool.name, col(CallerIdPoolMember.position))
        )
        assert members.all() == [("Druga", 0), ("Warszawa", 0), ("Warszawa", 1)]
    succeed(callfloor("caller-id", "rest", "221230001"))
    assert "resting" in succeed(callfloor("caller-id", "list"))
    succeed(callfloor("caller-id", "rest", "221230001", "--end"))
    assert "resting" not in succeed(callfloor("caller-id", "list"))
    assert (await actions(database))[1:] == [*["caller_id.add"] * 3, "caller_id.rest", "caller_id.wake"]


@pytest.mark.parametrize(
    ("number", "arguments", "says"),
    [
        ("12", (), "no valid telephone number"),
        ("221230001", ("--proof", " "), "needs proof"),
        ("221230001", ("--valid-from", "jutro"), "--valid-from is a date"),
        ("221230001", ("--valid-from", "2026-11-02", "--valid-to", "2026-11-01"), "end to be ours before it begins"),
        ("221230001", ("--trunk", "nie ma"), "No trunk nie ma; there are: none yet"),
    ],
)
async def test_numbers_that_are_not_taken_in(
    callfloor: Run, database: Database, brand: Brand, number: str, arguments: tuple[str, ...], says: str
) -> None:
    given = ("--proof", "umowa", "--pool", "Warszawa", *arguments)
    assert says in refuse(callfloor("caller-id", "add", number, *given))
    assert "No caller ID" in refuse(callfloor("caller-id", "rest", "221230009"))
    async with database.begin() as session:
        assert (await session.exec(select(CallerIdPool))).all() == []  # nothing half done
    assert await actions(database) == []


@pytest.fixture
async def anna(database: Database, clock: ManualClock, brand: Brand) -> Agent:
    """An agent with the login anna."""
    user = UserAccount(
        id=new_id(clock), created_at=clock.now(), login="anna", name="Anna", password_hash="-", role=Role.AGENT,
        brand_ids=[str(brand.id)],
    )  # fmt: skip
    agent = Agent(
        id=new_id(clock), created_at=clock.now(), brand_id=brand.id, user_id=user.id, name="Anna",
        phone_uri="sip:anna@127.0.0.1:5998",
    )  # fmt: skip
    async with database.begin() as session:
        session.add(user)
        await session.flush()
        session.add(agent)
    return agent


async def test_a_campaign(callfloor: Run, database: Database, brand: Brand, anna: Agent) -> None:
    assert "Say which trunk" in refuse(callfloor("campaign", "add", "Listopad"))
    succeed(callfloor("trunk", "add", "alfa", "--host", "a.example"))
    succeed(callfloor("caller-id", "add", "221230001", "--proof", "umowa", "--pool", "Warszawa"))
    added = succeed(callfloor("campaign", "add", "Listopad", "--mode", "progressive", "--max-lines", "5"))
    assert "with 1 agents" in added
    succeed(callfloor("campaign", "assign", "Listopad", "anna", "--withdraw"))
    succeed(callfloor("campaign", "edit", "Listopad", "--ratio", "1.5", "--policy", '{"attempts_per_day": 2}'))
    succeed(callfloor("campaign", "assign", "Listopad", "anna"))
    succeed(callfloor("campaign", "start", "Listopad"))
    async with database.begin() as session:
        row = (await session.exec(select(Campaign))).one()
        assert (row.state, row.mode, row.max_lines, row.ratio) == ("running", "progressive", 5, 1.5)
        assert row.policy == {"attempts_per_day": 2}
        assert (await session.exec(select(CampaignAgent))).one().agent_id == anna.id
    assert "1 agents" in succeed(callfloor("campaign", "list"))
    succeed(callfloor("campaign", "stop", "Listopad"))
    succeed(callfloor("campaign", "assign", "Listopad", "anna", "--withdraw"))
    async with database.begin() as session:
        assert (await session.exec(select(Campaign))).one().state == "stopped"
        assert (await session.exec(select(CampaignAgent))).all() == []
    assert "disable it" in refuse(callfloor("trunk", "remove", "alfa"))
    assert await actions(database) == [
        "trunk.create", "caller_id.add", "campaign.create", "campaign.assign", "campaign.withdraw",
        "campaign.edit", "campaign.assign", "campaign.start", "campaign.stop", "campaign.withdraw",
    ]  # fmt: skip


def test_campaigns_that_cannot_be(callfloor: Run, brand: Brand, anna: Agent) -> None:
    succeed(callfloor("trunk", "add", "alfa", "--host", "a.example"))
    succeed(callfloor("caller-id", "add", "221230001", "--proof", "umowa", "--pool", "Warszawa"))
    assert "No dialing mode" in refuse(callfloor("campaign", "add", "Listopad", "--mode", "magic"))
    assert "--policy is JSON" in refuse(callfloor("campaign", "add", "Listopad", "--policy", "{"))
    assert "No pool Radom" in refuse(callfloor("campaign", "add", "Listopad", "--pool", "Radom"))
    succeed(callfloor("campaign", "add", "Listopad"))
    assert "already" in refuse(callfloor("campaign", "add", "Listopad"))
    assert "max_lines must be from 1" in refuse(callfloor("campaign", "edit", "Listopad", "--max-lines", "0"))
    assert "Nothing to change" in refuse(callfloor("campaign", "edit", "Listopad"))
    assert "ewa is no agent" in refuse(callfloor("campaign", "assign", "Listopad", "ewa"))
    assert "No campaign Grudzień; there are: Listopad" in refuse(callfloor("campaign", "start", "Grudzień"))
