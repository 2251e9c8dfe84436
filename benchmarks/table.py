"""The table the benches print: one line a figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value. ``target``: what it should reach, as a person would say it; ``met``: whether it did."""

    bench: str
    what: str
    value: float | str
    unit: str = ""
    target: str = ""
    met: bool | None = None


def at_least(bench: str, what: str, value: float, unit: str, limit: float) -> Figure:
    """A figure that should not be lower than ``limit``."""
    return Figure(bench, what, value, unit, f">= {shown(limit)}", value >= limit)


def at_most(bench: str, what: str, value: float, unit: str, limit: float) -> Figure:
    """A figure that should not be higher than ``limit``."""
    return Figure(bench, what, value, unit, f"<= {shown(limit)}", value <= limit)


def shown(value: float | str) -> str:
    """A value as people read it: three significant digits, none lost before the point."""
    if isinstance(value, str):
        return value
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def lines(figures: Iterable[Figure]) -> list[str]:
    """The table's lines, columns aligned, a bench's name only at its first line."""
    rows: list[Sequence[str]] = [("bench", "figure", "value", "unit", "target", "")]
    before = ""
    for f in figures:
        mark = {None: "", True: "met", False: "NOT met"}[f.met]
        rows.append((f.bench if f.bench != before else "", f.what, shown(f.value), f.unit, f.target, mark))
        before = f.bench
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    right = {2}
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of ``values`` lie, by nearest rank; 0 if there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
