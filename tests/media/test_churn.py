"""Many calls that come and go at once: each ends once, and nothing is left of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from core.ids import new_id
from core.settings import Settings
from dialer.media import messages as m
from tests.media.driver import Driver
from tests.media.peer import Peer, PeerCall
from tests.support.until import until

pytestmark = pytest.mark.sip
CALLS = 60


def files_in(folder: Path) -> int:
    return len(list(folder.iterdir()))


def up_in(journal: Path) -> set[str]:
    """Keys whose last line holds a dialog."""
    last = {key: text for key, _, text in (line.partition(" ") for line in journal.read_text().splitlines())}
    return {key for key, text in last.items() if text}


async def test_calls_that_come_and_go_leave_nothing(media: Driver, peer: Peer, settings: Settings) -> None:
    async def short(call: PeerCall) -> None:
        call.reply(183, sdp=True)
        call.answer()
        await until(lambda: call.got("ACK"))
        call.request("BYE")

    peer.behaviours["+48507"] = short
    process = psutil.Process(media.child.pid)  # type: ignore[attr-defined]
    files = process.num_fds()
    session = new_id(media.clock)
    await media.send(
        m.DialAgent(session_id=session, campaign_id=media.campaign_id, uri=f"sip:agent1@127.0.0.1:{peer.port}")
    )
    await media.event(session, m.LegUp)
    prefixes = ("+48501", "+48502", "+48503", "+48507")
    commands = [media.command(f"{prefixes[n % 4]}{n:06d}") for n in range(CALLS)]
    for n in range(0, CALLS, 10):
        await media.send(*commands[n : n + 10])
        await asyncio.sleep(0.2)
    for n, command in enumerate(commands):
        if n % 4 == 0:
            await media.event(command.attempt_id, m.CallAnswered, 30)
            await media.send(m.BridgeCall(attempt_id=command.attempt_id, session_id=session))
            await media.event(command.attempt_id, m.CallBridged)
            await media.send(m.HangupCall(attempt_id=command.attempt_id))
        elif n % 4 == 1:
            await media.event(command.attempt_id, m.CallProgress, 30)
            await media.send(m.CancelCall(attempt_id=command.attempt_id))
    for n, command in enumerate(commands):
        ended = await media.event(command.attempt_id, m.CallEnded, 30)
        assert (ended.sip_code, ended.by) == [(200, "us"), (487, "us"), (486, "network"), (200, "debtor")][n % 4]
        assert len(media.of(command.attempt_id, m.CallEnded)) == 1
    assert len(peer.calls) == CALLS + 1
    numbers = [event.seq for event in media.events]
    assert numbers == list(range(1, len(numbers) + 1))
    journal = settings.run_dir() / f"media-{settings.node}" / "journal"
    await until(lambda: up_in(journal) == {str(session)}, what="one dialog in the journal")
    assert files_in(settings.taps()) == 0
    await until(lambda: process.num_fds() <= files + 10, 30, "files given back")  # the agent's leg and its siblings
