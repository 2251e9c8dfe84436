"""What the simulated far ends sound like: spoken Polish and the tones of a network, as WAV files in a cache.

Set-up makes them, else the first use does; they are kept per user, in a folder that changes with what is in them.
Tones: ringing 425 Hz, 1 s in 5 (ITU-T E.180 suppl. 2, Poland), special information tones (E.180), CED (T.30).
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from dialer.media import voice
from dialer.media.voice import Sound, Voice, join, say, silence, tone, write_wav

VOICES: Final[Mapping[str, Voice]] = {
    "a": Voice("pl", pitch=45, speed=165),
    "b": Voice("pl+f2", pitch=55, speed=170),
    "c": Voice("pl+m3", pitch=35, speed=150),
    "d": Voice("pl+f4", pitch=60, speed=185),
}
_NETWORK: Final = Voice("pl+f3", speed=150)

# Word, and seconds from picking up to it.
_HELLO: Final = {"a": ("Halo?", 0.05), "b": ("Słucham?", 0.02), "c": ("Halo?", 0.03), "d": ("Halo?", 0.06)}
_TALK: Final = (
    "Tak, to ja.",
    "A o co chodzi?",
    "Proszę chwilę poczekać, muszę znaleźć dokumenty.",
    "Dobrze, zapłacę w przyszłym tygodniu.",
    "Rozumiem.",
)
_GREETING: Final = {
    "a": "Dzień dobry, tu automatyczna sekretarka. Nie mogę teraz odebrać telefonu. "
    "Proszę zostawić wiadomość po sygnale, oddzwonię.",
    "b": "Jesteś połączony z pocztą głosową na której możesz zostawić wiadomość. "
    "Mów po usłyszeniu sygnału, a właściciel oddzwoni.",
    "c": "Niestety nie mogę teraz rozmawiać ani odebrać telefonu bo jestem zajęty. Nagraj się, proszę, po sygnale.",
    "d": "Witamy w poczcie głosowej. Osoba o wybranym numerze jest teraz niedostępna. "
    "Po sygnale można zostawić wiadomość.",
}
_UNAVAILABLE: Final = "Abonent jest chwilowo niedostępny. Prosimy spróbować później."
_UNKNOWN: Final = "Nie ma takiego numeru. Prosimy sprawdzić numer i spróbować ponownie."
_AGENT: Final = (
    "Dzień dobry, dzwonię w sprawie Państwa umowy.",
    "Czy rozmawiam z właściwą osobą?",
    "Kiedy możemy spodziewać się wpłaty?",
    "Dziękuję, zapisuję.",
)


def person(name: str) -> Sound:
    """A person after picking up: a moment, "halo?", a wait for us, then talk with pauses."""
    speaker = VOICES[name]
    word, after = _HELLO[name]
    parts = [silence(after), say(word, speaker), silence(1.6)]
    for phrase in _TALK:
        parts += [say(phrase, speaker), silence(1.2)]
    return join(*parts)


def greeting(name: str) -> Sound:
    """A mailbox's greeting, 6 to 8 s without a pause to speak of."""
    return join(silence(0.05), say(_GREETING[name], VOICES[name]))


def mailbox(name: str) -> Sound:
    """Greeting and beep (1 kHz, 0.3 s), then the silence in which a message is recorded."""
    return join(greeting(name), silence(0.5), tone(0.3, 1000, level=0.15), silence(14.0))


def unavailable() -> Sound:
    """The network says the subscriber can't be reached, twice."""
    announcement = join(say(_UNAVAILABLE, _NETWORK), silence(0.8))
    return join(silence(0.3), announcement, announcement)


def unknown_number() -> Sound:
    """Special information tones, then the announcement."""
    return join(
        silence(0.2), special_information(), silence(0.3), say(_UNKNOWN, Voice("pl+f3", speed=150)), silence(1.0)
    )


def special_information() -> Sound:
    """950, 1400 and 1800 Hz, 330 ms each (ITU-T E.180)."""
    return join(*(tone(0.33, frequency) for frequency in (950, 1400, 1800)))


def ringback() -> Sound:
    """One cycle of the Polish ringing tone."""
    return join(tone(1.0, 425), silence(4.0))


def fax() -> Sound:
    """The called terminal's tone (T.30): 2100 Hz for 3 s, then silence."""
    return join(silence(0.4), tone(3.0, 2100), silence(3.0))


def music() -> Sound:
    """A ring-back tune: notes of three voices with overtones, without a gap."""
    bars = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
    notes = []
    for chord in bars:
        base = tone(1.6, *chord, level=0.06)
        for step in range(8):
            note = chord[(step * 2) % 3] * (2 if step % 2 else 1)
            strike = tone(0.2, note, note * 2, note * 3, level=0.07)
            start = round(step * 0.2 * voice.RATE)
            base[start : start + len(strike)] += strike * np.exp(-np.arange(len(strike)) / (0.12 * voice.RATE))
        notes.append(base)
    return join(*notes)


def agent(name: str) -> Sound:
    """An agent's side of a conversation."""
    speaker = VOICES[name]
    parts = []
    for phrase in _AGENT:
        parts += [say(phrase, speaker), silence(1.5)]
    return join(*parts)


CLIPS: Final[Mapping[str, Callable[[], Sound]]] = {
    **{f"person-{name}": partial(person, name) for name in VOICES},
    **{f"greeting-{name}": partial(greeting, name) for name in VOICES},
    **{f"mailbox-{name}": partial(mailbox, name) for name in VOICES},
    **{f"agent-{name}": partial(agent, name) for name in VOICES},
    "unavailable": unavailable,
    "unknown-number": unknown_number,
    "ringback": ringback,
    "fax": fax,
    "music": music,
}
_ONCE: Final = frozenset(name for name in CLIPS if name.startswith(("mailbox-", "greeting-"))) | {"unknown-number"}


def clips() -> dict[str, Path]:
    """Every clip's file, made if missing. Several processes may ask at once: one makes, the others wait.

    Raises:
        VoiceError: espeak-ng is missing.
    """
    folder = _cache() / _digest()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        files = {name: folder / f"{name}.wav" for name in CLIPS}
        for name, file in files.items():
            if not file.exists():
                write_wav(file, CLIPS[name]())
    return files


def looped(name: str) -> bool:
    """Whether a clip begins again at its end, as talk and ringing do and a greeting does not."""
    return name not in _ONCE


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "callfloor" / "speech"


def _digest() -> str:
    """Changes with this file and with how sounds are made: an old cache is never taken for a new one."""
    sources = "".join(inspect.getsource(module) for module in (voice, inspect.getmodule(_digest)) if module)
    return hashlib.blake2b(sources.encode(), digest_size=8).hexdigest()


if __name__ == "__main__":
    clips()
