"""Cells that a spreadsheet must not run, and how each dialect writes numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from reports.exports import DIALECTS, _xlsx_row, csv_bytes, safe
from reports.statistics import Line

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\t=1", "\r=1"])
def test_a_formula_becomes_text(text: str) -> None:
    assert safe(text) == f"'{text}"
    assert csv_bytes([[text]], DIALECTS["pl"]).decode().strip('"\r\n').startswith("'")


def test_telephone_numbers_and_plain_words_stay() -> None:
    assert [safe(value) for value in ("+48600000001", "Nowak", 7, None)] == ["+48600000001", "Nowak", 7, None]


def test_decimals_follow_the_dialect() -> None:
    assert csv_bytes([["a", 1.5]], DIALECTS["pl"]) == b"a;1,50\r\n"
    assert csv_bytes([["a", 1.5]], DIALECTS["en"]) == b"a,1.50\r\n"


def test_a_workbook_keeps_a_formula_as_text(tmp_path: Path) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("s")
    sheet.append(_xlsx_row(sheet, ["=HYPERLINK(1)", 3]))
    book.save(tmp_path / "b.xlsx")
    read = load_workbook(tmp_path / "b.xlsx")
    assert read["s"]["A1"].data_type == "s"
    assert read["s"]["A1"].value == "=HYPERLINK(1)"


def test_rates_of_nothing_are_nothing() -> None:
    empty = Line(None, 0, 0, 0, 0, 0, 0)
    assert (empty.contact_rate, empty.reach_rate, empty.abandoned_rate) == (0.0, 0.0, 0.0)
