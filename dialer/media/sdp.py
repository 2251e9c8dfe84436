"""Which of our G.711 codecs a session description names, and in which order (RFC 3264, RFC 3551)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

PAYLOAD_TYPES: Final = {"PCMA": "8", "PCMU": "0"}  # static ones, RFC 3551 table 4
CODECS: Final = tuple(PAYLOAD_TYPES)  # all that are spoken, the preferred first
_AUDIO: Final = re.compile(r"^(m=audio \d+ \S+) (.*?)(\r?)$", re.MULTILINE)


def with_codecs(sdp: str, codecs: Sequence[str]) -> str:
    """The description with only ``codecs`` (names of :data:`PAYLOAD_TYPES`), the preferred first.

    What else the audio line holds, such as telephone events, stays behind them. A description that has none of the
    codecs is left as it is.
    """
    line = _AUDIO.search(sdp)
    if line is None:
        return sdp
    given = line[2].split()
    wanted = [PAYLOAD_TYPES[name] for name in codecs if PAYLOAD_TYPES[name] in given]
    if not wanted:
        return sdp
    unwanted = set(PAYLOAD_TYPES.values()) - set(wanted)
    others = [kind for kind in given if kind not in PAYLOAD_TYPES.values()]
    kept = f"{line[1]} {' '.join([*wanted, *others])}{line[3]}"
    sdp = sdp[: line.start()] + kept + sdp[line.end() :]
    dropped = "|".join(sorted(unwanted & set(given)))
    return re.sub(rf"^a=(?:rtpmap|fmtp):(?:{dropped}) .*\n", "", sdp, flags=re.MULTILINE) if dropped else sdp
