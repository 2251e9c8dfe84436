"""What a called number does: pure data and a pure mapping, so that the same seed gives the same calls everywhere.

A behaviour is a script of steps the carrier plays. Numbers ``+48 799 0BB xxx`` have the behaviour whose code is BB,
whatever the seed; every other number gets one by its hash and the preset's mix.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FOREVER: Final = float("inf")
Header = tuple[str, str]


class Kind(StrEnum):
    """What answers, or does not."""

    PERSON = "person"  # says "halo?", talks, hangs up
    PERSON_SHORT = "person_short"  # answers and hangs up at once
    PERSON_RINGBACK = "person_ringback"  # as a person, with the ringing tone sent as early media
    PERSON_MUSIC = "person_music"  # a ring-back tone service plays music until the person answers
    ONE_WAY = "one_way"  # answers; no audio ever comes
    MAILBOX = "mailbox"  # answers, greets, beeps
    MAILBOX_EARLY = "mailbox_early"  # greets in early media, answers later
    ANNOUNCEMENT = "announcement"  # "subscriber unavailable" in early media, then 480
    FORWARDED = "forwarded"  # 181 to voicemail, which then answers
    FAX = "fax"
    DEAD = "dead"  # 404 at once
    DEAD_SIT = "dead_sit"  # special information tones and an announcement, then 404
    BUSY = "busy"
    NO_ANSWER = "no_answer"  # rings until the CANCEL
    PHONE_OFF = "phone_off"
    REJECTED = "rejected"
    CONGESTED = "congested"
    CROSSED_EARLY = "crossed_early"  # greets in early media; answers when it gets the CANCEL, so that they cross
    CROSSED_RINGING = "crossed_ringing"  # rings; answers when it gets the CANCEL


CODES: Final[Mapping[Kind, int]] = {
    Kind.PERSON: 10, Kind.PERSON_SHORT: 11, Kind.PERSON_MUSIC: 12, Kind.ONE_WAY: 13,
    Kind.PERSON_RINGBACK: 14,
    Kind.MAILBOX: 20, Kind.MAILBOX_EARLY: 21, Kind.ANNOUNCEMENT: 22, Kind.FORWARDED: 23, Kind.FAX: 24,
    Kind.DEAD: 30, Kind.DEAD_SIT: 31, Kind.BUSY: 32, Kind.NO_ANSWER: 33, Kind.PHONE_OFF: 34, Kind.REJECTED: 35,
    Kind.CONGESTED: 36, Kind.CROSSED_EARLY: 40, Kind.CROSSED_RINGING: 41,
}  # fmt: skip
_KIND_OF_CODE: Final = {code: kind for kind, code in CODES.items()}
_EXPLICIT: Final = "+487990"

LIVE: Final = frozenset({Kind.PERSON, Kind.PERSON_RINGBACK, Kind.PERSON_MUSIC, Kind.PERSON_SHORT})


@dataclass(frozen=True)
class Progress:
    """A provisional answer, and ``seconds`` until the next step. With ``audio`` it carries SDP and plays that clip."""

    code: int
    seconds: float
    audio: str | None = None
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The 200, and ``seconds`` until the next step. Without ``audio`` nothing is heard."""

    seconds: float
    audio: str | None = None


@dataclass(frozen=True)
class Refuse:
    """A final failure."""

    code: int
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True)
class HangUp:
    """BYE."""


Step = Progress | Answer | Refuse | HangUp


@dataclass(frozen=True)
class Behaviour:
    """What one number does. ``answers_cancel``: a CANCEL is met with 200 to the INVITE, as if both had crossed."""

    kind: Kind
    steps: tuple[Step, ...]
    answers_cancel: bool = False


@dataclass(frozen=True)
class Preset:
    """A population of numbers: per cent of each kind, and from-to seconds of ringing and of a person's talk."""

    name: str
    mix: Mapping[Kind, float]
    ring: tuple[float, float]
    talk: tuple[float, float]
    burst_every: float  # s between bursts of congestion
    burst_length: float  # s
    burst_share: float  # of all numbers, which a burst hits

    def live_share(self) -> float:
        """Part of all numbers that a person answers."""
        return sum(share for kind, share in self.mix.items() if kind in LIVE) / sum(self.mix.values())


