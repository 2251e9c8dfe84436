"""Person or machine by silence and energy: how long somebody speaks before falling silent, and which tones sound.

A person who picks up says a word or two and waits; a recording talks on. Nothing here knows a language.
Before the answer only speech (an announcement or greeting in early media) and fax tones count; ringback, busy, music
and a special information tone let the call ring on: the final code says what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from dialer.call import Verdict
from dialer.detection.features import WINDOW, Frame, Samples, analyse
from dialer.detection.interface import Decision, Detector
from dialer.detection.parameters import DEFAULTS, DIGITAL_SILENCE, FRAME, FRAME_MS, Parameters
from dialer.detection.speech import Speech
from dialer.detection.tones import Tone, ToneKind, ToneTracker


class EnergyDetector:
    """One call; see :class:`dialer.detection.interface.Detector`."""

    def __init__(self, parameters: Parameters = DEFAULTS, *, answered: bool = False) -> None:
        self.p = parameters
        self._rest = np.zeros(FRAME, dtype=np.int16)  # the frame before, then what is not yet a whole frame
        self._frames = 0
        self._received = False  # something else than digital silence
        self._answer_frame: int | None = 0 if answered else None
        self._early: Decision | None = None
        self._late: Decision | None = None
        self._listen()

    def _listen(self) -> None:
        self._tones = ToneTracker(self.p)
        self._speech = Speech(self.p)
        self._loud = False
        self._beep_at: int | None = None

    @property
    def finished(self) -> bool:
        """The decision after the answer has fallen."""
        return self._late is not None

    def answered(self, at_sample: int) -> None:
        """From this sample on the question is person or machine; rounded to the next frame."""
        if self._answer_frame is None:
            self._answer_frame = max(self._frames, -(-at_sample // FRAME))

    def feed(self, samples: Samples) -> Decision | None:
        """Take samples; see the protocol."""
        windows = self.cut(samples)
        return self.hear(analyse(windows)) if len(windows) else None

    def cut(self, samples: Samples) -> Samples:
        """Windows (n, 320) of the whole frames that these samples complete; remembers the rest."""
        self._received = self._received or bool(np.any(np.abs(samples) > DIGITAL_SILENCE))
        joined = np.concatenate((self._rest, samples))
        n = len(joined) // FRAME - 1
        self._rest = joined[n * FRAME :].copy()
        if n == 0:
            return np.empty((0, WINDOW), dtype=np.int16)
        frames = joined[: (n + 1) * FRAME].reshape(n + 1, FRAME)
        return np.concatenate((frames[:-1], frames[1:]), axis=1)

    def hear(self, frames: Sequence[Frame]) -> Decision | None:
        """Take analysed frames; the decision that falls within them (the later one if two should)."""
        fallen = None
        for frame in frames:
            if self._late is not None:
                break
            if self._frames == self._answer_frame:
                self._listen()
            self._frames += 1
            fallen = self._step(frame) or fallen
        return fallen

    def _step(self, frame: Frame) -> Decision | None:
        self._loud = self._speech.loud(frame)
        ended = self._tones.step(frame, self._loud)
        self._speech.step(frame, self._loud, self._tones)
        if self._answer_frame is not None and self._frames > self._answer_frame:
            self._late = self._after_answer(ended)
            return self._late
        if self._early is None:
            self._early = self._before_answer()
            return self._early
        return None

    def _before_answer(self) -> Decision | None:
        p, speech, tones = self.p, self._speech, self._tones
        if tones.fax:
            return self._decide(Verdict.FAX, 0.97, f"fax_{tones.fax}")
        if speech.quiet_ms >= p.early_forget_ms:
            speech.forget()
        if tones.sit:
            if speech.voiced_total_ms >= p.early_after_sit_ms * 0.5 and speech.span_ms >= p.early_after_sit_ms:
                return self._decide(Verdict.MACHINE_UNAVAILABLE, 0.95, "announcement_after_sit")
        elif speech.voiced_total_ms >= p.early_speech_ms and not speech.music:
            return self._decide(Verdict.MACHINE_VM, 0.9, "speech_before_answer")
        return None

    def _after_answer(self, ended: Tone | None) -> Decision | None:
        p, speech, tones = self.p, self._speech, self._tones
        if tones.fax:
            return self._decide(Verdict.FAX, 0.97, f"fax_{tones.fax}")
        if tones.sit:
            return self._decide(Verdict.MACHINE_UNAVAILABLE, 0.97, "sit")
        if tones.busy:
            return self._decide(Verdict.MACHINE_UNAVAILABLE, 0.9, "busy_tone")
        if self._beep(ended):
            return self._decide(Verdict.MACHINE_VM, 0.9, "beep")
        if speech.word and speech.pause_ms >= speech.pause_needed_ms:
            return self._decide(Verdict.HUMAN, 0.9 if speech.span_ms <= p.short_opening_ms else 0.75, "short_opening")
        if speech.word and speech.span_ms >= p.machine_speech_ms and not speech.music:
            return self._decide(Verdict.MACHINE_VM, 0.8, "long_greeting")
        if not self._received and self._heard_ms >= p.no_audio_ms:
            return self._decide(Verdict.UNCERTAIN, 0.5, "no_audio")
        return None

    def _beep(self, ended: Tone | None) -> bool:
        """A mailbox's beep: one tone of no network, then silence (music and voices go on)."""
        if ended is not None:
            fits = self.p.beep_ms[0] <= ended.ms <= self.p.beep_ms[1] and ended.hz >= self.p.beep_lowest_hz
            self._beep_at = self._frames if fits and self._tones.kind(ended.hz) is ToneKind.OTHER else None
        elif self._beep_at is not None and self._loud:
            self._beep_at = None
        return self._beep_at is not None and (self._frames - self._beep_at) * FRAME_MS >= self.p.beep_silence_ms

    @property
    def _heard_ms(self) -> int:
        """Audio since the answer, or since the beginning before there is one."""
        return (self._frames - (self._answer_frame or 0)) * FRAME_MS

    def _decide(self, verdict: Verdict, confidence: float, reason: str) -> Decision:
        early = self._answer_frame is None or self._frames <= self._answer_frame
        return Decision(verdict, confidence, reason, self._frames * FRAME_MS if early else self._heard_ms, early)


class EnergyBank:
    """Energy detectors that share one analysis per batch."""

    def __init__(self, parameters: Parameters = DEFAULTS) -> None:
        self.p = parameters

    def open(self, *, answered: bool) -> EnergyDetector:
        """A detector for a new call."""
        return EnergyDetector(self.p, answered=answered)

    def feed(self, batch: Iterable[tuple[Detector, Samples]]) -> Sequence[tuple[Detector, Decision]]:
        """Feed all; see the protocol."""
        cut = [(d, d.cut(samples)) for d, samples in batch if isinstance(d, EnergyDetector)]
        cut = [(d, windows) for d, windows in cut if len(windows)]
        if not cut:
            return []
        frames = analyse(np.concatenate([windows for _, windows in cut]))
        fallen: list[tuple[Detector, Decision]] = []
        at = 0
        for detector, windows in cut:
            decision = detector.hear(frames[at : at + len(windows)])
            at += len(windows)
            if decision is not None:
                fallen.append((detector, decision))
        return fallen
