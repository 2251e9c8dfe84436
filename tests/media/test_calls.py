"""Placing, answering, cancelling and ending debtors' calls, on real SIP."""

from __future__ import annotations

import pytest

from dialer.media import messages as m
from tests.media.driver import Driver
from tests.media.peer import Peer, PeerCall
from tests.support.until import until

pytestmark = pytest.mark.sip


async def test_a_call_is_accepted_rings_is_answered_and_ends(media: Driver, peer: Peer) -> None:
    attempt = await media.place("+48501000001")
    answered = await media.event(attempt, m.CallAnswered)
    call = await until(lambda: peer.call_to("+48501000001"))
    assert answered.sip_call_id == call.invite.value("call-id")
    await until(lambda: call.got("ACK"))
    await media.send(m.HangupCall(attempt_id=attempt))
    ended = await media.event(attempt, m.CallEnded)
    assert media.kinds(attempt) == ["call_accepted", "call_progress", "call_answered", "call_ended"]
    assert (ended.sip_code, ended.by, ended.no_reply, ended.ring_timeout) == (200, "us", False, False)
    await until(lambda: call.got("BYE"))
    assert call.got("BYE") == 1
    assert [event.seq for event in media.events] == [1, 2, 3, 4]


async def test_the_debtor_hangs_up_and_says_why(media: Driver, peer: Peer) -> None:
    attempt = await media.place("+48501000001")
    await media.event(attempt, m.CallAnswered)
    call = peer.call_to("+48501000001")
    assert call is not None
    await until(lambda: call.got("ACK"))
    call.request("BYE", headers='Reason: Q.850;cause=16;text="Normal call clearing"\r\n')
    ended = await media.event(attempt, m.CallEnded)
    assert (ended.by, ended.sip_code, ended.q850, ended.reason) == ("debtor", 200, 16, "Normal call clearing")


async def test_busy_tells_code_and_cause(media: Driver, peer: Peer) -> None:
    attempt = await media.place("+48503000001")
    ended = await media.event(attempt, m.CallEnded)
    assert (ended.sip_code, ended.q850, ended.reason, ended.by) == (486, 17, "User busy", "network")
    assert "cause=17" in ended.signals["reason"]


async def test_a_cancelled_call_stops_ringing(media: Driver, peer: Peer) -> None:
    attempt = await media.place("+48502000001")
    await media.event(attempt, m.CallProgress)
    await media.send(m.CancelCall(attempt_id=attempt))
    ended = await media.event(attempt, m.CallEnded)
    assert (ended.sip_code, ended.by, ended.ring_timeout) == (487, "us", False)
    call = peer.call_to("+48502000001")
    assert call is not None
    assert call.got("CANCEL") == 1


async def test_an_answer_that_crosses_the_cancel_is_told_and_ended(media: Driver, peer: Peer) -> None:
    async def crosses(call: PeerCall) -> None:
        call.reply(180)
        await until(lambda: call.got("CANCEL"))
        call.answer()

    peer.behaviours["+48504"] = crosses
    attempt = await media.place("+48504000001")
    await media.event(attempt, m.CallProgress)
    await media.send(m.CancelCall(attempt_id=attempt))
    answered = await media.event(attempt, m.CallAnswered)
    assert answered.after_cancel
    ended = await media.event(attempt, m.CallEnded)
    assert (ended.sip_code, ended.by) == (200, "us")
    call = peer.call_to("+48504000001")
    assert call is not None
    await until(lambda: call.got("ACK") and call.got("BYE"))
    assert not media.taps


async def test_cancel_leaves_an_answered_call_alone(media: Driver, peer: Peer) -> None:
    attempt = await media.place("+48501000001")
    await media.event(attempt, m.CallAnswered)
    other = await media.place("+48503000001")
    await media.send(m.CancelCall(attempt_id=attempt))
    await media.send(m.ResendEvents(stream=media.stream, campaign_id=media.campaign_id, fence=1))
    await media.event(other, m.CallEnded)
    inventory = await until(lambda: [e for e in media.events if isinstance(e, m.Inventory)])
    assert attempt in inventory[0].attempts


async def test_the_longest_duration_ends_a_call(media: Driver, peer: Peer) -> None:
    attempt = await media.place("+48501000001", max_duration=1)
    answered = await media.event(attempt, m.CallAnswered)
    ended = await media.event(attempt, m.CallEnded)
    assert ended.by == "us"
    assert 0.9 <= ended.at - answered.at <= 3.0


async def test_a_key_is_told(media: Driver, peer: Peer) -> None:
    attempt = await media.place("+48501000001")
    await media.event(attempt, m.CallAnswered)
    call = peer.call_to("+48501000001")
    assert call is not None
    rtp = call.rtp
    assert rtp is not None
    await until(lambda: len(rtp.arrivals) > 5)
    rtp.press("7")
    assert (await media.event(attempt, m.CallDigit)).digit == "7"
    rtp.press("#")
    await until(lambda: len(media.of(attempt, m.CallDigit)) == 2)
    assert [event.digit for event in media.of(attempt, m.CallDigit)] == ["7", "#"]


async def test_the_shown_number_stands_in_the_identity_header(media: Driver, peer: Peer) -> None:
    attempt = await media.place("+48503000001", caller_id="+48221119999")
    await media.event(attempt, m.CallEnded)
    call = peer.call_to("+48503000001")
    assert call is not None
    assert call.invite.value("p-asserted-identity").startswith("<sip:+48221119999@")
    assert "timer" in call.invite.value("supported")
    assert "m=audio" in call.invite.body
    assert "m=text" not in call.invite.body
    assert "m=video" not in call.invite.body
    assert "speex" not in call.invite.body.lower()
