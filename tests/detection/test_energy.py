"""Person, machine, fax or nothing yet: on made sounds, before and after the answer."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dialer.call import Verdict
from dialer.detection.energy import EnergyBank, EnergyDetector
from dialer.detection.interface import Decision
from dialer.detection.parameters import NATIONAL_TONES, Parameters
from tests.detection import sounds
from tests.detection.sounds import cadence, music, noise, pcm, silence, sit, speech, tone, v21_flags

pytestmark = pytest.mark.unit
Pcm = NDArray[np.int16]
few = settings(max_examples=15, deadline=None)


def hear(samples: Pcm, *, answered: bool = True, chunk: int = 320) -> list[Decision]:
    """All decisions on these samples."""
    detector = EnergyDetector(answered=answered)
    fallen = [detector.feed(samples[at : at + chunk]) for at in range(0, len(samples), chunk)]
    return [decision for decision in fallen if decision is not None]


def verdicts(samples: Pcm, *, answered: bool = True) -> list[tuple[Verdict, str]]:
    return [(d.verdict, d.reason) for d in hear(samples, answered=answered)]


# ---- after the answer: speech -------------------------------------------------------------------------------------


@few
@given(
    ms=st.integers(260, 480),
    onset=st.integers(60, 400),
    dbfs=st.floats(-38, -12),
    pitch=st.floats(90, 240),
    seed=st.integers(1, 9999),
)
def test_who_says_a_word_and_waits_is_a_person(ms: int, onset: int, dbfs: float, pitch: float, seed: int) -> None:
    [decision] = hear(pcm(silence(onset), speech(ms, dbfs, seed, pitch), silence(2500)))
    assert decision.verdict is Verdict.HUMAN
    assert not decision.early
    assert onset < decision.audio_ms <= onset + ms + 400


@few
@given(onset=st.integers(0, 300), dbfs=st.floats(-36, -12), pitch=st.floats(90, 240), seed=st.integers(1, 9999))
def test_who_talks_on_without_a_pause_is_a_machine(onset: int, dbfs: float, pitch: float, seed: int) -> None:
    [decision] = hear(pcm(silence(onset), speech(4000, dbfs, seed, pitch)))
    assert (decision.verdict, decision.reason) == (Verdict.MACHINE_VM, "long_greeting")
    assert onset + 1100 <= decision.audio_ms <= onset + 1500


def test_a_person_in_a_noisy_place_is_a_person() -> None:
    street = noise(4000, -42, seed=3)
    said = np.concatenate([silence(900), speech(400, -20), silence(2700)])
    assert [v for v, _ in verdicts(pcm(street + said))] == [Verdict.HUMAN]


def test_lost_packets_change_neither_verdict() -> None:
    for spoken, expected in ((speech(420), Verdict.HUMAN), (speech(4000), Verdict.MACHINE_VM)):
        samples = pcm(silence(200), spoken, silence(2000))
        for at in range(1600, len(samples), 2400):  # 20 ms in 300 are missing
            samples[at : at + 160] = 0
        assert [v for v, _ in verdicts(samples)] == [expected]


@pytest.mark.parametrize(
    "samples",
    [
        pcm(silence(8000)),
        pcm(noise(60_000, -40)),
        pcm(noise(8000, -25)),
        pcm(tone(8000, 50.0, dbfs=-30)),
        np.full(64000, 9000, dtype=np.int16),
    ],
    ids=["line noise", "a minute of noise", "loud noise", "hum", "direct current"],
)
def test_where_nobody_speaks_nothing_is_said(samples: Pcm) -> None:
    assert hear(samples) == []
    assert hear(samples, answered=False) == []


@pytest.mark.parametrize("sample", [0, 8, -8], ids=["no packet", "A-law", "A-law, below"])
def test_in_digital_silence_nobody_waits_for_more(sample: int) -> None:
    nothing = np.full(6400, sample, dtype=np.int16)  # 800 ms
    assert hear(nothing[:-160]) == []
    for after in (nothing, pcm(speech(4000))):
        assert [(d.verdict, d.reason, d.audio_ms) for d in hear(np.concatenate((nothing, after)))] == [
            (Verdict.UNCERTAIN, "no_audio", 800)
        ]
    heard = hear(np.concatenate((pcm(noise(20, -50)), nothing, pcm(speech(4000)))))
    assert [d.verdict for d in heard] == [Verdict.MACHINE_VM], "a little noise is enough to wait for more"
    assert hear(np.full(64000, sample, dtype=np.int16), answered=False) == []


# ---- after the answer: tones --------------------------------------------------------------------------------------

LEVELS = st.floats(-38, -6)


@few
@given(dbfs=LEVELS, offset=st.floats(-15, 15), name=st.sampled_from(["ced", "cng"]))
def test_fax_tones_at_any_level(dbfs: float, offset: float, name: str) -> None:
    hz = {"ced": 2100, "cng": 1100}[name] + offset
    samples = pcm(silence(300), tone(500, hz, dbfs=dbfs), silence(200), floor_dbfs=dbfs - 15)
    for answered in (True, False):
        [decision] = hear(samples, answered=answered)
        assert (decision.verdict, decision.reason, decision.early) == (Verdict.FAX, f"fax_{name}", not answered)
        assert decision.audio_ms <= 300 + 420


def test_v21_flags_are_a_fax() -> None:
    assert verdicts(pcm(silence(300), v21_flags(1000))) == [(Verdict.FAX, "fax_v21")]


@few
@given(dbfs=LEVELS, offset=st.floats(-20, 20))
def test_special_information_tone_after_the_answer_is_an_announcement(dbfs: float, offset: float) -> None:
    three = [tone(330, f + offset, dbfs=dbfs) for f in (950, 1400, 1800)]
    samples = pcm(silence(200), *three, silence(600), floor_dbfs=dbfs - 20)
    assert verdicts(samples) == [(Verdict.MACHINE_UNAVAILABLE, "sit")]


@pytest.mark.parametrize("on_off", [[500, 500], [250, 250], [375, 375]])
def test_busy_after_the_answer_is_no_person(on_off: list[int]) -> None:
    assert verdicts(pcm(cadence(on_off, 6000, 425.0))) == [(Verdict.MACHINE_UNAVAILABLE, "busy_tone")]


@few
@given(hz=st.floats(660, 900), ms=st.integers(200, 900), dbfs=LEVELS)
def test_a_beep_alone_is_a_mailbox(hz: float, ms: int, dbfs: float) -> None:
    samples = pcm(silence(500), tone(ms, hz, dbfs=dbfs), silence(1000), floor_dbfs=min(dbfs - 20, -48))
    assert verdicts(samples) == [(Verdict.MACHINE_VM, "beep")]


# ---- before the answer --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_off", "hz"),
    [
        ([1000, 4000], (425.0,)),
        ([400, 200, 400, 2000], (400.0, 450.0)),
        ([2000, 4000], (440.0, 480.0)),
        ([1500, 3500], (440.0,)),
        ([500, 500], (425.0,)),
        ([500, 500], (480.0, 620.0)),
        ([250, 250], (425.0,)),
    ],
    ids=["PL", "GB", "US", "FR", "busy", "US busy", "congestion"],
)
@pytest.mark.parametrize("dbfs", [-12.0, -32.0])
def test_network_tones_let_the_call_ring_on(on_off: list[int], hz: tuple[float, ...], dbfs: float) -> None:
    assert hear(pcm(cadence(on_off, 45_000, *hz, dbfs=dbfs)), answered=False) == []


def test_ring_back_music_lets_the_call_ring_on() -> None:
    assert hear(pcm(music(25_000)), answered=False) == []


@few
@given(dbfs=st.floats(-36, -12), pitch=st.floats(90, 240), seed=st.integers(1, 9999))
def test_a_greeting_in_early_media_is_heard(dbfs: float, pitch: float, seed: int) -> None:
    [decision] = hear(pcm(silence(400), speech(6000, dbfs, seed, pitch)), answered=False)
    assert (decision.verdict, decision.reason, decision.early) == (Verdict.MACHINE_VM, "speech_before_answer", True)
    assert 1500 <= decision.audio_ms <= 4000


def test_a_greeting_after_ringback_is_heard() -> None:
    samples = pcm(cadence([1000, 4000], 10_000, 425.0), speech(5000))
    [decision] = hear(samples, answered=False)
    assert decision.verdict is Verdict.MACHINE_VM
    assert decision.audio_ms > 11_000


def test_a_word_in_early_media_is_no_greeting() -> None:
    """A gateway may let a person's first word through before its 200."""
    assert hear(pcm(cadence([1000, 4000], 10_000, 425.0), speech(900), silence(1500)), answered=False) == []


