"""The page ``docs/operator/outcomes.md``: signals, outcomes and what follows, from the tables the engine reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent_ui.words import outcome as in_words
from dialer.call import Outcome
from dialer.campaigns.recycling import DAY, DAY_PARTS, DEFAULTS, HOUR, ROUND_DELAY, Rule
from dialer.engine.ends import NO_CONTACT
from dialer.engine.launcher import CONGESTED, CONGESTION_REST, CONGESTION_WINDOW
from dialer.trunks.outcomes import TABLE, Reading

PAGE: Final = "docs/operator/outcomes.md"

# What Q.850 calls its causes, in short.
CAUSES: Final = {
    1: "unallocated number", 2: "no route to the transit network", 3: "no route to destination", 17: "user busy",
    18: "no user responding", 19: "no answer, user alerted", 20: "subscriber absent", 21: "call rejected",
    22: "number changed", 27: "destination out of order", 28: "invalid number format", 31: "normal, unspecified",
    34: "no circuit available", 38: "network out of order", 41: "temporary failure", 42: "switching congestion",
    47: "resource unavailable", 65: "bearer capability not implemented", 88: "incompatible destination",
    102: "recovery on timer expiry",
}  # fmt: skip

_HEAD: Final = """# Signals and outcomes

<!-- Generated from dialer/trunks/outcomes.py and dialer/campaigns/recycling.py:
     `callfloor outcomes --markdown > docs/operator/outcomes.md` -->

Every attempt ends with one outcome. Recycling rules, reports and the call log read outcomes, never SIP codes.

## What a signal means

An unanswered call is read line by line; the first line that matches says what it was. A cause is that of the `Reason`
header (RFC 3326), and goes before the code, because gateways translate causes to codes with a loss (RFC 3398).

| Signal | Outcome |
|---|---|
"""

_BETWEEN: Final = """
Before all of them: nothing at all came back from the trunk, not even a 100: `no_reply`. It rang until our own time-out
(`--ring-timeout` of the trunk): `no_answer`. A call that nothing above matches is `unclear`.

Carriers' habits differ. A trunk's own lines go before this table:

    callfloor trunk rule NAME --sip-code 603 --outcome blocked
    callfloor trunk rule NAME --sip-code 603 --q850 21 --outcome rejected
    callfloor trunk rule NAME                                   # lists them
    callfloor trunk rule NAME --sip-code 603 --remove

A line with code and cause goes before one with a cause alone, and that before one with a code alone. Before
making lines, look at what the carrier really sends: every attempt keeps its SIP code and cause.

## What follows

Defaults; a supervisor changes them for each campaign on its page. "Times": after so many of this outcome the lead
ends; 0 ends it at once. "Other phone": the debtor's next number is tried; when all were, not before {round} have
passed.
"Other time": in another part of the day ({parts} at the debtor's place). "No contact": it does not
count against the limits of contact.

| Outcome | Meaning | Again after | Times | How |
|---|---|---|---|---|
"""

_TAIL: Final = """
Outcomes above that no signal means come from answer detection, from the engine itself (`abandoned`, `stopped`,
`not_placed`, `lost`) or from the disposition an agent saves. A number that was `dead_number` twice, on two days or
through two trunks, is marked dead and not called again.
{congested} times `congestion` within {window:g} s rest the campaign for {rest:g} s.
"""


def markdown() -> str:
    """The whole page."""
    signals = "".join(f"| {_signal(line)} | `{line.outcome}` |\n" for line in TABLE)
    follows = "".join(f"| {' | '.join(_follows(name, rule))} |\n" for name, rule in DEFAULTS.items())
    parts = ", ".join(f"{start}-{end}" for start, end in DAY_PARTS)
    tail = _TAIL.format(congested=CONGESTED, window=CONGESTION_WINDOW, rest=CONGESTION_REST)
    return _HEAD + signals + _BETWEEN.format(round=_time(ROUND_DELAY), parts=parts) + follows + tail


def table() -> str:
    """Both tables for a terminal."""
    signals = [(_signal(line), str(line.outcome)) for line in TABLE]
    follows = [_follows(name, rule) for name, rule in DEFAULTS.items()]
    wide = max(len(signal) for signal, _ in signals)
    lines = [f"{signal:<{wide}}  {outcome}" for signal, outcome in signals]
    return "\n".join([*lines, "", *("  ".join(cell for cell in row if cell) for row in follows), ""])


def _signal(line: Reading) -> str:
    causes = ", ".join(f"{cause} {CAUSES[cause]}" for cause in sorted(line.causes or ()))
    codes = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in line.codes or ())
    return " with ".join(part for part in (codes and f"SIP {codes}", causes and f"Q.850 {causes}") if part)


def _follows(name: str, rule: Rule) -> tuple[str, ...]:
    delay = "" if rule.max_times == 0 else _time(rule.delay_minutes)
    return (f"`{name}`", in_words(name), delay, str(rule.max_times), ", ".join(_how(name, rule)))


def _how(name: str, rule: Rule) -> Iterator[str]:
    if rule.other_phone:
        yield "other phone"
    if rule.other_time_of_day:
        yield "other time"
    if name in set(NO_CONTACT):
        yield "no contact"
    elif not rule.counts:
        yield "not an attempt"
    if name == Outcome.CONNECTED:
        yield "the disposition's outcome decides"
    if name == "callback":
        yield "dialled when agreed"


def _time(minutes: int) -> str:
    if minutes == 0:
        return "at once"
    if minutes % DAY == 0 and minutes > DAY:
        return f"{minutes // DAY} days"
    return f"{minutes // HOUR} h" if minutes % HOUR == 0 else f"{minutes} min"
