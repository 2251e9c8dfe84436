"""The detector's ear: the debtor's channel as a growing WAV in a memory file system, written by the library itself."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pjsua2 as pj

from dialer.media.events import Events
from dialer.media.messages import TapAnswered, TapClosed, TapOpened


class Tap:
    """One call's tap: opened with the first audio, early or not, closed at the end; one file throughout."""

    def __init__(self, events: Events, folder: Path, attempt_id: UUID, campaign_id: UUID) -> None:
        self._events = events
        self._path = folder / f"{attempt_id}.wav"
        self._attempt_id, self._campaign_id = attempt_id, campaign_id
        self._recorder: Any = None
        self._opened: TapOpened | None = None
        self._answered: TapAnswered | None = None

    def listen(self, audio: Any, *, early: bool) -> None:
        """Write ``audio`` (a ``pj.AudioMedia``) down from now on. May be called again: media can be renegotiated."""
        if self._recorder is None:
            self._recorder = pj.AudioMediaRecorder()
            self._recorder.createRecorder(str(self._path), 0, 0, pj.PJMEDIA_FILE_WRITE_PCM)
            self._opened = TapOpened(
                attempt_id=self._attempt_id,
                campaign_id=self._campaign_id,
                path=str(self._path),
                at=self._events.clock.timestamp(),
                early=early,
            )
            self._events.tap(self._opened)
            if self._answered is not None:  # the answer came before there was audio
                self._events.tap(self._answered)
        audio.startTransmit(self._recorder)

    def answered(self) -> None:
        """The call was answered now."""
        self._answered = TapAnswered(attempt_id=self._attempt_id, at=self._events.clock.timestamp())
        if self._opened is not None:
            self._events.tap(self._answered)

    def repeat(self) -> None:
        """Tell of an open tap again, after the bus lost its memory."""
        if self._opened is not None:
            self._events.tap(self._opened)
            if self._answered is not None:
                self._events.tap(self._answered)

    def close(self) -> None:
        """No more audio; the file is removed."""
        if self._opened is None:
            return
        self._opened = None
        self._events.tap(TapClosed(attempt_id=self._attempt_id))
        self._path.unlink(missing_ok=True)

    def release(self) -> None:
        """Give the library's writer back. Outside of its callbacks only."""
        self._recorder = None


def prepare_folder(folder: Path) -> None:
    """Make the folder of taps, for us alone, and clear what a killed predecessor left in it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.glob("*.wav"):
        with suppress(FileNotFoundError):
            left.unlink()
