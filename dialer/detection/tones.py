"""Steady tones in one call's frames: ringback, busy, SIT, fax, beeps. A voice's lines move; a tone's stand still."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dialer.detection.features import Frame
from dialer.detection.parameters import CED_HZ, CNG_HZ, FRAME_MS, SIT_HZ, KnownTones, Parameters

_BRIDGED = 3  # frames a lost packet may take out of a tone
LOST_DBFS = -90.0  # below: no packet came (a codec never decodes to so little)


class ToneKind(StrEnum):
    """What a steady tone may be by its frequency."""

    NETWORK = "network"
    SIT = "sit"
    CED = "ced"
    CNG = "cng"
    V21 = "v21"
    OTHER = "other"


@dataclass(slots=True)
class Tone:
    """A tone that sounds or has sounded: ``ms`` so far, ``began``: frame of its beginning."""

    hz: float
    began: int
    ms: int = FRAME_MS


class ToneTracker:
    """Follows one call frame by frame."""

    def __init__(self, parameters: Parameters) -> None:
        self.p = parameters
        self._known = KnownTones.of(parameters)
        self._tone: Tone | None = None
        self._missing = 0
        self._frame = -1
        self._v21_ms = 0
        self._sit_step = 0
        self._sit_at = 0
        self._cycle: list[tuple[int, int]] = []  # (on, off) of the network tones heard last, ms
        self._off_since = 0
        self.sit = False  # a whole special information tone was heard

    @property
    def current(self) -> Tone | None:
        """The tone that sounds now, once it has lasted long enough to be one."""
        tone = self._tone
        return tone if tone is not None and tone.ms >= self.p.tone_hold_ms else None

    @property
    def steady(self) -> bool:
        """A line has stood still for a frame or more: a tone may be beginning."""
        return self._tone is not None and self._tone.ms > FRAME_MS

    @property
    def fax(self) -> str | None:
        """Name of the fax signal that has lasted long enough, if one sounds now."""
        if self._v21_ms >= self.p.fax_ms:
            return ToneKind.V21
        tone = self.current
        if tone is not None and tone.ms >= self.p.fax_ms and self.kind(tone.hz) in (ToneKind.CED, ToneKind.CNG):
            return self.kind(tone.hz)
        return None

    @property
    def busy(self) -> bool:
        """The last network tones were short and equal, as busy and congestion are (E.180: on and off within 0.75 s)."""
        last = self._cycle[-self.p.busy_cycles :]
        if len(last) < self.p.busy_cycles:
            return False
        return all(140 <= on <= 760 and 140 <= off <= 760 for on, off in last) and all(
            max(part) - min(part) <= 80 for part in zip(*last, strict=True)
        )

    def kind(self, hz: float) -> ToneKind:
        """What a tone of this frequency may be."""
        if abs(hz - CED_HZ) <= self.p.tone_match_hz:
            return ToneKind.CED
        if abs(hz - CNG_HZ) <= 2 * self.p.tone_match_hz:  # T.30 allows CNG 38 Hz
            return ToneKind.CNG
        if self._known.network(hz, self.p.tone_match_hz):
            return ToneKind.NETWORK
        if any(abs(hz - line) <= 2 * self.p.tone_match_hz for line in SIT_HZ):  # E.180 allows 50 Hz
            return ToneKind.SIT
        return ToneKind.OTHER

    def step(self, frame: Frame, loud: bool) -> Tone | None:
        """Take the next frame; ``loud``: it is above the noise. Answers with the tone that just ended."""
        self._frame += 1
        lined = loud and (frame.share >= self.p.tone_share or frame.pair_share >= 0.5 + self.p.tone_share / 2)
        self._v21_ms = self._v21_ms + FRAME_MS if loud and frame.v21_share > 0.85 and not self.current else 0
        tone, ended = self._tone, None
        if tone is not None and lined and self._same(tone, frame):
            tone.ms = (self._frame - tone.began + 1) * FRAME_MS
            if abs(frame.hz - tone.hz) <= self.p.tone_hold_hz:
                tone.hz += (frame.hz - tone.hz) * 0.2
            self._missing = 0
            return None
        if tone is not None and frame.level_dbfs < LOST_DBFS and self._missing < _BRIDGED and tone.ms >= FRAME_MS * 2:
            self._missing += 1
            return None
        if tone is not None and tone.ms >= self.p.tone_hold_ms:
            ended = tone
            self._note(tone)
        self._tone = Tone(frame.hz, self._frame) if lined else None
        self._missing = 0
        return ended

    def _same(self, tone: Tone, frame: Frame) -> bool:
        if abs(frame.hz - tone.hz) <= self.p.tone_hold_hz:
            return True
        if frame.pair_share < 0.95:
            return False
        if abs(frame.second_hz - tone.hz) <= self.p.tone_hold_hz:  # two lines of equal strength take turns
            return True
        # A close pair (400 + 450 Hz) beats within one lobe: its strongest line wanders between the two.
        wander = abs(frame.hz - tone.hz) <= 60 and frame.share >= 0.95
        return wander and all(self._known.network(hz, 1.5 * self.p.tone_match_hz) for hz in (frame.hz, tone.hz))

    def _note(self, tone: Tone) -> None:
        kind = self.kind(tone.hz)
        end = tone.began + tone.ms // FRAME_MS
        if kind is ToneKind.NETWORK:
            self._cycle = [*self._cycle[-4:], (tone.ms, (tone.began - self._off_since) * FRAME_MS)]
            self._off_since = end
        step = next((i for i, hz in enumerate(SIT_HZ) if abs(tone.hz - hz) <= 2 * self.p.tone_match_hz), None)
        if step is None or not 140 <= tone.ms <= 500 or (tone.began - self._sit_at) * FRAME_MS > 400:
            self._sit_step = 0
        if step is not None and step == self._sit_step and 140 <= tone.ms <= 500:
            self._sit_step += 1
            self.sit = self.sit or self._sit_step == len(SIT_HZ)
        self._sit_at = end
