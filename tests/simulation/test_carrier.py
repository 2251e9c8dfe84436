"""The carrier on the wire: codes, headers and sound of every behaviour, seen by a caller that is not the dialer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import numpy as np
import pytest

from dialer.simulation.behaviour import Kind, number_for
from tests.simulation.caller import Caller

pytestmark = pytest.mark.sip

Dial = Callable[[str], Awaitable[Any]]
Observed = Mapping[Kind, Any]
RATE = 8000
LONG = 20.0  # s that no wait of these tests takes, even on a busy machine


def strength(samples: Any, hertz: float, size: int = 800) -> Any:
    """Part of the power at one frequency in each 100 ms of the audio (Goertzel)."""
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    wave = np.exp(-2j * np.pi * hertz * np.arange(size) / RATE)
    power = np.mean(frames**2, axis=1) + 1e-7
    return np.abs(frames @ wave / size) ** 2 * 2 / power


def loudness(samples: Any) -> float:
    return float(np.sqrt(np.mean(samples**2)))


SIGNALLING = [
    (Kind.PERSON, [180, 200]),
    (Kind.PERSON_RINGBACK, [183, 200]),
    (Kind.PERSON_MUSIC, [183, 200]),
    (Kind.PERSON_SHORT, [180, 200]),
    (Kind.ONE_WAY, [180, 200]),
    (Kind.MAILBOX, [180, 200]),
    (Kind.MAILBOX_EARLY, [180, 183, 200]),
    (Kind.ANNOUNCEMENT, [183, 480]),
    (Kind.FORWARDED, [180, 181, 200]),
    (Kind.FAX, [180, 200]),
    (Kind.DEAD, [404]),
    (Kind.DEAD_SIT, [183, 404]),
    (Kind.BUSY, [180, 486]),
    (Kind.NO_ANSWER, [180, 487]),
    (Kind.PHONE_OFF, [480]),
    (Kind.REJECTED, [180, 603]),
    (Kind.CONGESTED, [503]),
    (Kind.CROSSED_EARLY, [183, 200]),
    (Kind.CROSSED_RINGING, [180, 200]),
]


def test_the_table_below_is_complete() -> None:
    assert {kind for kind, _ in SIGNALLING} == set(Kind)


@pytest.mark.parametrize(("kind", "codes"), SIGNALLING)
def test_signalling(observed: Observed, kind: Kind, codes: list[int]) -> None:
    call = observed[kind]
    assert call.codes() == codes
    for code in codes:
        assert bool(call.response(code).body) == (code in (183, 200))  # SDP where there is media, nowhere else


@pytest.mark.parametrize(
    ("kind", "cause"),
    [(Kind.DEAD, 1), (Kind.DEAD_SIT, 1), (Kind.BUSY, 17), (Kind.PHONE_OFF, 20), (Kind.ANNOUNCEMENT, 20),
     (Kind.REJECTED, 21)],
)  # fmt: skip
def test_reasons(observed: Observed, kind: Kind, cause: int) -> None:
    assert observed[kind].final().get("Reason").startswith(f"Q.850;cause={cause};")


def test_congestion_says_when_to_try_again(observed: Observed) -> None:
    final = observed[Kind.CONGESTED].final()
    assert int(final.get("Retry-After")) in (1, 2)
    assert final.get("Reason").startswith(("Q.850;cause=34;", "Q.850;cause=42;"))


def test_forward_names_the_voicemail_and_why(observed: Observed) -> None:
    forward = observed[Kind.FORWARDED].response(181)
    assert "voicemail@" in forward.get("History-Info")
    assert ";cause=408>" in forward.get("History-Info")
    assert "reason=no-answer" in forward.get("Diversion")


def test_person_speaks_after_pick_up_and_hangs_up(observed: Observed) -> None:
    call = observed[Kind.PERSON]
    assert loudness(call.pcm()[: 2 * RATE]) > 0.01
    assert "BYE" in call.requests


def test_ringing_tone_before_the_answer(observed: Observed) -> None:
    assert strength(observed[Kind.PERSON_RINGBACK].pcm()[: RATE // 2], 425).max() > 0.9


def test_ring_back_music_is_not_a_ringing_tone(observed: Observed) -> None:
    heard = observed[Kind.PERSON_MUSIC].pcm()[RATE // 2 : 2 * RATE]
    assert loudness(heard) > 0.03
    assert strength(heard, 425).max() < 0.5


def test_short_answer(observed: Observed) -> None:
    call = observed[Kind.PERSON_SHORT]
    assert "BYE" in call.requests
    assert sum(map(len, call.audio)) < RATE


def test_one_way_call_is_silent(observed: Observed) -> None:
    call = observed[Kind.ONE_WAY]
    assert "BYE" in call.requests
    assert not call.audio or loudness(call.pcm()) < 0.001


def test_mailbox_greets_then_beeps(observed: Observed) -> None:
    heard = observed[Kind.MAILBOX].pcm()
    assert loudness(heard[: 6 * RATE]) > 0.05
    beeping = np.flatnonzero(strength(heard, 1000) > 0.9) / 10
    assert beeping.size
    assert 7 < beeping[0] < 10.5


@pytest.mark.parametrize("kind", [Kind.MAILBOX_EARLY, Kind.ANNOUNCEMENT, Kind.CROSSED_EARLY])
def test_speech_before_the_answer(observed: Observed, kind: Kind) -> None:
    assert loudness(observed[kind].pcm()[: 5 * RATE]) > 0.03


def test_special_information_tones_before_404(observed: Observed) -> None:
    heard = observed[Kind.DEAD_SIT].pcm()[: 2 * RATE]
    when = [int(np.argmax(strength(heard, hertz))) for hertz in (950, 1400, 1800)]
    assert when == sorted(set(when))
    assert all(strength(heard, hertz).max() > 0.9 for hertz in (950, 1400, 1800))


def test_fax_answers_with_its_tone(observed: Observed) -> None:
    assert strength(observed[Kind.FAX].pcm(), 2100)[8:18].min() > 0.9


@pytest.mark.parametrize("kind", [Kind.CROSSED_EARLY, Kind.CROSSED_RINGING])
def test_an_answer_crosses_the_cancel(observed: Observed, kind: Kind) -> None:
    call = observed[kind]
    assert call.response(200, "CANCEL")
    assert call.response(200, "BYE")  # the call was up
    assert 487 not in call.codes()


@pytest.mark.parametrize("written", ["+48{n}", "48{n}", "0048{n}", "0{n}", "{n}"])
async def test_every_way_a_trunk_writes_a_number(dial: Dial, written: str) -> None:
    national = number_for(Kind.DEAD, 9).removeprefix("+48")
    final = await (await dial(written.format(n=national))).until_final(LONG)
    assert final.code == 404


async def test_what_is_no_number_is_badly_formatted(dial: Dial) -> None:
    final = await (await dial("reception")).until_final(LONG)
    assert final.code == 484
    assert "cause=28" in final.get("Reason")


async def test_many_at_once(dial: Dial) -> None:
    calls = [await dial(number_for(kind, 100 + index)) for index in range(10) for kind in (Kind.MAILBOX, Kind.PERSON)]
    await asyncio.gather(*(call.until_final(LONG) for call in calls))
    assert {call.final().code for call in calls} == {200}
    await asyncio.gather(*(call.until_heard(1.0, LONG) for call in calls))


async def test_a_carrier_of_few_lines_says_it_is_full(small_carrier: int) -> None:
    calls = [Caller(small_carrier) for _ in range(4)]
    for index, call in enumerate(calls):
        await call.open()
        call.invite(number_for(Kind.NO_ANSWER, index))
        await call.until(lambda call=call: bool(call.codes()), LONG)
    assert [call.codes() for call in calls] == [[180], [180], [180], [503]]
    assert calls[3].response(503).get("Retry-After")
    await asyncio.gather(*(call.close() for call in calls))
