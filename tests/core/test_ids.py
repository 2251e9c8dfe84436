"""UUIDv7 by the shared clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.ids import instant_of, lowest_id_at, new_id

pytestmark = pytest.mark.unit

instants = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(instants, st.lists(st.integers(0, 5_000_000), min_size=1, max_size=40))
def test_ids_grow_with_the_clock_and_while_it_stands(start: datetime, steps: list[int]) -> None:
    clock = ManualClock(start)
    ids = [new_id(clock)]
    for microseconds in steps:
        clock.advance(microseconds / 1e6)
        ids += [new_id(clock), new_id(clock)]
    assert ids == sorted(set(ids))


@given(instants)
def test_an_id_is_version_7_and_tells_its_instant(instant: datetime) -> None:
    made = new_id(ManualClock(instant))
    assert (made.version, made.variant) == (7, RFC_4122)
    assert abs(instant_of(made) - instant.timestamp()) <= 0.001


@given(instants)
def test_the_lowest_id_bounds_its_instant(instant: datetime) -> None:
    instant = instant.replace(microsecond=instant.microsecond // 1000 * 1000)
    bound = lowest_id_at(instant)
    assert new_id(ManualClock(instant + timedelta(microseconds=50))) >= bound
    assert new_id(ManualClock(instant - timedelta(milliseconds=2))) < bound
