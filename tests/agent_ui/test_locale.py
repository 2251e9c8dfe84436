"""Both languages are whole, and numbers look as people write them."""

from __future__ import annotations

import re

import pytest

from agent_ui.i18n import Speech, best_language, duration, translations
from agent_ui.words import OUTCOMES
from dialer.campaigns.recycling import DEFAULTS
from tests.agent_ui.messages import every, of_errors

pytestmark = pytest.mark.unit


def test_every_sentence_has_its_polish() -> None:
    known = translations("pl")._catalog  # type: ignore[attr-defined]
    single = [m for m in every() if isinstance(m, str)]
    plural = [m for m in every() if isinstance(m, tuple)]
    assert [m for m in single if m not in known] == []
    assert [m for m, _ in plural if any((m, form) not in known for form in range(3))] == []


def test_every_outcome_has_words() -> None:
    assert [outcome for outcome in DEFAULTS if outcome not in OUTCOMES] == []


@pytest.mark.parametrize(
    ("count", "expected"), [(1, "1 wiersz"), (2, "2 wiersze"), (5, "5 wierszy"), (12, "12 wierszy"), (23, "23 wiersze")]
)
def test_polish_has_three_plural_forms(count: int, expected: str) -> None:
    assert Speech("pl").plural("%(n)s row", "%(n)s rows", count) == expected


def test_money_as_it_is_written() -> None:
    assert Speech("pl").money(123_456).replace("\N{NO-BREAK SPACE}", " ") == "1 234,56 zł"
    assert Speech("pl").money(1_234_567_89).replace("\N{NO-BREAK SPACE}", " ") == "1 234 567,89 zł"
    assert Speech("en").money(123_456).replace("\N{NO-BREAK SPACE}", " ") == "1,234.56 PLN"


def test_the_browsers_wish_is_heard() -> None:
    assert best_language("de-DE,en;q=0.7,pl;q=0.3") == "en"
    assert best_language("fr") == "pl"
    assert best_language("") == "pl"


def test_durations() -> None:
    assert [duration(s) for s in (0, 61.9, 3600, -5)] == ["0:00", "1:01", "1:00:00", "0:00"]


@pytest.mark.parametrize(
    ("english", "polish"),
    [
        ("The file is empty.", "Plik jest pusty."),
        (
            "From line 17 on the file can't be read: a quotation mark is opened and never closed.",
            "Od wiersza 17 pliku nie da się odczytać: cudzysłów otwarto, a nie zamknięto.",
        ),
        (
            "No column for name, amount among «Nr», «amount»; name it by a mapping.",
            "Brak kolumny dla: Nazwa, Kwota wśród «Nr», «amount»; wskaż ją ręcznie.",
        ),
        ("There is a campaign «amount 5» already.", "Jest już kampania «amount 5»."),
        ("ratio must be from 0.1 to 10.", "Połączeń na gotowego agenta: dozwolone od 0.1 do 10."),
        ("Something new: 7.", "Something new: 7."),
    ],
)
def test_errors_with_values_are_told_in_polish(english: str, polish: str) -> None:
    assert Speech("pl").error(english) == polish
    assert Speech("en").error(english) == english


def test_no_polish_error_is_left_in_english() -> None:
    """Each message with values in it is found again once they are filled in."""
    speech = Speech("pl")
    made = [re.sub(r"%\((\w)\)s", r"\1\1\1", m) for m in of_errors() if "%(" in m]
    assert made
    assert [text for text in made if speech.error(text) == text] == []
