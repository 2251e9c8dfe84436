"""Names as search compares them."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Letters that do not fall apart into a base letter and a mark.
_WHOLE: Final = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"})


def name_key(name: str) -> str:
    """``name`` in lower case, without diacritics, one space between words: «ŁUCJA Żak-Nowa» is ``lucja zak nowa``."""
    key = name.lower()
    if not key.isascii():
        apart = unicodedata.normalize("NFKD", key.translate(_WHOLE))
        key = "".join(c for c in apart if not unicodedata.combining(c))
    return " ".join(re.findall(r"[^\W_]+", key))