EASY: Final = Preset(
    name="easy",
    mix={
        Kind.PERSON: 20, Kind.PERSON_RINGBACK: 6, Kind.PERSON_MUSIC: 3, Kind.PERSON_SHORT: 2, Kind.ONE_WAY: 0.5,
        Kind.MAILBOX: 11, Kind.MAILBOX_EARLY: 6, Kind.ANNOUNCEMENT: 5, Kind.FORWARDED: 4, Kind.FAX: 2,
        Kind.DEAD: 4, Kind.DEAD_SIT: 4, Kind.BUSY: 9.5, Kind.NO_ANSWER: 6, Kind.PHONE_OFF: 6, Kind.REJECTED: 4,
        Kind.CONGESTED: 3, Kind.CROSSED_EARLY: 2, Kind.CROSSED_RINGING: 2,
    },
    ring=(1.0, 5.0),
    talk=(4.0, 12.0),
    burst_every=20.0,
    burst_length=2.0,
    burst_share=0.25,
)  # fmt: skip

DEBT: Final = Preset(
    name="debt",
    mix={
        Kind.PERSON: 1.5, Kind.PERSON_RINGBACK: 0.5, Kind.PERSON_MUSIC: 0.3, Kind.PERSON_SHORT: 0.2, Kind.ONE_WAY: 0.5,
        Kind.MAILBOX: 18, Kind.MAILBOX_EARLY: 12, Kind.ANNOUNCEMENT: 10, Kind.FORWARDED: 6, Kind.FAX: 1,
        Kind.DEAD: 8, Kind.DEAD_SIT: 6, Kind.BUSY: 8, Kind.NO_ANSWER: 15, Kind.PHONE_OFF: 8, Kind.REJECTED: 3,
        Kind.CONGESTED: 1, Kind.CROSSED_EARLY: 0.5, Kind.CROSSED_RINGING: 0.5,
    },
    ring=(4.0, 18.0),
    talk=(15.0, 240.0),
    burst_every=300.0,
    burst_length=3.0,
    burst_share=0.25,
)  # fmt: skip

PRESETS: Final[Mapping[str, Preset]] = {preset.name: preset for preset in (EASY, DEBT)}


def number_for(kind: Kind, index: int) -> str:
    """The ``index``-th test number (0-999) whose behaviour is ``kind`` under every seed."""
    if not 0 <= index <= 999:
        raise ValueError(f"index {index}: there are 1,000 numbers of a kind")
    return f"{_EXPLICIT}{CODES[kind]:02d}{index:03d}"


def sample_numbers(preset: Preset, seed: int) -> Iterator[str]:
    """Distinct numbers without end, as they stand on a list; each 100 in a row hold the preset's mix, rounded.

    They look like any Polish mobile number; which of them does what is known to a carrier of the same preset and seed.
    """
    rng = random.Random(f"sample {seed}")
    found: dict[Kind, list[str]] = {kind: [] for kind in preset.mix}
    seen: set[str] = set()
    owed = {kind: 0.5 if share < 1 else 0.0 for kind, share in preset.mix.items()}  # a rare kind comes soon
    total = sum(preset.mix.values())
    while True:
        block: list[str] = []
        for kind, share in preset.mix.items():
            owed[kind] += share / total * 100
            while owed[kind] >= 1 - 1e-9:
                while not found[kind]:
                    number = f"+48{rng.choice(_MOBILE)}{rng.randrange(10_000_000):07d}"
                    if number not in seen and not number.startswith(_EXPLICIT):
                        seen.add(number)
                        found[kind_of(number, preset, seed)].append(number)
                block.append(found[kind].pop())
                owed[kind] -= 1
        rng.shuffle(block)
        yield from block


# First two digits of Polish mobile numbers, of those that are all mobile.
_MOBILE: Final = ("50", "51", "53", "60", "66", "69", "72", "78", "79", "88")


def kind_of(number: str, preset: Preset, seed: int) -> Kind:
    """What kind a number in E.164 is."""
    if number.startswith(_EXPLICIT) and len(number) == len("+48799000000"):
        explicit = _KIND_OF_CODE.get(int(number[7:9]))
        if explicit is not None:
            return explicit
    point = _fraction(number, f"kind {seed}") * sum(preset.mix.values())
    for kind, share in preset.mix.items():
        point -= share
        if point < 0:
            return kind
    return kind


def behaviour_of(number: str, preset: Preset, seed: int) -> Behaviour:
    """What the number does, with its delays. The same number, preset and seed always give the same."""
    kind = kind_of(number, preset, seed)
    rng = random.Random(f"delays {seed} {number}")
    return _script(kind, number, rng, ring=rng.uniform(*preset.ring), talk=rng.uniform(*preset.talk))


