"""What a carrier's signal means: the end of an unanswered call, read as an :class:`Outcome`.

``Reason`` (RFC 3326, 6432) is read before the SIP code; cause-to-SIP mapping is RFC 3398's. The table is data: a
trunk's own rules (``outcome_rule``) go first, because carriers' habits differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dialer.call import Outcome


@dataclass(frozen=True)
class Signal:
    """How an unanswered call ended. ``q850``: Q.850 cause; ``no_reply``: nothing at all came from the trunk."""

    sip_code: int
    q850: int | None = None
    no_reply: bool = False
    ring_timeout: bool = False


@dataclass(frozen=True)
class Reading:
    """One line of the table; None matches anything, ``codes`` are inclusive ranges."""

    outcome: Outcome
    codes: tuple[tuple[int, int], ...] | None = None
    causes: frozenset[int] | None = None

    def matches(self, signal: Signal) -> bool:
        """Whether the line is about ``signal``."""
        if self.codes is not None and not any(low <= signal.sip_code <= high for low, high in self.codes):
            return False
        return self.causes is None or signal.q850 in self.causes


def _line(outcome: Outcome, *codes: int, causes: set[int] | None = None) -> Reading:
    ranges = tuple((c, c) for c in codes) or None
    return Reading(outcome, ranges, frozenset(causes) if causes else None)


TABLE: Final[tuple[Reading, ...]] = (
    # Q.850 causes, whatever the code
    _line(Outcome.ROUTING_FAULT, causes={2, 3}),
    _line(Outcome.DEAD_NUMBER, causes={1}),
    _line(Outcome.NUMBER_CHANGED, causes={22}),
    _line(Outcome.BAD_FORMAT, causes={28}),
    _line(Outcome.BUSY, causes={17}),
    _line(Outcome.PHONE_OFF, causes={20}),
    _line(Outcome.OUT_OF_ORDER, causes={27}),
    _line(Outcome.CONGESTION, causes={34, 38, 41, 42, 47}),
    _line(Outcome.MEDIA_MISMATCH, causes={65, 88}),
    _line(Outcome.NETWORK_TIMEOUT, causes={102}),
    _line(Outcome.NO_ANSWER, causes={18, 19}),
    _line(Outcome.REJECTED, 403, 603, causes={21}),
    _line(Outcome.UNCLEAR, causes={31}),
    # SIP codes
    _line(Outcome.DEAD_NUMBER, 404, 604),
    _line(Outcome.NUMBER_CHANGED, 410),
    _line(Outcome.BAD_FORMAT, 484, 416),
    _line(Outcome.BUSY, 486, 600),
    _line(Outcome.REJECTED, 603),
    _line(Outcome.UNWANTED, 607),
    _line(Outcome.BLOCKED, 608),
    _line(Outcome.NO_ANSWER, 487, 408),
    _line(Outcome.UNCLEAR, 480),
    _line(Outcome.TRUNK_ALARM, 401, 402, 403, 405, 407, 428, 436, 437, 438),
    _line(Outcome.MEDIA_MISMATCH, 415, 488, 606),
    _line(Outcome.NETWORK_TIMEOUT, 504),
    _line(Outcome.OUT_OF_ORDER, 502),
    _line(Outcome.CONGESTION, 500, 503),
    Reading(Outcome.REDIRECTED, ((300, 399),)),
    Reading(Outcome.ROUTING_FAULT, ((400, 499),)),
    Reading(Outcome.CONGESTION, ((500, 599),)),
    Reading(Outcome.REJECTED, ((600, 699),)),
)

# Outcomes that say something of the trunk, not of the person: they don't count against contact caps.
TRUNK_FAULTS: Final = frozenset(
    {
        Outcome.ROUTING_FAULT, Outcome.CONGESTION, Outcome.NETWORK_TIMEOUT, Outcome.NO_REPLY, Outcome.TRUNK_ALARM,
        Outcome.MEDIA_MISMATCH, Outcome.NOT_PLACED,
    }
)  # fmt: skip


def read_signal(signal: Signal, own: tuple[Reading, ...] = ()) -> Outcome:
    """The outcome of an unanswered call: the trunk's ``own`` lines first, then the shipped table."""
    if signal.no_reply:
        return Outcome.NO_REPLY
    for line in (*own, *TABLE):
        if line.matches(signal):
            return Outcome.NO_ANSWER if signal.ring_timeout and line.outcome is Outcome.UNCLEAR else line.outcome
    return Outcome.UNCLEAR
