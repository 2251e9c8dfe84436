"""Dialing modes: never more calls than the mode promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.pacing import MODES, FloorView

pytestmark = pytest.mark.unit

COUNT = st.integers(min_value=0, max_value=300)
VIEWS = st.builds(
    FloorView,
    ready=COUNT,
    talking=COUNT,
    wrapup=COUNT,
    dialing=COUNT,
    waiting=COUNT,
    lines_free=COUNT,
    ratio=st.floats(min_value=0.1, max_value=10),
)


@given(VIEWS)
@pytest.mark.parametrize("name", sorted(MODES))
def test_never_negative_and_nothing_without_a_ready_agent(name: str, view: FloorView) -> None:
    wanted = MODES[name].launch(view)
    assert wanted >= 0
    if view.ready == 0 or MODES[name].by_request:
        assert wanted == 0


@given(VIEWS)
def test_progressive_never_has_more_calls_than_agents(view: FloorView) -> None:
    wanted = MODES["progressive"].launch(view)
    if wanted:
        assert view.dialing + view.waiting + wanted <= view.ready


@given(VIEWS)
def test_fixed_ratio_keeps_its_ratio(view: FloorView) -> None:
    wanted = MODES["fixed_ratio"].launch(view)
    if wanted:
        assert view.dialing + wanted <= max(1, (view.ready - view.waiting) * view.ratio)


def test_every_mode_has_names() -> None:
    for mode in MODES.values():
        assert mode.name_pl
        assert mode.name_en
