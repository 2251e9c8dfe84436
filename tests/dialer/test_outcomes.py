"""What a carrier's signal means: the table of docs/operator/outcomes.md, line by line."""

from __future__ import annotations

import pytest

from dialer.call import Outcome
from dialer.campaigns.recycling import DEFAULTS
from dialer.trunks.outcomes import Reading, Signal, read_signal

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("code", "cause", "outcome"),
    [
        (404, None, Outcome.DEAD_NUMBER),
        (604, None, Outcome.DEAD_NUMBER),
        (480, 1, Outcome.DEAD_NUMBER),
        (404, 3, Outcome.ROUTING_FAULT),
        (404, 2, Outcome.ROUTING_FAULT),
        (410, None, Outcome.NUMBER_CHANGED),
        (480, 22, Outcome.NUMBER_CHANGED),
        (484, None, Outcome.BAD_FORMAT),
        (480, 20, Outcome.PHONE_OFF),
        (480, 19, Outcome.NO_ANSWER),
        (408, 18, Outcome.NO_ANSWER),
        (480, 31, Outcome.UNCLEAR),
        (480, None, Outcome.UNCLEAR),
        (302, None, Outcome.REDIRECTED),
        (401, None, Outcome.TRUNK_ALARM),
        (438, None, Outcome.TRUNK_ALARM),
        (486, None, Outcome.BUSY),
        (600, None, Outcome.BUSY),
        (603, None, Outcome.REJECTED),
        (403, 21, Outcome.REJECTED),
        (403, None, Outcome.TRUNK_ALARM),
        (607, None, Outcome.UNWANTED),
        (608, None, Outcome.BLOCKED),
        (503, None, Outcome.CONGESTION),
        (503, 34, Outcome.CONGESTION),
        (500, 42, Outcome.CONGESTION),
        (502, 27, Outcome.OUT_OF_ORDER),
        (504, 102, Outcome.NETWORK_TIMEOUT),
        (488, 65, Outcome.MEDIA_MISMATCH),
    ],
)
def test_table(code: int, cause: int | None, outcome: Outcome) -> None:
    assert read_signal(Signal(code, cause)) is outcome


def test_no_reply_is_the_trunks_fault_whatever_the_code() -> None:
    assert read_signal(Signal(408, no_reply=True)) is Outcome.NO_REPLY


def test_a_trunks_own_line_goes_first() -> None:
    own = (Reading(Outcome.PHONE_OFF, ((404, 404),), None),)
    assert read_signal(Signal(404), own) is Outcome.PHONE_OFF
    assert read_signal(Signal(486), own) is Outcome.BUSY


def test_every_code_has_a_meaning_and_every_meaning_a_rule() -> None:
    for code in range(300, 700):
        for cause in (None, *range(1, 128)):
            assert read_signal(Signal(code, cause)) in DEFAULTS or read_signal(Signal(code, cause)) in Outcome
    missing = [o for o in Outcome if o not in DEFAULTS]
    assert missing == [], "an outcome without a recycling rule"
