"""One tap: a WAV that another process is still writing, read as it grows."""

from __future__ import annotations

import os
from uuid import UUID

import numpy as np

from dialer.detection.features import Samples
from dialer.detection.interface import Detector
from dialer.detection.parameters import RATE
from dialer.media.messages import TapOpened

HEADER = 44  # bytes: RIFF, fmt and data headers as PJSIP writes them; the sizes in them are wrong while it writes
CHUNK = 64 * RATE  # bytes read at most per call: 4 s of audio, so that nobody waits for one who catches up
USUAL = 4096  # bytes there are at most as long as we keep up; a buffer for a whole chunk costs more than to fill it


class TappedCall:
    """A call's audio, and what listens to it. Only the samples read last are ever held."""

    def __init__(self, opened: TapOpened) -> None:
        self.attempt_id: UUID = opened.attempt_id
        self.campaign_id: UUID = opened.campaign_id
        self.early = opened.early
        self.detector: Detector | None = None  # None: another process listens
        self.mine = False
        self._path = opened.path
        self._began = opened.at
        self._answered_at: float | None = None
        self._fd: int | None = None
        self._read = 0  # samples

    def listen(self, detector: Detector) -> None:
        """Begin with the first sample; what was answered meanwhile is told to the detector."""
        self.detector = detector
        self._read = 0
        if self._answered_at is not None:
            self.answered(self._answered_at)

    def answered(self, at: float) -> None:
        """The 200 came at this instant (Unix s)."""
        self._answered_at = at
        if self.detector is not None and self.early:
            self._open()
            # The recording starts a little late and never runs ahead: what is not written yet is after the answer.
            expected = round(max(0.0, at - self._began) * RATE)
            self.detector.answered(min(expected, self._written()))

    def pending(self) -> Samples | None:
        """The samples written since the last call; None if there are none."""
        if self._fd is None and not self._open():
            return None
        assert self._fd is not None
        at = HEADER + 2 * self._read
        data = os.pread(self._fd, USUAL, at)
        if len(data) == USUAL:
            data = os.pread(self._fd, CHUNK, at)
        count = len(data) // 2
        if not count:
            return None
        self._read += count
        return np.frombuffer(data, dtype="<i2", count=count).astype(np.int16, copy=False)

    def gone(self) -> bool:
        """The file has been unlinked, or was never there."""
        if self._fd is None:
            return not os.path.lexists(self._path)
        return os.fstat(self._fd).st_nlink == 0

    def deaf(self) -> None:
        """Listen no more."""
        self.detector = None
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> bool:
        if self._fd is None:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except OSError:  # unlinked already, or not made yet: asked again at the next tick
                return False
        return True

    def _written(self) -> int:
        return max(0, os.fstat(self._fd).st_size - HEADER) // 2 if self._fd is not None else 0
