"""What the shipped detector makes of the simulated sounds, as a G.711 line carries them: the demo rests on it."""

import numpy as np
import pytest

from dialer.call import Verdict
from dialer.detection.energy import EnergyDetector
from dialer.detection.interface import Decision
from dialer.media.voice import RATE, read_wav
from dialer.simulation.speech import VOICES, clips
from tests.simulation.caller import through_alaw

pytestmark = pytest.mark.unit


def decisions(clip: str, *, answered: bool, seconds: float, times: int = 1) -> list[Decision]:
    _, samples = read_wav(clips()[clip])
    heard = np.tile(samples, times)[: round(seconds * RATE)]
    pcm = (through_alaw(heard) * 32767).astype(np.int16)
    detector = EnergyDetector(answered=answered)
    fallen = [detector.feed(pcm[at : at + 320]) for at in range(0, len(pcm), 320)]
    return [decision for decision in fallen if decision is not None]


@pytest.mark.parametrize("voice", VOICES)
def test_a_person_is_live_within_a_second(voice: str) -> None:
    [decision] = decisions(f"person-{voice}", answered=True, seconds=4)
    assert decision.verdict is Verdict.HUMAN
    assert decision.audio_ms < 950


@pytest.mark.parametrize("voice", VOICES)
def test_a_mailbox_is_known_before_the_longest_decision_time(voice: str) -> None:
    [decision] = decisions(f"mailbox-{voice}", answered=True, seconds=4)
    assert decision.verdict is Verdict.MACHINE_VM
    assert decision.audio_ms < 1400


@pytest.mark.parametrize("clip", [*(f"greeting-{voice}" for voice in VOICES), "unavailable"])
def test_speech_before_the_answer_is_known_before_the_answer(clip: str) -> None:
    [decision] = decisions(clip, answered=False, seconds=9)
    assert decision.verdict in (Verdict.MACHINE_VM, Verdict.MACHINE_UNAVAILABLE)
    assert decision.early
    assert decision.audio_ms < 6000


@pytest.mark.parametrize(("clip", "seconds"), [("ringback", 25), ("music", 25), ("unknown-number", 6)])
def test_what_says_nothing_of_a_machine_rings_on(clip: str, seconds: float) -> None:
    assert decisions(clip, answered=False, seconds=seconds, times=6) == []


def test_a_fax_is_known_by_its_tone() -> None:
    [decision] = decisions("fax", answered=True, seconds=4)
    assert decision.verdict is Verdict.FAX
