"""Numbers as people write them."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from numbering.normalise import NumberKind, Verdict, e164, phones_in

pytestmark = pytest.mark.unit

MOBILE, FIXED = "+48600700800", "+48221234567"


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("600700800", [MOBILE]),
        ("600-700-800", [MOBILE]),
        ("600 700 800", [MOBILE]),
        ("+48 600 700 800", [MOBILE]),
        ("(+48) 600 700 800", [MOBILE]),
        ("+ 48 600 700 800", [MOBILE]),
        ("0048600700800", [MOBILE]),
        ("+0048 600700800", [MOBILE]),
        ("48600700800", [MOBILE]),
        ("22 123 45 67", [FIXED]),
        ("0-22 123-45-67", [FIXED]),
        ("(0-22) 123 45 67", [FIXED]),
        ("(22) 123 45 67", [FIXED]),
        ("+48 0 22 123 45 67", [FIXED]),
        ("22/123 45 67", [FIXED]),
        ("22 123 45 67 wew. 12", [FIXED]),
        ("22 123 45 67 ext 12", [FIXED]),
        ("600700800, 22 123 45 67", [MOBILE, FIXED]),
        ("600700800;22 123 45 67", [MOBILE, FIXED]),
        ("600700800/221234567", [MOBILE, FIXED]),
        ("600 700 800|22 123 45 67", [MOBILE, FIXED]),
        ("600700800\n22 123 45 67", [MOBILE, FIXED]),
        ("600700800 lub 22 123 45 67", [MOBILE, FIXED]),
        ("kom. 600 700 800, tel. 22 123 45 67 wew. 5", [MOBILE, FIXED]),
        ("600 700 800 22 123 45 67", [MOBILE, FIXED]),
        ("+48600700800+48221234567", [MOBILE, FIXED]),
        ("600700800, +48 600-700-800", [MOBILE]),
        ("6,00700800E+08", [MOBILE]),
        ("600700800.0", [MOBILE]),
        ("600700800,00", [MOBILE]),
        ("600\u00a0700\u00a0800", [MOBILE]),
        ("６００７００８００", [MOBILE]),
        ("٦٠٠٧٠٠٨٠٠", [MOBILE]),
        ("600–700–800", [MOBILE]),
        ("'600700800", [MOBILE]),
        ('="600700800"', [MOBILE]),
        ("„600700800”", [MOBILE]),
        ("+49 30 123456", ["+4930123456"]),
        ("", []),
        ("  ", []),
        ("brak", []),
        ("n/a", []),
        ("-", []),
        ("0", []),
    ],
)
def test_cells(cell: str, numbers: list[str]) -> None:
    found = phones_in(cell)
    assert [one.e164 for one in found] == numbers
    assert all(one.verdict is Verdict.VALID and one.reason is None for one in found)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("112", "short_number"),
        ("19115", "short_number"),
        ("1234567", "area_code_missing"),
        ("60070080", "too_short"),
        ("60070080012", "too_long"),
        ("000123456", "no_such_range"),
        ("700123456", "premium"),
        ("+48 700 123 456", "premium"),
        ("801123456", "shared_cost"),
        ("4,86E+10", "rounded_by_spreadsheet"),
        ("6.00701E+08", "rounded_by_spreadsheet"),
        ("nieznajomy", "no_digits"),
        ("=cmd|' /C calc'!A0", "too_short"),
        ("+49 30", "area_code_missing"),
    ],
)
def test_never_valid(cell: str, reason: str) -> None:
    (found,) = phones_in(cell)
    assert (found.e164, found.verdict, found.reason) == (None, Verdict.INVALID, reason)


def test_a_good_number_beside_a_bad_one_is_kept() -> None:
    good, bad = phones_in("600700800/01")
    assert (good.e164, bad.e164) == (MOBILE, None)


def test_e164_takes_one_number_only() -> None:
    assert e164("tel. 600 700 800") == MOBILE
    assert e164("600700800, 221234567") is None
    assert e164("112") is None


def test_kinds() -> None:
    assert phones_in(MOBILE)[0].kind is NumberKind.MOBILE
    assert phones_in(FIXED)[0].kind is NumberKind.FIXED
    assert phones_in("800123456")[0].kind is NumberKind.TOLL_FREE


@given(st.integers(min_value=0, max_value=10**9 - 1))
def test_the_quick_path_agrees_with_the_library(number: int) -> None:
    national = f"{number:09d}"
    parsed = phonenumbers.parse(f"+48{national}", None) if national[0] != "0" else None
    valid = parsed is not None and phonenumbers.is_valid_number(parsed)
    costly = parsed is not None and phonenumbers.number_type(parsed) in (
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
    )
    (found,) = phones_in(national)
    assert (found.e164 is not None) == (valid and not costly)
    assert found.e164 in (None, f"+48{national}")


@given(st.text(max_size=60))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    for found in phones_in(text):
        assert (found.e164 is None) == (found.verdict is Verdict.INVALID)
        if found.e164 is not None:
            assert phonenumbers.is_valid_number(phonenumbers.parse(found.e164, None))


@given(
    st.lists(st.integers(min_value=0, max_value=99_999_999).map(lambda n: f"6{n:08d}"), min_size=1, max_size=4),
    st.sampled_from([", ", ";", " | ", "\n", " lub ", "/", " kom. "]),
    st.sampled_from(["{}", "+48{}", "0048{}", "+48 {}", "tel. {}"]),
)
def test_however_they_are_written_the_same_numbers_come_out(digits: list[str], apart: str, written: str) -> None:
    alone = [found.e164 for one in digits for found in phones_in(one)]
    together = [found.e164 for found in phones_in(apart.join(written.format(one) for one in digits))]
    assert {n for n in together if n} == {n for n in alone if n}
