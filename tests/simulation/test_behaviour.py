"""Numbers and what they do: pure, the same for the same seed, in the mix the preset promises."""

from collections import Counter
from itertools import islice

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.simulation.behaviour import (
    CODES,
    DEBT,
    EASY,
    FOREVER,
    LIVE,
    PRESETS,
    Answer,
    HangUp,
    Kind,
    Preset,
    Progress,
    Refuse,
    behaviour_of,
    congested_now,
    kind_of,
    number_for,
    sample_numbers,
)
from dialer.simulation.speech import CLIPS

pytestmark = pytest.mark.unit

MOBILE = st.integers(0, 99_999_999).map(lambda rest: f"+485{rest:08d}")
PRESET = st.sampled_from(sorted(PRESETS)).map(PRESETS.__getitem__)


@pytest.mark.parametrize("kind", Kind)
def test_test_numbers_name_their_behaviour(kind: Kind) -> None:
    for index in (0, 7, 999):
        number = number_for(kind, index)
        assert phonenumbers.is_valid_number(phonenumbers.parse(number))
        for seed in (1, 2):
            assert {kind_of(number, preset, seed) for preset in PRESETS.values()} == {kind}


def test_there_are_a_thousand_test_numbers_of_a_kind() -> None:
    with pytest.raises(ValueError, match="1,000"):
        number_for(Kind.PERSON, 1000)


def test_every_kind_has_a_code_and_a_share_in_every_preset() -> None:
    assert set(CODES) == set(Kind)
    assert len(set(CODES.values())) == len(CODES)
    for preset in PRESETS.values():
        assert set(preset.mix) == set(Kind)


@given(number=MOBILE, preset=PRESET, seed=st.integers(0, 50))
def test_same_number_same_behaviour(number: str, preset: Preset, seed: int) -> None:
    assert behaviour_of(number, preset, seed) == behaviour_of(number, preset, seed)


@given(number=MOBILE, preset=PRESET, seed=st.integers(0, 50))
def test_every_script_can_be_played_and_comes_to_an_end(number: str, preset: Preset, seed: int) -> None:
    behaviour = behaviour_of(number, preset, seed)
    *before, last = behaviour.steps
    assert isinstance(last, Refuse | HangUp) or (isinstance(last, Progress) and last.seconds == FOREVER)
    assert not any(isinstance(step, Refuse | HangUp) for step in before)
    assert not any(isinstance(step, Progress | Answer) and step.seconds == FOREVER for step in before)
    audio = [step.audio for step in behaviour.steps if isinstance(step, Progress | Answer) and step.audio]
    assert set(audio) <= set(CLIPS)
    for step in behaviour.steps:
        if isinstance(step, Progress) and step.audio:
            assert step.code == 183  # only a 183 carries SDP


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_numbers_come_in_the_mix_of_the_preset(preset: Preset) -> None:
    size = 40_000
    counts = Counter(kind_of(f"+48601{n:06d}", preset, 3) for n in range(size))
    for kind, share in preset.mix.items():
        expected = size * share / sum(preset.mix.values())
        assert abs(counts[kind] - expected) < 5 * expected**0.5, kind


def test_shares_of_live_answers() -> None:
    assert DEBT.live_share() == pytest.approx(0.025)
    assert EASY.live_share() == pytest.approx(0.3, abs=0.015)


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_any_hundred_easy_numbers_of_a_list_show_everything(seed: int) -> None:
    numbers = list(islice(sample_numbers(EASY, seed), 1000))
    assert len(set(numbers)) == len(numbers)
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in numbers)
    for start in range(0, 1000, 100):
        counts = Counter(kind_of(number, EASY, seed) for number in numbers[start : start + 100])
        assert all(abs(counts[kind] - share) < 1 for kind, share in EASY.mix.items())
        if start == 0:
            assert set(counts) == set(EASY.mix)


def test_a_list_of_the_debt_preset_keeps_its_share_of_live_answers() -> None:
    numbers = list(islice(sample_numbers(DEBT, 1), 4000))
    live = sum(kind_of(number, DEBT, 1) in LIVE for number in numbers)
    assert live == pytest.approx(100, abs=2)


def test_congestion_comes_in_bursts_that_hit_a_share_of_numbers() -> None:
    numbers = [f"+48602{n:06d}" for n in range(2000)]
    start = 1_700_000_000 // EASY.burst_every * EASY.burst_every
    during = {n for n in numbers if congested_now(n, EASY, 1, start + EASY.burst_length / 2)}
    later = {n for n in numbers if congested_now(n, EASY, 1, start + EASY.burst_every + EASY.burst_length / 2)}
    assert len(during) == pytest.approx(2000 * EASY.burst_share, rel=0.15)
    assert during != later
    assert not any(congested_now(n, EASY, 1, start + EASY.burst_length + 0.1) for n in numbers)
    assert not congested_now(number_for(Kind.PERSON, 1), EASY, 1, start)
