"""What an independent SIP implementation sends, and what media tells of it."""

from __future__ import annotations

import asyncio

import pytest

from dialer.media import messages as m
from dialer.media.calls import NO_REPLY
from tests.sip.conftest import Sipp
from tests.support.until import until

pytestmark = pytest.mark.sip


async def test_final_answers(sipp: Sipp) -> None:
    names = ("busy", "moved", "phone_off", "congested", "early_media", "forwarded", "malformed")
    attempts = dict(zip(names, await asyncio.gather(*(sipp.call(name) for name in names)), strict=True))
    ends = {name: await sipp.end(attempt) for name, attempt in attempts.items()}
    found = {name: (end.sip_code, end.q850, end.by, end.no_reply) for name, end in ends.items()}
    assert found == {
        "busy": (486, 17, "network", False),
        "moved": (302, None, "network", False),
        "phone_off": (480, 20, "network", False),
        "congested": (503, 34, "network", False),
        "early_media": (404, 1, "network", False),
        "forwarded": (480, None, "network", False),
        "malformed": (486, None, "network", False),
    }
    assert ends["phone_off"].reason == "Subscriber absent"
    assert ends["congested"].retry_after == 120
    [early] = sipp.driver.of(attempts["early_media"], m.CallProgress)
    assert (early.sip_code, early.early_media) == (183, True)
    [forward] = sipp.driver.of(attempts["forwarded"], m.CallProgress)
    assert forward.sip_code == 181
    assert "cause=302" in forward.signals["history-info"]
    assert "no-answer" in forward.signals["diversion"]
    assert not any(sipp.driver.of(attempt, m.CallAnswered) for attempt in attempts.values())
    taps = [tap for tap in sipp.driver.taps if isinstance(tap, m.TapOpened)]
    assert [(tap.attempt_id, tap.early) for tap in taps] == [(attempts["early_media"], True)]
    await sipp.well(*names)


async def test_ringing_out_and_an_answer_that_crosses_the_cancel(sipp: Sipp) -> None:
    out, crossing = await asyncio.gather(sipp.call("ring_out"), sipp.call("crossing"))
    await sipp.driver.event(crossing, m.CallProgress)
    await sipp.driver.send(m.CancelCall(attempt_id=crossing))
    assert (await sipp.driver.event(crossing, m.CallAnswered)).after_cancel
    ended = await sipp.end(crossing)
    assert (ended.sip_code, ended.by) == (200, "us")
    rang = await sipp.end(out, 30)
    assert (rang.sip_code, rang.ring_timeout, rang.by, rang.no_reply) == (487, True, "us", False)
    await sipp.well("crossing", "ring_out")


async def test_the_far_side_renegotiates_and_the_call_goes_on(sipp: Sipp) -> None:
    attempt = await sipp.call("reinvite")
    await sipp.driver.event(attempt, m.CallAnswered)
    opened = (await until(lambda: [t for t in sipp.driver.taps if isinstance(t, m.TapOpened)]))[0]
    await asyncio.sleep(1.2)  # the scenario's own pause before its re-INVITE, and the answer
    assert not sipp.driver.of(attempt, m.CallEnded)
    await sipp.driver.send(m.HangupCall(attempt_id=attempt))
    assert (await sipp.end(attempt)).sip_code == 200
    assert len([t for t in sipp.driver.taps if isinstance(t, m.TapOpened)]) == 1
    assert opened.attempt_id == attempt
    await sipp.well("reinvite")


async def test_no_reply_at_all_is_told_long_before_timer_b(sipp: Sipp) -> None:
    attempt = await sipp.call("silent")
    accepted = await sipp.driver.event(attempt, m.CallAccepted)
    ended = await sipp.end(attempt)
    assert (ended.sip_code, ended.no_reply, ended.by) == (408, True, "us")
    assert NO_REPLY <= ended.at - accepted.at < NO_REPLY + 3.0
    await sipp.driver.send(
        m.ResendEvents(stream=sipp.driver.stream, campaign_id=sipp.driver.campaign_id, fence=sipp.driver.fence)
    )
    inventory = (await until(lambda: [e for e in sipp.driver.events if isinstance(e, m.Inventory)]))[0]
    assert inventory.attempts == []


async def test_codecs_are_offered_in_the_order_of_the_trunk(sipp: Sipp) -> None:
    """SIPp ends with an error where the audio line is another than the scenario's."""
    names = ("offer_pcmu_first", "offer_pcmu_only")
    for attempt in await asyncio.gather(*(sipp.call(name) for name in names)):
        assert (await sipp.end(attempt)).sip_code == 486
    await sipp.well(*names)
