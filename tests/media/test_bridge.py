"""Agents' legs, bridging, messages."""

from __future__ import annotations

import struct
import wave
from pathlib import Path
from uuid import UUID

import pytest

from core.ids import new_id
from dialer.media import messages as m
from tests.media.driver import Driver
from tests.media.peer import SILENCE, Peer, PeerCall, Rtp
from tests.support.until import until

pytestmark = pytest.mark.sip


async def agent(media: Driver, peer: Peer, user: str = "agent1") -> tuple[UUID, PeerCall]:
    """An agent whose leg is up."""
    session = new_id(media.clock)
    uri = f"sip:{user}@127.0.0.1:{peer.port}"
    await media.send(m.DialAgent(session_id=session, campaign_id=media.campaign_id, uri=uri, display='Anna "x"'))
    await media.event(session, m.LegUp)
    call = peer.call_to(user)
    assert call is not None
    return session, call


async def debtor(media: Driver, peer: Peer, number: str = "+48501000001") -> tuple[UUID, PeerCall]:
    """A debtor who has picked up."""
    attempt = await media.place(number)
    await media.event(attempt, m.CallAnswered)
    call = peer.call_to(number)
    assert call is not None
    return attempt, call


def rtp_of(call: PeerCall) -> Rtp:
    assert call.rtp is not None
    return call.rtp


async def test_both_hear_each_other_and_the_leg_outlives_the_call(media: Driver, peer: Peer) -> None:
    session, agent_call = await agent(media, peer)
    attempt, call = await debtor(media, peer)
    await media.send(m.BridgeCall(attempt_id=attempt, session_id=session))
    await media.event(attempt, m.CallBridged)
    await until(lambda: len(rtp_of(agent_call).loud) > 10 and len(rtp_of(call).loud) > 10, what="audio both ways")
    await media.send(m.BridgeCall(attempt_id=attempt, session_id=session))
    await until(lambda: len(media.of(attempt, m.CallBridged)) == 2)
    await until(lambda: call.got("ACK"))
    call.request("BYE")
    await media.event(attempt, m.CallEnded)
    rtp_of(agent_call).loud.clear()
    second, _ = await debtor(media, peer, "+48501000002")
    await media.send(m.BridgeCall(attempt_id=second, session_id=session))
    await media.event(second, m.CallBridged)
    await until(lambda: len(rtp_of(agent_call).loud) > 10, what="the next debtor's audio")
    assert not media.of(session, m.LegDown)
    await media.send(m.HangupAgent(session_id=session))
    assert (await media.event(session, m.LegDown)).sip_code == 200
    await until(lambda: agent_call.got("BYE"))
    assert not media.of(second, m.CallEnded)


async def test_two_pairs_do_not_hear_each_other(media: Driver, peer: Peer) -> None:
    first, first_agent = await agent(media, peer, "agent1")
    second, second_agent = await agent(media, peer, "agent2")
    loud, _ = await debtor(media, peer, "+48501000001")
    quiet, quiet_call = await debtor(media, peer, "+48501000002")
    rtp_of(quiet_call).payload = SILENCE
    await media.send(m.BridgeCall(attempt_id=loud, session_id=first), m.BridgeCall(attempt_id=quiet, session_id=second))
    await media.event(loud, m.CallBridged)
    await media.event(quiet, m.CallBridged)
    await until(lambda: len(rtp_of(first_agent).loud) > 10)
    rtp_of(second_agent).loud.clear()
    heard = len(rtp_of(second_agent).arrivals)
    await until(lambda: len(rtp_of(second_agent).arrivals) > heard + 50)
    assert len(rtp_of(second_agent).loud) <= 5


async def test_a_bridge_to_a_leg_that_is_gone_fails_and_the_debtor_stays(media: Driver, peer: Peer) -> None:
    session, agent_call = await agent(media, peer)
    attempt, call = await debtor(media, peer)
    await until(lambda: agent_call.got("ACK"))
    agent_call.request("BYE")
    await media.event(session, m.LegDown)
    await media.send(m.BridgeCall(attempt_id=attempt, session_id=session))
    assert (await media.event(attempt, m.BridgeFailed)).why == "leg_gone"
    assert not call.got("BYE")


async def test_a_leg_that_is_refused_is_down_with_its_code(media: Driver, peer: Peer) -> None:
    async def busy(call: PeerCall) -> None:
        call.reply(486)

    peer.behaviours["busy"] = busy
    session = new_id(media.clock)
    uri = f"sip:busy@127.0.0.1:{peer.port}"
    await media.send(m.DialAgent(session_id=session, campaign_id=media.campaign_id, uri=uri))
    assert (await media.event(session, m.LegDown)).sip_code == 486


async def test_a_message_plays_to_its_end_then_the_call_ends(media: Driver, peer: Peer, tmp_path: Path) -> None:
    path = tmp_path / "message.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(struct.pack("<8h", *range(-8000, 8000, 2000)) * 1000)  # 1 s of a 1 kHz sawtooth
    attempt, call = await debtor(media, peer)
    await media.send(m.PlayMessage(attempt_id=attempt, path=str(path)))
    done = await media.event(attempt, m.MessageDone)
    ended = await media.event(attempt, m.CallEnded)
    assert ended.by == "us"
    assert done.at - media.of(attempt, m.CallAnswered)[0].at >= 0.9
    assert len(rtp_of(call).loud) >= 40


async def test_a_message_that_is_missing_still_ends_the_call(media: Driver, peer: Peer, tmp_path: Path) -> None:
    attempt, _ = await debtor(media, peer)
    await media.send(m.PlayMessage(attempt_id=attempt, path=str(tmp_path / "none.wav")))
    assert (await media.event(attempt, m.CallEnded)).by == "us"
    assert not media.of(attempt, m.MessageDone)
