"""What every detector of persons and machines promises: audio in, a decision out, nothing of the future used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dialer.call import Verdict
from dialer.detection.features import Samples


@dataclass(frozen=True, slots=True)
class Decision:
    """What was heard. ``confidence`` 0..1; ``reason``: one snake_case word; ``audio_ms``: audio consumed when it fell,
    counted from the answer, or from the beginning if ``early`` (heard before the answer)."""

    verdict: Verdict
    confidence: float
    reason: str
    audio_ms: int
    early: bool


class Detector(Protocol):
    """One call. Says at most one early decision, and at most one after the answer; keeps no audio beyond 40 ms."""

    def feed(self, samples: Samples) -> Decision | None:
        """Take the next samples (int16, 8 kHz, mono, any number); a decision if one falls within them."""

    def answered(self, at_sample: int) -> None:
        """The call was answered at this sample, counted from the first one ever fed; not before the last one fed."""

    @property
    def finished(self) -> bool:
        """Nothing more will come out of this call: the audio need not be read any further."""


class Bank(Protocol):
    """The calls of one process: feeds many at once, so that the numeric work is shared."""

    def open(self, *, answered: bool) -> Detector:
        """A detector for a new call; ``answered``: its audio begins after the answer."""

    def feed(self, batch: Iterable[tuple[Detector, Samples]]) -> Sequence[tuple[Detector, Decision]]:
        """Feed each detector its samples; the decisions that fell."""
