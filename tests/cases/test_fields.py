"""Single fields: money, days, PESEL, NIP and the rest."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.importing import fields
from cases.importing.columns import Column, MappingError, columns_of, recognise
from cases.importing.fields import FieldError, money
from cases.importing.reasons import TEXTS
from cases.names import name_key
from cases.nationalids import masked, valid_nip, valid_pesel

pytestmark = pytest.mark.unit

WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)


@pytest.mark.parametrize(
    ("text", "grosz"),
    [
        ("100", 100_00),
        ("0", 0),
        ("1234,56", 1234_56),
        ("1234.5", 1234_50),
        ("1 234,56", 1234_56),
        ("1\u00a0234,56", 1234_56),
        ("1\u202f234\u202f567,89", 1234567_89),
        ("1,234.56", 1234_56),
        ("1.234,56", 1234_56),
        ("1,234,567", 1234567_00),
        ("1'234.56", 1234_56),
        ("1 234,56 zł", 1234_56),
        ("PLN 1234,56", 1234_56),
        ("100,-", 100_00),
        ("+12,30", 12_30),
    ],
)
def test_money(text: str, grosz: int) -> None:
    assert money(text).amount == grosz


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,234", "ambiguous_amount"),
        ("1.234", "ambiguous_amount"),
        ("-5,00", "negative"),
        ("(5,00)", "negative"),
        ("−5", "negative"),
        ("sto", "not_a_number"),
        ("1,2,3", "not_a_number"),
        ("12 34,00", "not_a_number"),
        ("1,234,56", "not_a_number"),
        ("1e5", "not_a_number"),
        ("#N/D!", "not_a_number"),
        ("999 999 999 999 999 999,00", "too_large"),
    ],
)
def test_no_money(text: str, reason: str) -> None:
    with pytest.raises(FieldError, match=reason):
        money(text)


def test_money_names_its_currency() -> None:
    assert money("12,50 EUR") == (12_50, "EUR")
    assert money("€ 12,50") == (12_50, "EUR")
    assert money("12,50 zł") == (12_50, "PLN")
    assert money("12,50").currency is None


@given(
    st.integers(min_value=0, max_value=10**11),
    st.sampled_from(["{w},{f}", "{w}.{f}", "{s},{f}", "{n},{f} zł", "{c}.{f}", "{d},{f}"]),
)
def test_money_comes_back_however_it_is_written(grosz: int, form: str) -> None:
    whole, rest = divmod(grosz, 100)
    comma = f"{whole:,}"
    text = form.format(
        w=whole,
        f=f"{rest:02d}",
        s=comma.replace(",", " "),
        n=comma.replace(",", "\u00a0"),
        c=comma,
        d=comma.replace(",", "."),
    )
    assert money(text).amount == grosz


@given(st.text(max_size=30))
def test_no_text_breaks_a_field(text: str) -> None:
    told = set()
    for read in (fields.money, fields.day, fields.pesel, fields.nip, fields.email, fields.currency, fields.words):
        try:
            read(text)
        except FieldError as error:
            told.add(str(error))
    assert told <= set(TEXTS)


@pytest.mark.parametrize(
    "text",
    ["2026-11-21", "21.11.2026", "21/11/2026", "21-11-2026", "2026/11/21", "2026.11.21", "21.11.2026 r.", "46347",
     "46347.0", "2026-11-21 00:00:00", "2026-11-21T00:00:00"],
)  # fmt: skip
def test_days(text: str) -> None:
    assert fields.day(text) == date(2026, 11, 21)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("31.02.2026", "no_such_day"), ("11/21/2026", "no_such_day"), ("21.11.26", "not_a_date"), ("jutro", "not_a_date")],
)
def test_no_days(text: str, reason: str) -> None:
    with pytest.raises(FieldError, match=reason):
        fields.day(text)


@given(st.dates(date(1800, 1, 1), date(2299, 12, 31)), st.integers(0, 9999), st.integers(0, 10), st.integers(1, 9))
def test_pesel(born: date, serial: int, place: int, slip: int) -> None:
    month = born.month + {1800: 80, 1900: 0, 2000: 20, 2100: 40, 2200: 60}[born.year // 100 * 100]
    digits = f"{born.year % 100:02d}{month:02d}{born.day:02d}{serial:04d}"
    digits += str(-sum(w * int(d) for w, d in zip(WEIGHTS, digits, strict=True)) % 10)
    assert valid_pesel(digits)
    assert fields.pesel(f" {digits[:6]} {digits[6:]}") == digits
    if digits.startswith("0"):
        assert fields.pesel(str(int(digits)) + ".0") in (digits, str(int(digits)).zfill(11))
    wrong = digits[:place] + str((int(digits[place]) + slip) % 10) + digits[place + 1 :]
    assert not valid_pesel(wrong)


@pytest.mark.parametrize(
    "text", ["44051401358", "44133101359", "4405140135", "4405140135a", "４４０５１４０１３５９", ""]
)
def test_no_pesel(text: str) -> None:
    assert not valid_pesel(text)


def test_nip() -> None:
    assert valid_nip("5260250995")
    assert fields.nip("PL 526-025-09-95") == "5260250995"
    assert not valid_nip("5260250994")
    assert not valid_nip("0000000000")
    with pytest.raises(FieldError, match="nip_invalid"):
        fields.nip("526")


def test_words_and_references() -> None:
    assert fields.words(" Jan\u00a0 \t Kowalski\u200b ") == "Jan Kowalski"
    assert fields.words("Z\u0307ak") == "Żak"
    assert fields.reference("123.0") == "123"
    assert fields.reference("A.0") == "A.0"
    with pytest.raises(FieldError, match="too_long"):
        fields.words("a" * 501)


def test_names_as_search_compares_them() -> None:
    assert name_key("ŁUCJA  Żak-Nowa") == "lucja zak nowa"
    assert name_key("Święćkowska, Jóźwiak") == "swieckowska jozwiak"
    assert masked("44051401359") == "•••••••••59"


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("Nr klienta", Column.DEBTOR_REFERENCE),
        ("NUMER_FAKTURY", Column.DEBT_REFERENCE),
        ("Imię i Nazwisko", Column.NAME),
        ("Telefon 2", Column.PHONES),
        ("tel_kom", Column.PHONES),
        ("Nr telefonu", Column.PHONES),
        ("telefon1", Column.PHONES),
        ("Mobile phone", Column.PHONES),
        ("Kwota zadłużenia [PLN]", Column.AMOUNT),
        ("Amount due", Column.AMOUNT),
        ("Termin płatności", Column.DUE_ON),
        ("E-mail", Column.EMAIL),
        ("Uwagi", None),
        ("", None),
    ],
)
def test_headings(heading: str, column: Column | None) -> None:
    assert recognise(heading) is column


def test_a_mapping_goes_before_headings() -> None:
    headings = ["A", "B", "Kwota", "C", "Telefon"]
    mapping = {"a": "debtor_reference", "B": "name", "Kwota": "ignore", "C": "amount"}
    assert columns_of(headings, mapping) == {
        0: Column.DEBTOR_REFERENCE,
        1: Column.NAME,
        3: Column.AMOUNT,
        4: Column.PHONES,
    }


@pytest.mark.parametrize(
    ("headings", "mapping", "told"),
    [
        (["Nr klienta", "Nazwa"], {}, "amount"),
        (["Nr klienta", "Nazwa", "Kwota", "Saldo"], {}, "Two columns for amount"),
        (["Nr klienta", "Nazwa", "Kwota"], {"X": "title"}, "does not have"),
        (["Nr klienta", "Nazwa", "Kwota"], {"Kwota": "money"}, "Unknown field"),
    ],
)
def test_columns_that_cannot_be_told(headings: list[str], mapping: dict[str, str], told: str) -> None:
    with pytest.raises(MappingError, match=told):
        columns_of(headings, mapping)
