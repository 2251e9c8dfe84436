"""Speech and sound files made on this machine: espeak-ng's voice, as a telephone carries it.

All audio is 8 kHz mono; samples are floats from -1 to 1 until they are written as 16 bit PCM.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8000  # samples a second
LOUDNESS: Final = 0.1  # root mean square of speech: 20 dB below full scale, as on a usual line
Sound = NDArray[np.float64]


class VoiceError(Exception):
    """espeak-ng is not installed or refused; the text says what to do."""


@dataclass(frozen=True)
class Voice:
    """How espeak-ng speaks: language with variant, pitch (0-99) and speed (words a minute)."""

    name: str = "pl"
    pitch: int = 50
    speed: int = 160


def say(text: str, voice: Voice | None = None) -> Sound:
    """The spoken ``text``, in the band of a telephone and at its loudness.

    Raises:
        VoiceError: espeak-ng is missing or failed.
    """
    voice = voice or Voice()
    program = shutil.which("espeak-ng")
    if program is None:
        raise VoiceError("espeak-ng is missing: `make setup` installs it, or install the package espeak-ng.")
    with tempfile.TemporaryDirectory(prefix="callfloor-voice-") as folder:
        file = Path(folder) / "speech.wav"
        options = ["-v", voice.name, "-p", str(voice.pitch), "-s", str(voice.speed)]
        done = subprocess.run(
            [program, *options, "-w", str(file), "--stdin"], input=text.encode(), capture_output=True, check=False
        )
        if done.returncode != 0 or not file.exists():
            raise VoiceError(f"espeak-ng failed: {done.stderr.decode(errors='replace').strip()}")
        rate, samples = read_wav(file)
    speech = to_rate(_trimmed(samples), rate)
    loudness = float(np.sqrt(np.mean(speech**2))) if len(speech) else 0.0
    if loudness == 0.0:
        raise VoiceError(f"espeak-ng said nothing with the voice {voice.name}.")
    return np.clip(speech * (LOUDNESS / loudness), -0.9, 0.9)


def silence(seconds: float) -> Sound:
    """No sound for ``seconds``."""
    return np.zeros(round(seconds * RATE))


def tone(seconds: float, *hertz: float, level: float = LOUDNESS) -> Sound:
    """A sum of sines of the given frequencies (Hz); ``level`` is its root mean square. 5 ms ramps keep clicks out."""
    at = np.arange(round(seconds * RATE)) / RATE
    waves: Sound = np.zeros(len(at))
    for frequency in hertz:
        waves += np.sin(2 * np.pi * frequency * at)
    waves *= level * np.sqrt(2 / max(len(hertz), 1))
    ramp = min(round(0.005 * RATE), len(at) // 2)
    if ramp:
        waves[:ramp] *= np.linspace(0, 1, ramp)
        waves[-ramp:] *= np.linspace(1, 0, ramp)
    return waves


def to_rate(samples: Sound, rate: int) -> Sound:
    """Samples taken ``rate`` times a second, resampled to 8 kHz through a low-pass at 3.4 kHz (windowed sinc)."""
    if rate == RATE or not len(samples):
        return samples
    cutoff = 3400 / rate  # cycles a sample
    half = 48  # taps to each side
    positions = np.arange(0, len(samples) - 1, rate / RATE)
    taps = np.floor(positions).astype(int)[:, None] + np.arange(-half + 1, half + 1)
    distance = positions[:, None] - taps
    kernel = 2 * cutoff * np.sinc(2 * cutoff * distance) * (0.5 + 0.5 * np.cos(np.pi * distance / (half + 1)))
    padded = np.pad(samples, half)
    resampled: Sound = np.sum(padded[taps + half] * kernel, axis=1)
    return resampled


def join(*parts: Sound) -> Sound:
    """The parts one after the other."""
    return np.concatenate(parts)


def read_wav(file: Path) -> tuple[int, Sound]:
    """Rate and samples of a 16 bit mono WAV."""
    with wave.open(str(file), "rb") as source:
        if source.getsampwidth() != 2 or source.getnchannels() != 1:
            raise ValueError(f"{file.name}: not 16 bit mono")
        data = np.frombuffer(source.readframes(source.getnframes()), dtype="<i2")
        return source.getframerate(), data.astype(np.float64) / 32768


def write_wav(file: Path, samples: Sound | Sequence[float]) -> None:
    """Write samples as an 8 kHz, 16 bit, mono WAV; readers see the old file or the whole new one."""
    data = np.clip(np.asarray(samples) * 32767, -32768, 32767).astype("<i2").tobytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "wb") as target, wave.open(target, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(data)
    Path(name).chmod(0o644)
    Path(name).replace(file)


def _trimmed(samples: Sound) -> Sound:
    """Without the silence espeak-ng leaves at both ends."""
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]
