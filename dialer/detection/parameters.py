"""Everything the detector can be tuned by, and the tones it knows: data, in one place.

Frequencies come from ITU-T E.180 (call-progress tones, special information tone), T.30 (CED, CNG, V.21) and
ITU-T Supplement "Various tones used in national networks" to E.180.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

RATE = 8000  # samples per second of every tap
FRAME = 160  # samples: 20 ms, the step of all decisions
FRAME_MS = 20
DIGITAL_SILENCE = 8  # A-law's smallest step (G.711); u-law has 0, and so has a packet that never came

# Network tones (ringback, busy, congestion, dialling) in Hz, by country. A pair sounds together. Poland first.
NATIONAL_TONES: dict[str, tuple[tuple[float, ...], ...]] = {
    "PL": ((425.0,),),
    "CZ": ((425.0,),),
    "DE": ((425.0,),),
    "ES": ((425.0,),),
    "IT": ((425.0,),),
    "FR": ((440.0,),),
    "UA": ((425.0,),),
    "GB": ((400.0, 450.0), (400.0,), (350.0, 440.0)),
    "IE": ((400.0, 450.0), (425.0,)),
    "US": ((440.0, 480.0), (480.0, 620.0), (350.0, 440.0)),
}

SIT_HZ = (950.0, 1400.0, 1800.0)  # special information tone: three in a row, about 330 ms each
CED_HZ = 2100.0  # a fax machine that answers, and its modern form ANSam
CNG_HZ = 1100.0  # a fax machine that calls: 0.5 s on, 3 s off
V21_BAND_HZ = (1580.0, 1920.0)  # V.21 channel 2: 1650 and 1850 Hz, the flags before a fax machine's first message


@dataclass(frozen=True)
class Parameters:
    """What decides when. Levels in dBFS (0: full scale), times in ms of audio."""

    # ---- what is sound, tone, voice ----
    quiet_dbfs: float = -58.0
    """Nothing below this level is ever sound."""
    above_floor_db: float = 9.0
    """Sound is at least so far above the running noise floor ..."""
    below_speech_db: float = 22.0
    """... and not further than this below the loudest speech of the utterance (its reverberation is silence)."""
    floor_rise_db_s: float = 12.0
    """How fast the noise floor may rise; it falls at once."""
    voicing: float = 0.55
    """Normalised autocorrelation from which a frame is voiced (periodic at 70-400 Hz)."""
    longest_unvoiced_ms: int = 120
    """Sound that stays unvoiced for longer is no speech: noise, breath, rustling."""
    tone_share: float = 0.80
    """Part of a frame's energy (200-3,400 Hz) in one or two spectral lines from which it is a tone."""
    tone_hold_hz: float = 9.0
    """A tone's line does not move by more than this from frame to frame; a voice's does."""
    tone_hold_ms: int = 80
    """How long a line must stand still before it is a tone."""
    tone_match_hz: float = 22.0
    """How far a tone may lie from its nominal frequency."""
    music_margin: float = 0.36
    """Share of sound with standing lines, less the share of time spent in dips between syllables; above: music."""
    tones: tuple[str, ...] = ("PL", "GB", "US", "FR")
    """Countries whose network tones are known."""

    # ---- before the answer ----
    early_speech_ms: int = 1200
    """Voiced speech in early media from which somebody is reading out an announcement or greeting."""
    early_after_sit_ms: int = 8000
    """Speech after a special information tone from which we stop waiting for the final code."""
    early_forget_ms: int = 2500
    """Silence (or ringback) after which speech heard before is forgotten."""

    # ---- after the answer ----
    shortest_word_ms: int = 120
    """Shorter sounds are clicks and breath."""
    short_opening_ms: int = 500
    """An opening up to this long is surely a person's ..."""
    short_pause_ms: int = 220
    """... who is known by this much silence after it."""
    long_pause_ms: int = 340
    """Silence that ends a longer opening."""
    machine_speech_ms: int = 1200
    """Speech without such a pause from which it is a recorded greeting."""
    no_audio_ms: int = 800
    """Nothing but digital silence so long after the answer: no packet comes, or nothing is in it. A greeting that
    began now could not be told from a person's opening within a campaign's usual 1,500 ms: waiting is of no use."""
    beep_ms: tuple[int, int] = (160, 1600)
    """Length of a mailbox's beep: one steady tone of no network ..."""
    beep_lowest_hz: float = 380.0
    """... not lower than this ..."""
    beep_silence_ms: int = 120
    """... and followed by so much silence."""
    fax_ms: int = 340
    """CED, CNG or V.21 from which it is a fax machine."""
    busy_cycles: int = 3
    """Equal short tones with equal gaps from which it is busy or congestion behind a 200."""


DEFAULTS = Parameters()


@dataclass(frozen=True)
class KnownTones:
    """The network tones of the chosen countries, flattened."""

    lines_hz: tuple[float, ...] = field(default=())

    @classmethod
    @cache
    def of(cls, parameters: Parameters) -> KnownTones:
        lines = {f for country in parameters.tones for tone in NATIONAL_TONES[country] for f in tone}
        return cls(tuple(sorted(lines)))

    def network(self, hz: float, tolerance: float) -> bool:
        """Whether a line at ``hz`` belongs to a network tone."""
        return any(abs(hz - line) <= tolerance for line in self.lines_hz)