def test_after_a_special_information_tone_the_final_code_has_time() -> None:
    announced = [sit(), silence(300), speech(6000), silence(500)]
    assert hear(pcm(*announced), answered=False) == []
    [decision] = hear(pcm(*announced, speech(9000, seed=2)), answered=False)
    assert (decision.verdict, decision.reason) == (Verdict.MACHINE_UNAVAILABLE, "announcement_after_sit")


# ---- from one to the other ----------------------------------------------------------------------------------------


def test_the_answer_ends_what_was_heard_before() -> None:
    ringing = pcm(cadence([1000, 4000], 6000, 425.0))
    detector = EnergyDetector()
    assert detector.feed(ringing) is None
    detector.answered(len(ringing))
    decision = detector.feed(pcm(silence(200), speech(400), silence(2000)))
    assert decision is not None
    assert (decision.verdict, decision.early) == (Verdict.HUMAN, False)
    assert decision.audio_ms <= 1000  # counted from the answer
    assert detector.finished


def test_a_mailbox_heard_early_and_answered_all_the_same_is_heard_again() -> None:
    greeting = pcm(speech(8000))
    detector = EnergyDetector()
    first = detector.feed(greeting[:40_000])
    detector.answered(40_000)
    second = detector.feed(greeting[40_000:])
    assert first is not None
    assert second is not None
    assert (first.early, second.early) == (True, False)
    assert detector.feed(greeting) is None


