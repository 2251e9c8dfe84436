"""Reading and writing SIP messages as text (RFC 3261): the few headers that tell how a call went or how to end it.

PJSIP speaks the protocol; this only looks at what it shows us, and writes the BYE and CANCEL that a restarted process
owes to the dialogs of its predecessor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

# Compact forms (RFC 3261 7.3.3) of the headers that are looked at here.
_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "c": "content-type",
    "l": "content-length",
}
_SIGNALS = ("reason", "history-info", "diversion")
_LONGEST_SIGNAL = 2000  # characters kept of one header


@dataclass(frozen=True)
class SipMessage:
    """One message: its first line, its headers in order (lower-case names), its body."""

    first_line: str
    headers: tuple[tuple[str, str], ...]
    body: str = field(default="", repr=False)

    @cached_property
    def status(self) -> int | None:
        """Status code of a response, None for a request."""
        found = re.match(r"SIP/2\.0 +(\d{3})", self.first_line, re.IGNORECASE)
        return int(found[1]) if found else None

    @property
    def method(self) -> str:
        """Method of a request; of a response, the method it answers."""
        if self.status is None:
            return self.first_line.split(" ", 1)[0].upper()
        return self.value("cseq").rsplit(" ", 1)[-1].upper()

    @property
    def has_sdp(self) -> bool:
        """Whether it carries a session description."""
        return bool(self.body.strip()) and "sdp" in self.value("content-type").lower()

    def values(self, name: str) -> list[str]:
        """All values of a header, in order; comma-separated ones stay together."""
        return [value for key, value in self.headers if key == name]

    def value(self, name: str) -> str:
        """The first value of a header, empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")


def parse(text: str) -> SipMessage:
    """The message in ``text``. Never raises: what is malformed is left out."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    first, *rest = head.lstrip("\n").split("\n")
    headers: list[tuple[str, str]] = []
    for line in rest:
        if line[:1] in (" ", "\t") and headers:  # folded
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon:
            name = name.strip().lower()
            headers.append((_COMPACT.get(name, name), value.strip()))
    return SipMessage(first, tuple(headers), body)


@dataclass(frozen=True)
class Cause:
    """What the Reason headers of a message say (RFC 3326): Q.850 cause, and a short text."""

    q850: int | None = None
    text: str | None = None


def cause_of(message: SipMessage) -> Cause:
    """Read every Reason of a message; a Q.850 cause goes before any other protocol's."""
    q850, text = None, None
    for value in split_list(", ".join(message.values("reason"))):
        protocol, *parameters = [part.strip() for part in value.split(";")]
        given = dict(part.partition("=")[::2] for part in parameters)
        number = given.get("cause", "").strip()
        words = given.get("text", "").strip().strip('"')
        if protocol.upper() == "Q.850" and number.isdigit() and q850 is None:
            q850, text = int(number), words or text
        elif text is None:
            text = words or f"{protocol} {number}".strip()
    return Cause(q850, text[:200] if text else None)


def signals_of(message: SipMessage) -> dict[str, str]:
    """Reason, History-Info (RFC 7044) and Diversion (RFC 5806) as they came, by lower-case header name."""
    return {name: ", ".join(values)[:_LONGEST_SIGNAL] for name in _SIGNALS if (values := message.values(name))}


def retry_after(message: SipMessage) -> int | None:
    """Seconds in Retry-After, None if there is none."""
    found = re.match(r"\d{1,6}", message.value("retry-after"))
    return int(found[0]) if found else None


def tag_of(address: str) -> str:
    """The tag of a From or To value, empty if there is none."""
    found = re.search(r";\s*tag=([^;\s>]+)", address)
    return found[1] if found else ""


def uri_of(address: str) -> str:
    """The URI in a name-addr or addr-spec."""
    found = re.search(r"<([^>]*)>", address)
    return found[1] if found else address.split(";", 1)[0].strip()


def split_list(value: str) -> list[str]:
    """Split a comma-separated header value, minding quotes and angle brackets."""
    parts, depth, quoted, start = [], 0, False, 0
    for position, char in enumerate(value):
        if char == '"' and value[position - 1 : position] != "\\":
            quoted = not quoted
        elif not quoted and char in "<>":
            depth += 1 if char == "<" else -1
        elif char == "," and not quoted and depth <= 0:
            parts.append(value[start:position].strip())
            start = position + 1
    parts.append(value[start:].strip())
    return [part for part in parts if part]


def host_port(uri: str, transport: str = "udp") -> tuple[str, int]:
    """Host and port a SIP URI points to; without a port the transport's own (5060, TLS 5061)."""
    rest = re.sub(r"^sips?:", "", uri, flags=re.IGNORECASE).split("@")[-1]
    rest = re.split(r"[;?>]", rest, maxsplit=1)[0]
    found = re.fullmatch(r"(\[[^\]]+\]|[^:]+)(?::(\d+))?", rest)
    if found is None:
        return rest, 5060
    return found[1].strip("[]"), int(found[2] or (5061 if transport == "tls" else 5060))
