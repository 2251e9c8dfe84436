"""Recorded calls: speech made by a synthesiser, and files that are refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from dialer.call import Verdict
from dialer.detection.wav import WavError, alaw_to_linear, classify_wav, read_wav
from dialer.media.voice import Voice, join, say, silence, write_wav
from tests.detection.sounds import pcm, speech

pytestmark = pytest.mark.unit


def wav(path: Path, samples: bytes, *, coding: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16) -> Path:
    frame = channels * bits // 8
    fmt = struct.pack("<HHIIHH", coding, channels, rate, rate * frame, frame, bits)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(samples)) + samples
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.mark.parametrize("word", ["Halo?", "Tak?", "Słucham?", "Hello?"])
def test_a_spoken_word_is_a_person(tmp_path: Path, word: str) -> None:
    path = tmp_path / "call.wav"
    write_wav(path, join(silence(0.2), say(word, Voice("pl", pitch=45, speed=165)), silence(3.0)))
    decision = classify_wav(path)
    assert decision is not None
    assert decision.verdict is Verdict.HUMAN


GREETING = (
    "Witamy w poczcie głosowej. Osoba o wybranym numerze jest teraz niedostępna. Po sygnale można zostawić wiadomość."
)


def test_a_spoken_greeting_is_a_machine_before_and_after_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    write_wav(path, join(silence(0.1), say(GREETING, Voice("pl+f2", speed=160)), silence(1.0)))
    for answered in (True, False):
        decision = classify_wav(path, answered=answered)
        assert decision is not None
        assert decision.verdict is Verdict.MACHINE_VM
        assert decision.early is not answered


def test_alaw_and_linear_are_the_same_call(tmp_path: Path) -> None:
    table = alaw_to_linear(np.arange(256, dtype=np.uint8))
    assert table.min() == -32256
    assert table.max() == 32256
    assert np.abs(table).min() == 8  # A-law never decodes to 0 (G.711)
    samples = pcm(speech(3000))
    order = np.argsort(table)
    nearest = order[np.clip(np.searchsorted(table[order], samples), 0, 255)].astype(np.uint8)
    linear = classify_wav(wav(tmp_path / "linear.wav", samples.astype("<i2").tobytes()))
    alaw = classify_wav(wav(tmp_path / "alaw.wav", nearest.tobytes(), coding=6, bits=8))
    assert linear is not None
    assert alaw is not None
    assert linear.verdict is alaw.verdict is Verdict.MACHINE_VM


@pytest.mark.parametrize("wrong", [{"channels": 2}, {"rate": 44_100}, {"bits": 24}, {"coding": 7, "bits": 8}])
def test_other_formats_are_refused_by_name(tmp_path: Path, wrong: dict[str, int]) -> None:
    path = wav(tmp_path / "call.wav", bytes(4800), **wrong)
    with pytest.raises(WavError, match="wanted"):
        classify_wav(path)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", bytes(100), b"\x7fELF" + bytes(60)])
def test_what_is_no_wav_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    with pytest.raises(WavError):
        classify_wav(path)


def test_a_truncated_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = wav(tmp_path / "call.wav", pcm(speech(2000)).astype("<i2").tobytes())
    path.write_bytes(path.read_bytes()[:8001])
    assert len(read_wav(path)) == (8001 - 44) // 2
