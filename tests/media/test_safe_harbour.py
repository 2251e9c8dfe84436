"""The safe-harbour message: who calls and where to call back, never why."""

import numpy as np
import pytest

from core.settings import Settings
from dialer.media.safe_harbour import safe_harbour_text, safe_harbour_wav, spoken_number
from dialer.media.voice import RATE, read_wav

pytestmark = pytest.mark.unit


def test_it_names_the_caller_and_the_number_and_nothing_else() -> None:
    text = safe_harbour_text("Dom Windykacji Przykład", "+48221234567")
    assert "Dom Windykacji Przykład" in text
    assert "2 2, 1 2 3, 4 5, 6 7" in text
    own_words = text.replace("Dom Windykacji Przykład", "").lower()
    assert not any(word in own_words for word in ("dług", "zadłuż", "płat", "wierzy", "windyk", "zaleg", "należn"))


@pytest.mark.parametrize(
    ("number", "spoken"), [("+48501234567", "5 0 1, 2 3 4, 5 6 7"), ("+48221230000", "2 2, 1 2 3, 0 0, 0 0")]
)
def test_numbers_are_read_in_the_groups_they_are_written_in(number: str, spoken: str) -> None:
    assert spoken_number(number) == spoken


def test_the_file_is_made_once_a_brand(settings: Settings) -> None:
    first = safe_harbour_wav(settings, "Alfa", "+48221234567")
    made = first.stat().st_mtime_ns
    assert safe_harbour_wav(settings, "Alfa", "+48221234567") == first
    assert first.stat().st_mtime_ns == made
    assert safe_harbour_wav(settings, "Beta", "+48221234567") != first
    rate, samples = read_wav(first)
    assert rate == RATE
    assert 8 <= len(samples) / rate <= 25
    assert np.sqrt(np.mean(samples**2)) > 0.05
