"""Sounds: what is in them, how long they last, and that they stay within a telephone's limits."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dialer.media.voice import LOUDNESS, RATE, VoiceError, read_wav, say, to_rate, tone, write_wav
from dialer.simulation import speech
from dialer.simulation.speech import CLIPS, clips, looped, special_information

pytestmark = pytest.mark.unit


def level(samples: NDArray[np.float64], hertz: float) -> float:
    """Part of the power that lies at one frequency (Goertzel's measure, over a whole stretch)."""
    at = np.arange(len(samples)) / RATE
    power = np.abs(np.mean(samples * np.exp(-2j * np.pi * hertz * at))) ** 2 * 2
    return float(power / np.mean(samples**2))


def test_every_clip_is_a_telephone_wav() -> None:
    files = clips()
    assert set(files) == set(CLIPS)
    for name, file in files.items():
        rate, samples = read_wav(file)
        assert rate == RATE, name
        assert len(samples) > RATE, name
        assert np.max(np.abs(samples)) < 1.0, name


def test_greetings_last_as_long_as_greetings_do() -> None:
    for name in speech.VOICES:
        _, samples = read_wav(clips()[f"greeting-{name}"])
        assert 6 <= len(samples) / RATE <= 10
        frames = samples[RATE // 2 : len(samples) // 160 * 160].reshape(-1, 160)
        quiet = np.sqrt(np.mean(frames**2, axis=1)) < LOUDNESS / 20
        longest = max((len(run) for run in "".join("q" if q else " " for q in quiet).split()), default=0)
        assert longest * 0.02 < 1.0  # no pause in which a person would have been waited for


def test_a_person_says_hello_and_waits() -> None:
    for name in speech.VOICES:
        _, samples = read_wav(clips()[f"person-{name}"])
        frames = np.sqrt(np.mean(samples[: 5 * RATE].reshape(-1, 160) ** 2, axis=1)) > LOUDNESS / 5
        first = int(np.argmax(frames)) * 0.02
        assert 0.05 <= first <= 0.4
        spoken = frames[: round((first + 1.6) / 0.02)]
        assert 0.15 <= spoken.sum() * 0.02 <= 1.4


def test_special_information_tones() -> None:
    samples = special_information()
    third = len(samples) // 3
    for index, hertz in enumerate((950, 1400, 1800)):
        assert level(samples[index * third : (index + 1) * third], hertz) > 0.9


def test_ringing_tone_is_one_second_in_five() -> None:
    _, samples = read_wav(clips()["ringback"])
    assert len(samples) == 5 * RATE
    assert level(samples[:RATE], 425) > 0.95
    assert not samples[RATE + 10 :].any()
    assert looped("ringback")


def test_mailbox_beeps_after_its_greeting() -> None:
    for name in speech.VOICES:
        _, samples = read_wav(clips()[f"mailbox-{name}"])
        starts = range(5 * RATE, 12 * RATE, RATE // 20)
        beeps = [start / RATE for start in starts if level(samples[start : start + RATE // 10] + 1e-9, 1000) > 0.9]
        assert beeps
        assert max(beeps) - min(beeps) < 0.35
    assert not looped("mailbox-a")


def test_fax_tone() -> None:
    _, samples = read_wav(clips()["fax"])
    assert level(samples[RATE : 3 * RATE], 2100) > 0.95


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
def test_resampling_keeps_the_band_and_drops_what_is_above(rate: int) -> None:
    at = np.arange(rate) / rate
    kept = to_rate(np.sin(2 * np.pi * 1000 * at), rate)
    assert abs(len(kept) - RATE) <= 2
    assert level(kept[400:-400], 1000) > 0.999
    assert np.sqrt(np.mean(kept[400:-400] ** 2)) == pytest.approx(0.7071, rel=0.01)
    dropped = to_rate(np.sin(2 * np.pi * 5000 * at), rate)
    assert np.sqrt(np.mean(dropped[400:-400] ** 2)) < 0.01


def test_tone_level() -> None:
    assert np.sqrt(np.mean(tone(1.0, 950, level=0.2) ** 2)) == pytest.approx(0.2, rel=0.02)


def test_wav_is_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "tone.wav"
    write_wav(file, tone(0.5, 440))
    rate, samples = read_wav(file)
    assert (rate, len(samples)) == (RATE, RATE // 2)
    assert [entry.name for entry in file.parent.iterdir()] == ["tone.wav"]


def test_without_a_voice_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(VoiceError, match="espeak-ng"):
        say("halo")
