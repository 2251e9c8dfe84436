"""Who speaks in one call, since when, and how long they have been silent: the running measures decisions rest on."""

from __future__ import annotations

from dialer.detection.features import Frame
from dialer.detection.parameters import FRAME_MS, Parameters
from dialer.detection.tones import LOST_DBFS, ToneTracker

_START_FLOOR = -50.0  # dBFS: highest noise floor believed at the first frame, which may be speech already
_MIN_FLOOR = -66.0  # dBFS: digital silence would make everything else look loud
_LOST_FRAMES = 4  # so many without a packet are loss; more are digital silence
_FADE = 0.99  # per frame: 2 s
_ENOUGH = 20  # loud frames before music can be told from speech
_PEAK_FADE_DB = 0.06  # per frame: 3 dB/s
_DIP_DB = 15.0
_HELD_HZ = 6.0
_VOICED = 3  # voiced frames a word has at least


class Speech:
    """Follows one call frame by frame. All ``_ms`` are of audio."""

    def __init__(self, parameters: Parameters) -> None:
        self.p = parameters
        self._floor: float | None = None
        self._peak = -100.0
        self._run = 0  # sounding frames since the sound began (bridging short gaps), tones left out
        self._span = 0
        self._gap = 0
        self._voiced = 0
        self._voiced_total = 0
        self._quiet = 0
        self._unvoiced = 0
        self._lost = 0
        self._in_tone = False
        self._music = MusicMeter(parameters)

    # ---- what decisions ask ----

    @property
    def word(self) -> bool:
        """At least a word has been spoken: long enough, and voiced."""
        return self.span_ms >= self.p.shortest_word_ms and self._voiced >= _VOICED

    @property
    def span_ms(self) -> int:
        """From the beginning of the present utterance to its last sound."""
        return self._span * FRAME_MS

    @property
    def pause_ms(self) -> int:
        """Silence since the last sound of the utterance."""
        return self._gap * FRAME_MS

    @property
    def pause_needed_ms(self) -> int:
        """Silence that ends an utterance of this length."""
        return self.p.short_pause_ms if self.span_ms <= self.p.short_opening_ms else self.p.long_pause_ms

    @property
    def voiced_total_ms(self) -> int:
        """All voiced speech since the beginning, :meth:`forget` or the last music."""
        return self._voiced_total * FRAME_MS

    @property
    def quiet_ms(self) -> int:
        """Time without any speech, tones counting as none."""
        return self._quiet * FRAME_MS

    @property
    def music(self) -> bool:
        """What sounds is more like music than like speech."""
        return self._music.music

    # ---- what is fed ----

    def loud(self, frame: Frame) -> bool:
        """Whether the frame is above noise and reverberation; moves the noise floor."""
        level = frame.level_dbfs
        floor = min(max(level, _MIN_FLOOR), _START_FLOOR) if self._floor is None else self._floor
        rise = self.p.floor_rise_db_s * FRAME_MS / 1000 * (0.15 if frame.voicing >= self.p.voicing else 1.0)
        self._lost = self._lost + 1 if level < LOST_DBFS else 0
        if not 0 < self._lost <= _LOST_FRAMES:  # a lost packet says nothing about the noise, digital silence does
            self._floor = max(_MIN_FLOOR, min(level, floor + rise))
        threshold = max(self.p.quiet_dbfs, floor + self.p.above_floor_db, self._peak - self.p.below_speech_db)
        return level > threshold

    def step(self, frame: Frame, loud: bool, tones: ToneTracker) -> None:
        """Take the next frame."""
        tone = tones.current
        if tone is None:
            self._music.step(frame, loud)
        if tone is not None and not self._in_tone:
            self._retract(tone.ms // FRAME_MS)
        self._in_tone = tone is not None
        voiced = loud and frame.voicing >= self.p.voicing
        self._unvoiced = 0 if voiced else self._unvoiced + 1
        if not loud or tone is not None or self._unvoiced * FRAME_MS > self.p.longest_unvoiced_ms:
            self._gap += 1
            self._quiet += 1
            if self._span and self._gap * FRAME_MS > self.p.long_pause_ms and not self.word:
                self._end()
            return
        if not self._span and not voiced:
            return
        self._span += self._gap + 1 if self._span else 1
        self._gap = 0
        if self.music:
            self._voiced_total = 0
        if voiced:
            self._peak = max(self._peak, frame.level_dbfs)
            self._voiced += not tones.steady
            self._voiced_total += 1
        if self._voiced >= 2:
            self._quiet = 0

    def forget(self) -> None:
        """What was said before does not count any more."""
        self._voiced_total = self._quiet = 0
        self._end()

    def _retract(self, frames: int) -> None:
        """The last frames were the beginning of a tone, not speech."""
        self._voiced_total = max(0, self._voiced_total - frames)
        if self._span and self._span <= frames and self._voiced < _VOICED + 1:
            self._end()

    def _end(self) -> None:
        self._span = self._gap = self._voiced = 0
        self._peak = -100.0


class MusicMeter:
    """Music holds its notes and fills the time; speech glides, and falls silent between syllables.

    All counts fade with a time constant of 2 s.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.p = parameters
        self._held = 0.0  # loud frames with a line that stood where one stood before
        self._loud = 0.0
        self._dips = 0.0  # frames well below the recent peak
        self._all = 0.0
        self._peak = -100.0
        self._last_hz = (0.0, 0.0)
        self.music = False  # more held notes than dips, by a margin that speech hardly reaches

    def step(self, frame: Frame, loud: bool) -> None:
        """Take the next frame."""
        if frame.level_dbfs < LOST_DBFS:
            return
        self._held, self._loud, self._dips, self._all = (
            count * _FADE for count in (self._held, self._loud, self._dips, self._all)
        )
        self._peak = max(self._peak - _PEAK_FADE_DB, frame.level_dbfs)
        self._all += 1
        self._dips += frame.level_dbfs < self._peak - _DIP_DB
        lines = (frame.hz, frame.second_hz)
        if loud:
            self._loud += 1
            self._held += any(abs(now - before) < _HELD_HZ for now in lines for before in self._last_hz)
        self._last_hz = lines
        if self._loud >= _ENOUGH:
            self.music = self._held / self._loud - self._dips / self._all > self.p.music_margin
