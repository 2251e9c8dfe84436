"""What outlives what: events outlive Redis and the process, calls outlive Redis; a killed process's dialogs end."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest

from core.bus import FIELD
from core.ids import new_id
from core.settings import Settings
from dialer.media import messages as m
from dialer.media.sip import SipMessage, parse, tag_of
from dialer.trunks.models import Transport
from tests.media.conftest import AddTrunk
from tests.media.peer import Peer, PeerCall
from tests.support.ports import Ports
from tests.support.processes import Processes
from tests.support.until import until

pytestmark = pytest.mark.crash
SDP = (
    "v=0\r\no=peer 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
)


async def test_events_are_sent_again_after_redis_lost_its_memory(media: Any, peer: Peer) -> None:
    attempt = await media.place("+48501000001")
    await media.event(attempt, m.CallAnswered)
    call = peer.call_to("+48501000001")
    assert call is not None
    sent = [(e.seq, e.kind) for e in media.events]
    acked = media.events[0]
    await media.send(m.AckEvents(stream=media.stream, source=acked.source, seq=1))
    await media.send(m.ResendEvents(stream=media.stream, campaign_id=media.campaign_id, fence=1))
    await until(lambda: isinstance(media.events[-1], m.Inventory))
    assert [(e.seq, e.kind) for e in media.events[len(sent) : -1]] == sent[1:]
    assert media.events[-1].attempts == [attempt]
    media.events.clear()
    await media.bus.redis.flushdb()
    await until(lambda: any(isinstance(e, m.Inventory) for e in media.events), what="the spool again")
    await until(lambda: len(media.events) == len(sent) + 1)
    last = sent[-1][0]
    assert [(e.seq, e.kind) for e in media.events] == [*sent[1:], (last + 1, "inventory"), (last + 2, "inventory")]
    assert any(isinstance(t, m.TapOpened) for t in media.taps[2:])
    assert not call.got("BYE")
    await media.send(m.HangupCall(attempt_id=attempt))
    await media.event(attempt, m.CallEnded)


async def test_a_killed_process_leaves_nothing_up_and_loses_no_event(
    media: Any, peer: Peer, processes: Processes
) -> None:
    answered = await media.place("+48501000001")
    await media.event(answered, m.CallAnswered)
    ringing = await media.place("+48502000001")
    await media.event(ringing, m.CallProgress)
    up, rings = peer.call_to("+48501000001"), peer.call_to("+48502000001")
    assert up is not None
    assert rings is not None
    await until(lambda: up.got("ACK"))
    before = [(e.source, e.seq, e.kind) for e in media.events]
    first = await media.alive()
    media.child.kill()
    media.events.clear()
    media.child = processes.start("media", name="media-again")
    await until(lambda: up.got("BYE"), 30, "BYE of the answered call")
    await until(lambda: rings.got("CANCEL"), 30, "CANCEL of the ringing call")
    await until(lambda: len(media.events) >= len(before), 30, "the spool again")
    assert [(e.source, e.seq, e.kind) for e in media.events][: len(before)] == before

    await media.alive(other_than=first)
    media.events.clear()
    await media.send(m.ResendEvents(stream=media.stream, campaign_id=media.campaign_id, fence=2))
    await until(lambda: media.events and isinstance(media.events[-1], m.Inventory))
    *again, inventory = media.events
    assert [(e.source, e.seq, e.kind) for e in again] == before
    assert inventory.seq == 1
    assert inventory.source != before[0][0]
    assert (inventory.attempts, inventory.sessions) == ([], [])
    await media.send(m.AckEvents(stream=media.stream, source=before[0][0], seq=before[-1][1]))
    media.events.clear()
    await media.send(m.ResendEvents(stream=media.stream, campaign_id=media.campaign_id, fence=2))
    await until(lambda: len(media.events) == 2)
    assert [(e.seq, e.kind) for e in media.events] == [(1, "inventory"), (2, "inventory")]


async def test_a_command_is_known_across_a_kill(media: Any, peer: Peer, processes: Processes) -> None:
    command = media.command("+48501000001", deadline=media.clock.timestamp() + 60)
    await media.send(command)
    await media.event(command.attempt_id, m.CallAnswered)
    media.child.kill()
    await media.send(command)
    media.child = processes.start("media", name="media-again")
    assert (await media.event(command.attempt_id, m.CallRefused, 30)).why == "known"
    assert len(peer.calls) == 1


async def test_an_answer_that_comes_after_the_kill_is_ended(media: Any, peer: Peer, processes: Processes) -> None:
    async def answers_late(call: PeerCall) -> None:
        call.reply(180)
        await until(lambda: call.got("CANCEL"), 60)
        call.answer()

    peer.behaviours["+48506"] = answers_late
    attempt: UUID = await media.place("+48506000001")
    await media.event(attempt, m.CallProgress)
    call = peer.call_to("+48506000001")
    assert call is not None
    media.child.kill()
    media.child = processes.start("media", name="media-again")
    await until(lambda: call.got("ACK") and call.got("BYE"), 30, "ACK and BYE")


async def test_a_clean_stop_hangs_up_and_tells(media: Any, peer: Peer) -> None:
    answered = await media.place("+48501000001")
    await media.event(answered, m.CallAnswered)
    ringing = await media.place("+48502000001")
    await media.event(ringing, m.CallProgress)
    assert await asyncio.to_thread(media.child.stop) == 0
    assert (await media.event(answered, m.CallEnded)).by == "us"
    assert (await media.event(ringing, m.CallEnded)).by == "us"
    assert await media.bus.redis.get(m.alive_key(media.node)) is None
    calls = [peer.call_to("+48501000001"), peer.call_to("+48502000001")]
    assert [bool(call and (call.got("BYE") or call.got("CANCEL"))) for call in calls] == [True, True]


async def test_over_tcp_too_a_killed_process_leaves_nothing_up(
    media: Any, processes: Processes, ports: Ports, add_trunk: AddTrunk
) -> None:
    """The dialog is ended over a connection of its own: the old one died with the process."""
    got: list[tuple[int, SipMessage]] = []  # connection, request
    connections = itertools.count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = next(connections)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = parse((await reader.readuntil(b"\r\n\r\n")).decode())
                await reader.readexactly(int(request.value("content-length") or 0))
                got.append((connection, request))
                if request.method != "ACK":
                    copied = [f"{name}: {request.value(name)}" for name in ("via", "from", "call-id", "cseq")]
                    contact = f"Contact: <sip:peer@127.0.0.1:{port};transport=tcp>"
                    to = f"To: {request.value('to').partition(';tag=')[0]};tag=x"
                    body = SDP if request.method == "INVITE" else ""
                    kind = "Content-Type: application/sdp"
                    lines = ["SIP/2.0 200 OK", *copied, to, contact, kind, f"Content-Length: {len(body)}"]
                    writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        writer.close()

    port = ports.take()
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    trunk = await add_trunk(f"127.0.0.1:{port}", transport=Transport.TCP)
    attempt = None
    while attempt is None:
        placed = await media.place("+48501000001", trunk_id=trunk.id)
        await until(lambda a=placed: media.kinds(a))
        attempt = None if media.of(placed, m.CallRefused) else placed
    await until(lambda: any(request.method == "ACK" for _, request in got), what="the answered call")
    media.child.kill()
    media.child = processes.start("media", name="media-again")
    byes = await until(lambda: [(n, r) for n, r in got if r.method == "BYE"], 30, "BYE")
    (first, invite), (second, bye) = got[0], byes[0]
    assert second != first
    assert bye.value("call-id") == invite.value("call-id")
    assert (tag_of(bye.value("to")), bye.value("from")) == ("x", invite.value("from"))
    await media.alive()
    server.close()


async def test_an_agent_is_not_rung_for_a_command_of_long_ago(
    media: Any, peer: Peer, settings: Settings, processes: Processes
) -> None:
    def dial(user: str) -> m.DialAgent:
        uri = f"sip:{user}@127.0.0.1:{peer.port}"
        return m.DialAgent(session_id=new_id(media.clock), campaign_id=media.campaign_id, uri=uri)

    first = await media.alive()
    media.child.kill()
    redis, stream = media.bus.redis, m.commands_stream(media.node)
    await redis.delete(stream)
    seconds, _ = await redis.time()
    old = dial("agent-old").model_dump_json()
    await redis.xadd(stream, {FIELD: old}, id=f"{(seconds - 60) * 1000}-1")
    (settings.run_dir() / f"media-{media.node}" / "position").write_text("0-0")
    media.child = processes.start("media", name="media-again")
    await media.alive(other_than=first)
    later = dial("agent-later")
    await media.send(later)
    await media.event(later.session_id, m.LegUp)
    assert peer.call_to("agent-old") is None
