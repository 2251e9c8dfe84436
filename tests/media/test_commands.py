"""What is placed and what is refused: at most once, fences, deadlines, limits, prefixes."""

from __future__ import annotations

import pytest

from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.security import Keys
from core.settings import Settings
from dialer.media import messages as m
from dialer.trunks.service import edit_trunk
from tests.media.conftest import AddTrunk
from tests.media.driver import Driver
from tests.media.peer import Peer
from tests.support.until import until

pytestmark = pytest.mark.sip


async def test_a_command_is_carried_out_once(media: Driver, peer: Peer) -> None:
    command = media.command("+48501000001")
    await media.send(command, command)
    refused = await media.event(command.attempt_id, m.CallRefused)
    assert refused.why == "known"
    await media.event(command.attempt_id, m.CallAnswered)
    await media.send(m.HangupCall(attempt_id=command.attempt_id))
    await media.event(command.attempt_id, m.CallEnded)
    await media.send(command)
    await until(lambda: len(media.of(command.attempt_id, m.CallRefused)) == 2)
    assert len(peer.calls) == 1


async def test_what_is_late_fenced_foreign_or_premium_is_refused(media: Driver, peer: Peer) -> None:
    late = media.command("+48501000001", deadline=media.clock.timestamp() - 1)
    other_campaign = new_id(media.clock)
    await media.send(m.ResendEvents(stream=media.stream, campaign_id=media.campaign_id, fence=7))
    fenced = media.command("+48501000001", fence=6)
    current = {"fence": 7}
    foreign = media.command("+442079460000", **current)
    premium = media.command("+48703123456", **current)
    emergency = media.command("+48112", **current)
    nowhere = media.command("+48501000001", trunk_id=other_campaign, **current)
    await media.send(late, fenced, foreign, premium, emergency, nowhere)
    found = {
        c.attempt_id: (await media.event(c.attempt_id, m.CallRefused)).why
        for c in (late, fenced, foreign, premium, emergency, nowhere)
    }
    assert list(found.values()) == ["fenced", "fenced", "prefix", "prefix", "prefix", "no_trunk"]
    slow = media.command("+48501000001", deadline=media.clock.timestamp() - 1, **current)
    await media.send(slow)
    assert (await media.event(slow.attempt_id, m.CallRefused)).why == "late"
    again = slow.model_copy(update={"deadline": media.clock.timestamp() + 5})
    await media.send(again)
    await until(lambda: len(media.of(slow.attempt_id, m.CallRefused)) == 2)
    assert not peer.calls


async def test_lines_and_rate_are_kept_and_follow_the_database(
    media: Driver, peer: Peer, database: Database, clock: Clock, settings: Settings, add_trunk: AddTrunk
) -> None:
    trunk = await add_trunk(f"127.0.0.1:{peer.port}", max_calls=2, max_cps=100.0)

    async def told(calls: list[m.PlaceCall]) -> list[str]:
        """First word on each: accepted, or why not."""
        await media.send(*calls)
        words = []
        for call in calls:
            await until(lambda a=call.attempt_id: media.kinds(a))
            words.append(next((e.why for e in media.of(call.attempt_id, m.CallRefused)), "accepted"))
        for call, word in zip(calls, words, strict=True):
            if word == "accepted":
                await media.send(m.HangupCall(attempt_id=call.attempt_id))
                await media.event(call.attempt_id, m.CallEnded)
        return words

    async def holds(words: list[str]) -> None:
        """The reload takes its time in another thread: try until it holds."""
        for _ in range(40):
            if await told([media.command(f"+4850200000{n}", trunk_id=trunk.id) for n in range(len(words))]) == words:
                return
        raise AssertionError(f"never {words}")

    await holds(["accepted", "accepted", "lines"])
    async with database.begin() as session:
        await edit_trunk(session, clock, Keys.load(settings), trunk.id, max_calls=10, max_cps=1.0)
    await media.send(m.ReloadTrunks())
    await holds(["accepted", "cps", "cps"])


async def test_a_trunk_that_stops_answering_is_told(media: Driver, peer: Peer, add_trunk: AddTrunk) -> None:
    attempt = await media.place("+48503000001")
    await media.event(attempt, m.CallEnded)
    peer.options_code = 503
    trunk = await add_trunk(f"127.0.0.1:{peer.port}", options_interval=1)
    status = (await until(lambda: [e for e in media.events if isinstance(e, m.TrunkStatus)]))[0]
    assert (status.trunk_id, status.up, status.sip_code) == (trunk.id, False, 503)
    peer.options_code = 200
    await until(lambda: [e.up for e in media.events if isinstance(e, m.TrunkStatus)] == [False, True])
