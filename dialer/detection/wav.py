"""A recorded call read as a detector would hear it: 20 ms at a time, nothing of the future."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from dialer.detection.energy import EnergyDetector
from dialer.detection.features import Samples
from dialer.detection.interface import Decision
from dialer.detection.parameters import DEFAULTS, FRAME, RATE, Parameters

_PCM, _ALAW = 1, 6  # WAVE format tags


class WavError(ValueError):
    """The file is no 8 kHz mono WAV of 16 bit PCM or G.711 A-law."""


def classify_wav(path: Path | str, *, answered: bool = True, parameters: Parameters = DEFAULTS) -> Decision | None:
    """The first decision that falls on a recorded call; None if none falls until its end.

    ``answered``: the recording begins at the answer, else before it.
    """
    detector = EnergyDetector(parameters, answered=answered)
    samples = read_wav(path)
    for at in range(0, len(samples), FRAME):
        decision = detector.feed(samples[at : at + FRAME])
        if decision is not None:
            return decision
    return None


def read_wav(path: Path | str) -> Samples:
    """Samples of a WAV, 16 bit linear. Raises :class:`WavError`."""
    data = Path(path).read_bytes()
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WavError(f"{path}: not a WAV file")
    at, coding = 12, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt " and len(body) >= 16:
            coding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
            if (channels, rate) != (1, RATE) or (coding, bits) not in ((_PCM, 16), (_ALAW, 8)):
                raise WavError(
                    f"{path}: {channels} channel(s), {rate} Hz, {bits} bit; 1, {RATE}, A-law or 16 bit PCM wanted"
                )
        if name == b"data":
            if coding == _ALAW:
                return alaw_to_linear(np.frombuffer(body, dtype=np.uint8))
            if coding == _PCM:
                return np.frombuffer(body[: len(body) // 2 * 2], dtype="<i2").astype(np.int16)
        at += 8 + size + size % 2
    raise WavError(f"{path}: no audio in it")


def alaw_to_linear(coded: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Samples:
    """G.711 A-law decoded to 16 bit (ITU-T G.711, table 1a; 13 bit values scaled by 8)."""
    return _ALAW_TABLE[coded]


def _alaw_table() -> Samples:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    mantissa, exponent = (code & 0x0F) << 4, (code & 0x70) >> 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_ALAW_TABLE = _alaw_table()