def congested_now(number: str, preset: Preset, seed: int, at: float) -> bool:
    """Whether a burst of congestion hits the number at the instant ``at`` (Unix seconds). Test numbers are spared."""
    if number.startswith(_EXPLICIT) or at % preset.burst_every >= preset.burst_length:
        return False
    return _fraction(number, f"burst {seed} {int(at // preset.burst_every)}") < preset.burst_share


def congestion(rng: random.Random) -> Refuse:
    """A 503 with Retry-After (s) and cause 34 or 42 of Q.850: no circuit, congestion."""
    cause, text = rng.choice(((34, "No circuit/channel available"), (42, "Switching equipment congestion")))
    return Refuse(503, (("Retry-After", str(rng.choice((1, 2)))), q850(cause, text)))


def q850(cause: int, text: str) -> Header:
    """A Reason header with a Q.850 cause (RFC 3326, RFC 6432)."""
    return "Reason", f'Q.850;cause={cause};text="{text}"'


def _fraction(number: str, purpose: str) -> float:
    digest = hashlib.blake2b(f"{purpose} {number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _voicemail(number: str) -> tuple[Header, ...]:
    """How a network says that it forwards to voicemail: History-Info (RFC 7044, RFC 4458) and Diversion (RFC 5806)."""
    called = f"<sip:{number}@carrier.example?Reason=SIP%3Bcause%3D408>;index=1"
    target = "<sip:voicemail@carrier.example;cause=408>;index=1.1;mp=1"
    return (
        ("History-Info", f"{called}, {target}"),
        ("Diversion", f"<sip:{number}@carrier.example>;reason=no-answer;counter=1"),
    )


def _script(kind: Kind, number: str, rng: random.Random, *, ring: float, talk: float) -> Behaviour:
    """The steps of one kind."""
    voice = rng.choice(("a", "b", "c", "d"))
    mailbox = (Answer(25.0, f"mailbox-{voice}"), HangUp())
    ringing = Progress(180, ring)
    steps: tuple[Step, ...]
    match kind:
        case Kind.PERSON:
            steps = (ringing, Answer(talk, f"person-{voice}"), HangUp())
        case Kind.PERSON_SHORT:
            steps = (ringing, Answer(rng.uniform(0.1, 0.4)), HangUp())
        case Kind.PERSON_RINGBACK:
            steps = (Progress(183, ring, "ringback"), Answer(talk, f"person-{voice}"), HangUp())
        case Kind.PERSON_MUSIC:
            steps = (Progress(183, ring + 2.0, "music"), Answer(talk, f"person-{voice}"), HangUp())
        case Kind.ONE_WAY:
            steps = (ringing, Answer(talk), HangUp())
        case Kind.MAILBOX:
            steps = (ringing, *mailbox)
        case Kind.MAILBOX_EARLY:
            steps = (Progress(180, min(ring, 2.0)), Progress(183, 9.0, f"greeting-{voice}"), *mailbox)
        case Kind.ANNOUNCEMENT:
            steps = (Progress(183, 9.0, "unavailable"), Refuse(480, (q850(20, "Subscriber absent"),)))
        case Kind.FORWARDED:
            steps = (Progress(180, ring), Progress(181, 2.0, headers=_voicemail(number)), *mailbox)
        case Kind.FAX:
            steps = (ringing, Answer(35.0, "fax"), HangUp())
        case Kind.DEAD:
            steps = (Refuse(404, (q850(1, "Unallocated (unassigned) number"),)),)
        case Kind.DEAD_SIT:
            steps = (Progress(183, 6.0, "unknown-number"), Refuse(404, (q850(1, "Unallocated (unassigned) number"),)))
        case Kind.BUSY:
            steps = (Progress(180, rng.uniform(0.2, 0.8)), Refuse(486, (q850(17, "User busy"),)))
        case Kind.NO_ANSWER:
            steps = (Progress(180, FOREVER),)
        case Kind.PHONE_OFF:
            steps = (Refuse(480, (q850(20, "Subscriber absent"),)),)
        case Kind.REJECTED:
            steps = (ringing, Refuse(603, (q850(21, "Call rejected"),)))
        case Kind.CONGESTED:
            steps = (congestion(rng),)
        case Kind.CROSSED_EARLY:
            steps = (Progress(183, FOREVER, f"greeting-{voice}"),)
        case Kind.CROSSED_RINGING:
            steps = (Progress(180, FOREVER),)
    return Behaviour(kind, steps, answers_cancel=kind in (Kind.CROSSED_EARLY, Kind.CROSSED_RINGING))
