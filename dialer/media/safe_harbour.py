"""The safe-harbour message: what a live person hears when no agent is free in time.

It names the caller and a number to call back, and never the debt (16 CFR 310.4(b)(4)(iii); whoever listens may be
a third party).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import phonenumbers

from core.settings import Settings
from dialer.media.voice import Voice, join, say, silence, write_wav

_VOICE = Voice(name="pl+f2", speed=145)


def safe_harbour_text(brand_name: str, callback_number: str) -> str:
    """The words of the message; the number is spoken in the groups it is written in."""
    return (
        f"Dzień dobry, dzwoni {brand_name}. Przepraszamy, w tej chwili nie możemy połączyć rozmowy z konsultantem. "
        f"Prosimy o telefon pod numer: {spoken_number(callback_number)}. Dziękujemy."
    )


def spoken_number(number: str) -> str:
    """An E.164 number as a voice should read it: digit by digit, with a pause after each group."""
    parsed = phonenumbers.parse(number, None)
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    return ", ".join(" ".join(group) for group in written.replace("-", " ").split())


def safe_harbour_wav(settings: Settings, brand_name: str, callback_number: str) -> Path:
    """The message of a brand as a WAV (8 kHz, 16 bit, mono), made when first asked for.

    Args:
        callback_number: E.164; it must reach the brand.

    Raises:
        VoiceError: espeak-ng is missing; the operator may put a recording of their own at the returned path instead.
    """
    text = safe_harbour_text(brand_name, callback_number)
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    file = settings.data_dir.absolute() / "messages" / f"safe-harbour-{digest}.wav"
    if not file.exists():
        write_wav(file, join(silence(0.2), say(text, _VOICE), silence(0.5)))
    return file
