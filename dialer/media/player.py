"""Playing a WAV to a leg, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from dialer.media.loop import Loop, guarded


class Player(pj.AudioMediaPlayer):  # type: ignore[misc]  # pjsua2 has no types
    """A message that plays from its beginning to its end; ``done`` is called after it, on the main loop."""

    def __init__(self, loop: Loop, path: str, done: Callable[[], None]) -> None:
        """Raises pj.Error if the file can't be read."""
        super().__init__()
        self._loop, self._done = loop, done
        self._ended = False
        self.createPlayer(path, pj.PJMEDIA_FILE_NO_LOOP)

    def start(self, audio: Any) -> None:
        """Play to ``audio``; again after its media was renegotiated."""
        self.startTransmit(audio)

    @guarded
    def onEof2(self) -> None:  # noqa: N802 - the library's name
        if not self._ended:
            self._ended = True
            self._loop.later(self._done)
