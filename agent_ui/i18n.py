"""Polish and English: gettext catalogues, plural forms, and how numbers, money and instants are written.

English is the language of the source; ``locale/<language>/LC_MESSAGES/messages.po`` holds the rest and is read at
start-up, so no compiled file needs to be kept in step with it.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

from agent_ui.words import FIELDS

LANGUAGES: Final = {"pl": "Polski", "en": "English"}
SOURCE: Final = "en"
DEFAULT: Final = "pl"
QUOTED: Final = re.compile(r"«%\((\w+)\)s»")  # what people wrote themselves: kept as it is
VALUE: Final = re.compile(r"%\((\w+)\)s")
_BABEL: Final = {"pl": "pl", "en": "en_GB"}
_LOCALE = Path(__file__).parent / "locale"


@lru_cache
def translations(language: str) -> NullTranslations:
    """The catalogue of ``language``; the source language has none."""
    path = _LOCALE / language / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return NullTranslations()
    with path.open("rb") as text:
        catalogue = read_po(text, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


@lru_cache
def _made_from(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Messages with values in them, as patterns of what they become, the most telling first; and their translation."""
    with (_LOCALE / language / "LC_MESSAGES" / "messages.po").open("rb") as text:
        messages = [m for m in read_po(text, locale=language) if isinstance(m.id, str) and VALUE.search(m.id)]
    messages.sort(key=lambda m: -len(VALUE.sub("", str(m.id))))
    return [(_pattern(str(m.id)), str(m.string)) for m in messages]


def _pattern(message: str) -> re.Pattern[str]:
    parts = VALUE.split(message)  # text, name, text, name ... text
    return re.compile("".join(f"(?P<{p}>.+?)" if n % 2 else re.escape(p) for n, p in enumerate(parts)), re.DOTALL)


def best_language(accepted: str) -> str:
    """The first of our languages in an ``Accept-Language`` header (RFC 9110, section 12.5.4), by its weights."""
    weighted: list[tuple[float, str]] = []
    for part in accepted.split(","):
        tag, _, parameters = part.strip().partition(";")
        _, _, weight = parameters.partition("q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        weighted.append((-quality, tag.split("-")[0].lower()))
    return next((tag for _, tag in sorted(weighted, key=lambda pair: pair[0]) if tag in LANGUAGES), DEFAULT)


class Speech:
    """How one page speaks: a language and the time zone its instants are written in."""

    def __init__(self, language: str, zone: str = "Europe/Warsaw") -> None:
        self.language = language if language in LANGUAGES else DEFAULT
        self.zone = ZoneInfo(zone)
        self._catalogue = translations(self.language)
        self._babel = _BABEL[self.language]

    def text(self, message: str, **values: object) -> str:
        """``message`` translated, its ``%(name)s`` filled in."""
        found = self._catalogue.ugettext(message) if message else ""
        return found % values if values else found

    def error(self, text: str) -> str:
        """A whole error text translated, the values in it kept: found by the message it was made from."""
        known = self._catalogue.ugettext(text) if text else ""
        if known != text or self.language == SOURCE:
            return known
        for pattern, message in _made_from(self.language):
            if found := pattern.fullmatch(text):
                own = set(QUOTED.findall(message))
                return message % {n: v if n in own else self._words(v) for n, v in found.groupdict().items()}
        return text

    def _words(self, value: str) -> str:
        """The codes of fields in a value, in words."""
        return re.sub(r"«[^»]*»|[a-z_]+", lambda m: self.text(FIELDS.get(m[0], "")) or m[0], value)

    def plural(self, one: str, many: str, count: int, **values: object) -> str:
        """The form of the message that ``count`` asks for; Polish has three."""
        return self._catalogue.ungettext(one, many, count) % {"n": self.number(count), **values}

    def number(self, value: float, digits: int | None = None) -> str:
        """A number with separators; ``digits`` after the decimal mark, default: as they are."""
        pattern = None if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
        return format_decimal(value, format=pattern, locale=self._babel)

    def money(self, minor: int, currency: str = "PLN") -> str:
        """Minor units as people write them: ``1 234,56 zł``; no-break spaces keep it on one line."""
        amount = self.number(minor / 100, 2)  # for the eye only: reckoning stays in whole minor units
        unit = "zł" if currency == "PLN" and self.language == "pl" else currency
        return f"{amount}\N{NO-BREAK SPACE}{unit}"

    def percent(self, value: float, digits: int = 1) -> str:
        """``value`` per hundred."""
        return f"{self.number(value, digits)}\N{NO-BREAK SPACE}%"

    def day(self, value: date | datetime) -> str:
        """A date."""
        local = value.astimezone(self.zone).date() if isinstance(value, datetime) else value
        return format_date(local, "d MMM y", locale=self._babel)

    def instant(self, value: datetime, zone: str | None = None) -> str:
        """Day and time of day in the page's zone, or in ``zone``."""
        local = value.astimezone(ZoneInfo(zone) if zone else self.zone)
        return format_datetime(local, "EEE d MMM, HH:mm", tzinfo=local.tzinfo, locale=self._babel)

    def clock(self, value: datetime) -> str:
        """Time of day."""
        return format_time(value.astimezone(self.zone), "HH:mm", tzinfo=self.zone, locale=self._babel)


def duration(seconds: float) -> str:
    """``m:ss``, or ``h:mm:ss`` from an hour on."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