def test_an_answer_is_never_put_before_what_was_heard() -> None:
    detector = EnergyDetector()
    assert detector.feed(pcm(silence(1000), speech(600))) is None
    detector.answered(0)
    decision = detector.feed(pcm(silence(2000)))
    assert decision is None  # the word belongs to the time before the answer


@few
@given(data=st.data(), which=st.sampled_from(["person", "machine", "sit", "early"]))
def test_the_size_of_the_pieces_changes_nothing(data: st.DataObject, which: str) -> None:
    samples = {
        "person": pcm(silence(300), speech(400), silence(1500)),
        "machine": pcm(silence(300), speech(3000)),
        "sit": pcm(sit(), silence(500)),
        "early": pcm(cadence([1000, 1000], 3000, 425.0), speech(4000)),
    }[which]
    whole = EnergyDetector(answered=which != "early").feed(samples)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(samples)), max_size=30)))
    detector = EnergyDetector(answered=which != "early")
    pieces = np.split(samples, cuts)
    fallen = [decision for piece in pieces if (decision := detector.feed(piece)) is not None]
    assert whole is not None
    assert fallen == [whole]


@few
@given(st.lists(st.lists(st.integers(-32768, 32767), max_size=900), max_size=8), st.booleans())
def test_any_audio_is_taken(pieces: list[list[int]], answered: bool) -> None:
    detector = EnergyDetector(answered=answered)
    for piece in pieces:
        detector.feed(np.array(piece, dtype=np.int16))


def test_clipped_speech_is_still_speech() -> None:
    loud = np.clip(pcm(silence(200), speech(420, dbfs=-3), silence(1500)).astype(np.int32) * 4, -32768, 32767)
    assert [v for v, _ in verdicts(loud.astype(np.int16))] == [Verdict.HUMAN]


def test_a_bank_says_what_each_detector_alone_says() -> None:
    calls = [pcm(silence(100 + 30 * i), speech(300 + 60 * i, seed=i + 1), silence(2000), seed=i) for i in range(12)] + [
        pcm(silence(50 * i), speech(3000, seed=i + 50), seed=i) for i in range(6)
    ]
    bank = EnergyBank()
    detectors = [bank.open(answered=True) for _ in calls]
    together: dict[int, Decision] = {}
    for at in range(0, 40_000, 200):
        batch = [(d, c[at : at + 200]) for d, c in zip(detectors, calls, strict=True) if at < len(c)]
        for detector, decision in bank.feed(batch):
            together[next(i for i, d in enumerate(detectors) if d is detector)] = decision
    assert together == {i: hear(c)[0] for i, c in enumerate(calls) if hear(c)}
    assert len(together) == len(calls)


def test_parameters_are_data() -> None:
    """A floor that waits longer hears a person where the default hears a machine."""
    patient = dataclasses.replace(Parameters(), machine_speech_ms=2500)
    samples = pcm(silence(100), speech(1500), silence(1500))
    assert [v for v, _ in verdicts(samples)] == [Verdict.MACHINE_VM]
    decision = EnergyDetector(patient, answered=True).feed(samples)
    assert decision is not None
    assert decision.verdict is Verdict.HUMAN
    assert set(Parameters().tones) <= set(NATIONAL_TONES)
    assert sounds.RATE == 8000
