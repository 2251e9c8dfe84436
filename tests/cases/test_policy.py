"""The rules on facts already gathered: what is allowed, why not, and when next."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.contact.packs import FIGURES, PACKS, PolicyError, pack_of, tightened
from cases.contact.policy import Contact, PolicyDecision, Request, judge
from cases.contact.texts import TEXTS, explain
from cases.models import CaseState, Channel, Direction
from numbering.models import SuppressionKind
from numbering.suppression import Hit

pytestmark = pytest.mark.unit

WARSAW = ZoneInfo("Europe/Warsaw")
WHO, CASE, OTHER_CASE = UUID(int=1), UUID(int=2), UUID(int=3)
MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=WARSAW)


def call(at: datetime, **values: Any) -> Contact:
    facts: dict[str, Any] = {
        "case_id": CASE,
        "channel": Channel.CALL,
        "direction": Direction.OUT,
        "at": at,
        "counts": True,
        "conversation": False,
    }
    return Contact(**{**facts, **values})


def decision(
    now: datetime,
    contacts: list[Contact] | None = None,
    *,
    pack: str = "pl",
    channel: Channel = Channel.CALL,
    zone: str = "Europe/Warsaw",
    state: CaseState | None = CaseState.OPEN,
    stop: Hit | None = None,
    asked_for: bool = False,
    tighten: dict[str, Any] | None = None,
) -> PolicyDecision:
    rules = tightened(pack_of(pack), tighten or {})
    request = Request(WHO, CASE, zone, "+48600700800", asked_for)
    return judge(rules, channel, request, now.astimezone(UTC), state, stop, contacts or [])


def local(year: int, month: int, day: int, hour: int, minute: int = 0, zone: str = "Europe/Warsaw") -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone))


def test_an_ordinary_working_hour() -> None:
    assert decision(MONDAY).allowed


@pytest.mark.parametrize(
    ("now", "following"),
    [
        (local(2026, 11, 23, 7, 59), local(2026, 11, 23, 8)),
        (local(2026, 11, 23, 20), local(2026, 11, 24, 8)),
        (local(2026, 11, 27, 20), local(2026, 11, 28, 9)),  # Friday evening, then a shorter Saturday
        (local(2026, 11, 28, 15), local(2026, 11, 30, 8)),  # Saturday afternoon, then no Sunday
        (local(2026, 11, 10, 21), local(2026, 11, 12, 8)),  # 11 November
        (local(2026, 12, 23, 20), local(2026, 12, 28, 8)),  # Christmas Eve is a holiday since 2025; then a weekend
        (local(2026, 4, 4, 15), local(2026, 4, 7, 8)),  # Easter
        (local(2026, 6, 4, 12), local(2026, 6, 5, 8)),  # Corpus Christi
        (local(2026, 3, 28, 15), local(2026, 3, 30, 8)),  # over the change to summer time
        (local(2026, 10, 24, 15), local(2026, 10, 26, 8)),  # and back
    ],
)
def test_hours_in_poland(now: datetime, following: datetime) -> None:
    told = decision(now)
    assert (told.allowed, told.reasons, told.next_allowed) == (False, ("outside_window",), following)


@pytest.mark.parametrize(
    ("zone", "allowed"),
    [("Europe/London", True), ("America/New_York", False), ("Asia/Tokyo", True), ("Pacific/Auckland", False)],
)
def test_hours_are_those_of_the_debtor(zone: str, allowed: bool) -> None:
    assert decision(MONDAY, zone=zone).allowed is allowed


def test_letters_and_mails_know_no_hours() -> None:
    night = local(2026, 11, 22, 12)  # a Sunday; five in the morning in Chicago
    assert decision(night, channel=Channel.LETTER).allowed
    assert decision(night, channel=Channel.EMAIL).allowed
    assert not decision(night, channel=Channel.SMS).allowed
    assert not decision(night, channel=Channel.EMAIL, pack="us_reg_f", zone="America/Chicago").allowed


def test_three_attempts_a_day_whatever_the_case() -> None:
    three = [call(MONDAY - timedelta(hours=n), case_id=OTHER_CASE) for n in (0, 1, 2)]
    told = decision(MONDAY, three)
    assert told.reasons == ("attempts_today",)
    assert told.next_allowed == local(2026, 11, 24, 8)
    assert decision(MONDAY, three[:2]).allowed
    assert explain(told, "en", WARSAW) == "3 of 3 attempts today, next allowed 2026-11-24 08:00"
    assert explain(told, "pl", WARSAW) == "wykonano 3 z 3 prób dzisiaj, następny kontakt możliwy 2026-11-24 08:00"


def test_the_day_is_the_debtors() -> None:
    late = local(2026, 11, 22, 23, 30)  # the 22nd in Warsaw, the 22nd in New York; the 23rd in Tokyo
    assert decision(MONDAY, [call(late)] * 3).allowed
    assert decision(local(2026, 11, 23, 9), [call(late)] * 3, zone="Asia/Tokyo").reasons == ("attempts_today",)


def test_seven_in_seven_days_on_the_case_alone() -> None:
    seven = [call(MONDAY - timedelta(days=n)) for n in (1, 1, 2, 3, 4, 5, 6)]
    told = decision(MONDAY, seven)
    assert told.reasons == ("attempts_7_days",)
    assert told.next_allowed == local(2026, 11, 24, 8)  # the one of the 17th leaves the week
    assert decision(MONDAY, [call(c.at, case_id=OTHER_CASE) for c in seven]).allowed
    assert decision(MONDAY, [call(c.at - timedelta(days=1)) for c in seven]).allowed is True


def test_what_a_cap_does_not_count() -> None:
    never = [call(MONDAY, counts=False)] * 5 + [call(MONDAY, direction=Direction.IN)] * 5
    assert decision(MONDAY, never + [call(MONDAY, channel=Channel.SMS)] * 5).allowed
    assert decision(MONDAY, [call(MONDAY, channel=Channel.VOICE_MESSAGE)] * 3).reasons == ("attempts_today",)


def test_regulation_f() -> None:
    noon = local(2026, 11, 23, 12, zone="America/Chicago")
    told = decision(noon, [call(noon - timedelta(hours=1))] * 7, pack="us_reg_f", zone="America/Chicago")
    assert told.reasons == ("attempts_7_days",)
    assert told.next_allowed == local(2026, 11, 30, 8, zone="America/Chicago")
    assert decision(noon, [call(noon, counts=False)] * 9, pack="us_reg_f", zone="America/Chicago").allowed


@pytest.mark.parametrize("direction", Direction)
def test_a_conversation_is_day_one_of_seven_of_quiet(direction: Direction) -> None:
    talk = local(2026, 11, 16, 9, zone="America/Chicago")
    talked = [call(talk, conversation=True, direction=direction)]
    for days in range(7):
        told = decision(talk + timedelta(days=days), talked, pack="us_reg_f", zone="America/Chicago")
        assert told.reasons == ("quiet_period",)
        assert told.next_allowed == local(2026, 11, 23, 8, zone="America/Chicago")
    assert decision(talk + timedelta(days=7), talked, pack="us_reg_f", zone="America/Chicago").allowed


def test_a_call_back_the_debtor_asked_for_is_no_breach_of_the_quiet() -> None:
    talked = [call(MONDAY - timedelta(hours=1), conversation=True)]
    assert decision(MONDAY, talked).reasons == ("quiet_period",)
    assert decision(MONDAY, talked, asked_for=True).allowed
    assert not decision(local(2026, 11, 22, 10), talked, asked_for=True).allowed


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (CaseState.ON_HOLD, "case_on_hold"),
        (CaseState.SETTLED, "case_settled"),
        (CaseState.CLOSED, "case_closed"),
        (None, "no_case"),
    ],
)
def test_only_open_cases(state: CaseState | None, reason: str) -> None:
    told = decision(local(2026, 11, 22, 10), state=state)
    assert told.reasons == (reason, "outside_window")
    assert told.next_allowed is None  # time does not heal it


@pytest.mark.parametrize("kind", SuppressionKind)
def test_suppressed(kind: SuppressionKind) -> None:
    told = decision(MONDAY, stop=Hit(kind, "do_not_call", None))
    assert (told.reasons, told.next_allowed) == ((f"suppressed_{kind.value}",), None)
    assert "do_not_call" in explain(told, "en", WARSAW)
    until = MONDAY + timedelta(hours=12)
    assert decision(MONDAY, stop=Hit(kind, "asked", until)).next_allowed == local(2026, 11, 24, 8)


@pytest.mark.parametrize("zone", ["Nowhere/Else", "", "../etc/passwd", "Europe"])
def test_a_zone_nobody_knows_stops_that_debtor_only(zone: str) -> None:
    assert decision(MONDAY, zone=zone).reasons == ("zone_unknown",)


def test_tightened_never_loosened() -> None:
    pl = PACKS["pl"]
    loose = {"attempts_per_day": 9, "attempts_per_7_days": 50, "quiet_days": 0, "hours": {"sun": ["00:00", "23:59"]}}
    assert tightened(pl, loose) == pl
    tight = {"attempts_per_day": 1, "quiet_days": 5, "hours": {"mon": ["10:30", "23:00"], "sat": None}}
    assert decision(MONDAY, tighten=tight).next_allowed == local(2026, 11, 23, 10, 30)
    assert decision(local(2026, 11, 23, 20, 30), tighten=tight).reasons == ("outside_window",)
    assert decision(local(2026, 11, 23, 11), [call(MONDAY)], tighten=tight).reasons == ("attempts_today",)
    assert decision(local(2026, 11, 28, 11), tighten=tight).next_allowed == local(2026, 11, 30, 10, 30)


def test_nothing_left_open_is_told_without_a_time() -> None:
    never = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat"))
    assert decision(MONDAY, tighten={"hours": never}).next_allowed is None
    assert decision(MONDAY, tighten={"attempts_per_day": 0}).next_allowed is None


@pytest.mark.parametrize(
    "figures",
    [
        {"attempts": 3},
        {"attempts_per_day": "3"},
        {"attempts_per_day": -1},
        {"attempts_per_day": True},
        {"hours": {"monday": None}},
        {"hours": {"mon": ["9"]}},
        {"hours": {"mon": ["17:00", "09:00"]}},
    ],
)
def test_figures_that_make_no_sense(figures: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        tightened(PACKS["pl"], figures)


def test_every_pack_is_whole() -> None:
    for code, pack in PACKS.items():
        assert pack.code == code
        assert len(pack.hours.week) == 7
        ruled = {"hours", "live"} | {cap.code for cap in pack.caps if cap.limit is not None}
        ruled |= {pack.quiet.code} if pack.quiet.days else set()
        assert set(pack.sources) == ruled
    with pytest.raises(PolicyError, match="us_reg_f"):
        pack_of("mars")
    assert len(FIGURES) == 4


ZONES = st.sampled_from(
    [
        "Europe/Warsaw", "Europe/London", "America/New_York", "America/Phoenix", "America/Santiago", "Africa/Cairo",
        "Asia/Kolkata", "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "UTC",
    ]
)  # fmt: skip
INSTANTS = st.integers(1735689600, 1861833600).map(lambda second: datetime.fromtimestamp(second, UTC))  # 2025 to 2028
CONTACTS = st.lists(
    st.builds(
        lambda hours, **facts: (hours, facts),
        st.integers(min_value=0, max_value=9 * 24),
        case_id=st.sampled_from([CASE, OTHER_CASE, None]),
        channel=st.sampled_from(Channel),
        direction=st.sampled_from(Direction),
        counts=st.booleans(),
        conversation=st.booleans(),
    ),
    max_size=25,
)


@given(
    INSTANTS,
    ZONES,
    CONTACTS,
    st.sampled_from(sorted(PACKS)),
    st.sampled_from(Channel),
    st.dictionaries(
        st.sampled_from(["attempts_per_day", "attempts_per_7_days", "quiet_days"]), st.integers(1, 9), max_size=3
    ),
)
def test_the_next_time_told_is_the_first_one_allowed(
    now: datetime,
    zone: str,
    history: list[tuple[int, dict[str, Any]]],
    pack: str,
    channel: Channel,
    tighten: dict[str, Any],
) -> None:
    contacts = [call(now - timedelta(hours=hours), **facts) for hours, facts in history]
    told = decision(now, contacts, pack=pack, channel=channel, zone=zone, tighten=tighten)
    assert told.allowed == (not told.reasons)
    assert set(told.reasons) <= set(TEXTS)
    assert explain(told, "pl", ZoneInfo(zone))
    if told.allowed:
        return
    following = told.next_allowed
    assert following is not None
    assert following > now
    assert decision(following, contacts, pack=pack, channel=channel, zone=zone, tighten=tighten).allowed
    before = following - timedelta(minutes=1)
    if before > now:
        assert not decision(before, contacts, pack=pack, channel=channel, zone=zone, tighten=tighten).allowed


@given(INSTANTS, CONTACTS, st.sampled_from(sorted(PACKS)), st.integers(0, 9), st.integers(0, 9))
def test_tighter_figures_never_allow_more(
    now: datetime, history: list[tuple[int, dict[str, Any]]], pack: str, per_day: int, quiet: int
) -> None:
    contacts = [call(now - timedelta(hours=hours), **facts) for hours, facts in history]
    tight = decision(now, contacts, pack=pack, tighten={"attempts_per_day": per_day, "quiet_days": quiet})
    assert decision(now, contacts, pack=pack).allowed or not tight.allowed


def test_polish_holidays_are_those_of_the_law() -> None:
    from cases.contact.hours import public_holidays

    days = public_holidays("PL", 2026)
    assert {date(2026, 1, 6), date(2026, 5, 3), date(2026, 11, 1), date(2026, 11, 11), date(2026, 12, 24)} <= days
    assert date(2026, 11, 23) not in days
