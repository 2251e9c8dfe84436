"""The table the benches print, and the smallest of them run for real."""

from __future__ import annotations

import pytest

from benchmarks import full_stack, hopper, import_speed
from benchmarks.table import Figure, at_least, at_most, lines, percentile, shown


@pytest.mark.unit
def test_the_table_is_aligned_and_says_what_was_not_met() -> None:
    figures = [
        Figure("a", "rows", 1_000_000),
        at_least("a", "ratio", 0.05, "", 0.1),
        at_most("b", "p95", 12.34, "ms", 20),
    ]
    assert lines(figures) == [
        "bench  figure      value  unit  target",
        "a      rows    1,000,000",
        "       ratio        0.05        >= 0.1  NOT met",
        "b      p95          12.3  ms    <= 20   met",
    ]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.123"), (5, "5"), (5.0, "5"), (1234.5, "1,234"), ("a core", "a core")]
)
def test_shown(value: float | str, text: str) -> None:
    assert shown(value) == text


@pytest.mark.unit
def test_percentiles_are_values_that_occurred() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.95), percentile(values, 1.0)) == (50.0, 95.0, 100.0)
    assert percentile([7.0], 0.95) == 7.0
    assert percentile([], 0.95) == 0.0


@pytest.mark.db
@pytest.mark.timeout(90)
def test_hopper_and_import_at_toy_size() -> None:
    assert {figure.what: figure.value for figure in hopper.bench(2000)}["leads in the table"] == 2000
    told = {figure.what: figure for figure in import_speed.bench(500)}
    assert told["rows accounted for"].met


@pytest.mark.sip
@pytest.mark.timeout(120)
def test_full_stack_at_toy_size() -> None:
    size = full_stack.Size(agents=2, seconds=5.0, bare_seconds=1.0, warm=2.0, leads=100)
    told = {figure.what: figure.value for figure in full_stack.bench(size)}
    assert float(told["bare pjsua2, debtors' legs"]) > 0
    assert float(told["whole house, end to end"]) > 0
