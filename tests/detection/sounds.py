"""Sounds for the detector's tests, made from nothing: tones, noise, and what has the rhythm and pitch of speech."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 8000
Sound = NDArray[np.float64]  # -1..1
FORMANTS = ((700, 1200, 2500), (400, 2000, 2600), (350, 900, 2400), (550, 1700, 2500))  # a, e, o, i or so, Hz


def silence(ms: int) -> Sound:
    return np.zeros(ms * RATE // 1000)


def at_level(sound: Sound, dbfs: float) -> Sound:
    """The sound scaled to this RMS level."""
    scaled: Sound = sound * (10 ** (dbfs / 20) / (np.sqrt(np.mean(sound**2)) + 1e-12))
    return scaled


def noise(ms: int, dbfs: float, seed: int = 1) -> Sound:
    return at_level(np.random.default_rng(seed).standard_normal(ms * RATE // 1000), dbfs)


def tone(ms: int, *hz: float, dbfs: float = -20.0) -> Sound:
    """Sine waves together."""
    t = np.arange(ms * RATE // 1000) / RATE
    waves: Sound = np.sum([np.sin(2 * np.pi * f * t + i) for i, f in enumerate(hz)], axis=0)
    return at_level(waves, dbfs)


def cadence(on_off_ms: list[int], total_ms: int, *hz: float, dbfs: float = -20.0) -> Sound:
    """A tone that goes on and off in turn: ringback, busy."""
    parts: list[Sound] = []
    while sum(map(len, parts)) < total_ms * RATE // 1000:
        for i, ms in enumerate(on_off_ms):
            parts.append(silence(ms) if i % 2 else tone(ms, *hz, dbfs=dbfs))
    return np.concatenate(parts)[: total_ms * RATE // 1000]


def speech(ms: int, dbfs: float = -22.0, seed: int = 1, pitch: float = 125.0) -> Sound:
    """Syllables of 120-220 ms: harmonics of a gliding pitch under formants, a hiss or a closure of the lips between."""
    rng = np.random.default_rng(seed)
    parts: list[Sound] = []
    while sum(map(len, parts)) < ms * RATE // 1000:
        n = int(rng.uniform(0.12, 0.22) * RATE)
        slope = rng.choice((-1, 1)) * rng.uniform(0.4, 1.6)  # of the pitch, e-folds a second
        glide = pitch * rng.uniform(0.9, 1.15) * np.exp(slope * np.arange(n) / RATE)
        phase = 2 * np.pi * np.cumsum(glide) / RATE
        formants = FORMANTS[rng.integers(len(FORMANTS))]
        vowel = np.zeros(n)
        for k in range(1, int(3400 / pitch / 1.3)):
            gain = sum(1 / (1 + ((k * pitch - f) / (90 + 40 * i)) ** 2) / (i + 1) for i, f in enumerate(formants))
            vowel += (gain + 0.3 / k) * np.sin(k * phase)
        shape = np.sin(np.linspace(0.12, np.pi - 0.12, n)) ** 0.7
        parts.append(vowel * shape)
        between = int(rng.uniform(0.04, 0.08) * RATE)
        parts.append(rng.standard_normal(between) * rng.choice((0.15, 0.003)))
    whole: Sound = np.concatenate(parts)[: ms * RATE // 1000]
    whole[-80:] *= np.linspace(1, 0, 80)
    return at_level(whole, dbfs)


def music(ms: int, dbfs: float = -22.0) -> Sound:
    """Chords without a gap, a new one each 0.6 s."""
    chords = ((262.0, 330.0, 392.0), (294.0, 370.0, 440.0), (247.0, 294.0, 392.0), (220.0, 262.0, 330.0))
    turn = [chords[i % 4] for i in range(ms // 600 + 1)]
    parts = [tone(600, *chord, *(2 * f for f in chord), dbfs=dbfs) for chord in turn]
    return np.concatenate(parts)[: ms * RATE // 1000]


def sit() -> Sound:
    """Special information tone (ITU-T E.180)."""
    return np.concatenate([tone(330, f) for f in (950, 1400, 1800)])


def v21_flags(ms: int, dbfs: float = -20.0) -> Sound:
    """HDLC flags (01111110) at 300 bit/s on V.21 channel 2: 1850 Hz is 0, 1650 Hz is 1."""
    count = ms * RATE // 1000
    bits = np.array([0, 1, 1, 1, 1, 1, 1, 0])[(np.arange(count) * 300 // RATE) % 8]
    return at_level(np.sin(2 * np.pi * np.cumsum(np.where(bits, 1650, 1850)) / RATE), dbfs)


def pcm(*parts: Sound, floor_dbfs: float = -65.0, seed: int = 7) -> NDArray[np.int16]:
    """Parts in a row over a line's own noise, as int16."""
    whole = np.concatenate(parts)
    whole = whole + noise(len(whole) * 1000 // RATE + 1, floor_dbfs, seed)[: len(whole)]
    return (np.clip(whole, -1, 1) * 32767).astype(np.int16)
