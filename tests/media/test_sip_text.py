"""Reading SIP as text, and the requests a restarted process owes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.media import journal as journal_module
from dialer.media.journal import Dialog, Journal
from dialer.media.limits import TokenBucket
from dialer.media.sip import cause_of, host_port, parse, retry_after, signals_of, split_list, tag_of, uri_of

pytestmark = pytest.mark.unit

INVITE = parse(
    "INVITE sip:+48501@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5080;rport;branch=z9hG4bKabc\r\n"
    "Route: <sip:proxy.invalid;lr>\r\nFrom: <sip:a@x>;tag=us\r\nTo: <sip:+48501@192.0.2.9>\r\n"
    "Call-ID: c1\r\nCSeq: 12 INVITE\r\n\r\n"
)
ANSWER = parse(
    "SIP/2.0 200 OK\nv: SIP/2.0/UDP 192.0.2.1:5080\nRecord-Route: <sip:b.invalid;lr>, <sip:c.invalid:5070;lr>\n"
    "Record-Route: <sip:d.invalid;lr>\nf: <sip:a@x>;tag=us\nt: <sip:+48501@192.0.2.9>;tag=them\ni: c1\n"
    'CSeq: 12 INVITE\nm: "x" <sip:gw@192.0.2.77:5099>;q=1\nc: application/sdp\nl: 4\n\nv=0\n'
)


def test_headers_are_read_in_full_and_compact_form_and_folded() -> None:
    assert (ANSWER.status, ANSWER.method, ANSWER.has_sdp) == (200, "INVITE", True)
    assert tag_of(ANSWER.value("to")) == "them"
    assert uri_of(ANSWER.value("contact")) == "sip:gw@192.0.2.77:5099"
    folded = parse("SIP/2.0 486 Busy\r\nReason: Q.850\r\n ;cause=17\r\n\r\n")
    assert folded.value("reason") == "Q.850 ;cause=17"


@pytest.mark.parametrize(
    ("value", "cause", "text"),
    [
        ('Q.850;cause=17;text="User busy"', 17, "User busy"),
        ('SIP;cause=480;text="x, y", Q.850 ; cause=20 ; text="off"', 20, "off"),
        ("q.850;cause=1", 1, "q.850 1"),
        ("SIP;cause=603", None, "SIP 603"),
        (";;cause=,Q.850;cause=x", None, None),
    ],
)
def test_reasons(value: str, cause: int | None, text: str | None) -> None:
    found = cause_of(parse(f"SIP/2.0 480 X\r\nReason: {value}\r\n\r\n"))
    assert found.q850 == cause
    if text is not None:
        assert found.text in (text, None)


def test_signals_and_retry_after() -> None:
    message = parse("SIP/2.0 503 X\r\nRetry-After: 30 (soon)\r\nDiversion: <sip:a@b>;reason=busy\r\n\r\n")
    assert signals_of(message) == {"diversion": "<sip:a@b>;reason=busy"}
    assert retry_after(message) == 30
    assert retry_after(parse("SIP/2.0 503 X\r\nRetry-After: soon\r\n\r\n")) is None


@given(st.text())
def test_anything_is_read_without_an_error(text: str) -> None:
    message = parse(text)
    cause_of(message)
    signals_of(message)
    assert message.has_sdp in (True, False)
    host_port(uri_of(text))
    split_list(text)


@pytest.mark.parametrize(
    ("uri", "transport", "place"),
    [
        ("sip:a@192.0.2.1:5070;lr", "udp", ("192.0.2.1", 5070)),
        ("sip:host.invalid", "tls", ("host.invalid", 5061)),
        ("192.0.2.1:5090", "udp", ("192.0.2.1", 5090)),
        ("sip:a@[2001:db8::1]:5070", "tcp", ("2001:db8::1", 5070)),
    ],
)
def test_where_a_uri_points(uri: str, transport: str, place: tuple[str, int]) -> None:
    assert host_port(uri, transport) == place


def test_a_ringing_dialog_owes_a_cancel_with_the_same_branch() -> None:
    cancel = parse(Dialog.of_invite(INVITE, "udp", "192.0.2.5:5060").cancel())
    assert cancel.first_line == "CANCEL sip:+48501@192.0.2.9 SIP/2.0"
    assert cancel.value("via") == INVITE.value("via")
    assert cancel.value("cseq") == "12 CANCEL"
    assert cancel.values("route") == ["<sip:proxy.invalid;lr>"]


def test_an_answered_dialog_owes_a_bye_along_its_route_set() -> None:
    dialog = Dialog.of_invite(INVITE, "udp", "192.0.2.5:5060").answered(ANSWER)
    bye = parse(dialog.bye("192.0.2.1:5080"))
    assert bye.first_line == "BYE sip:gw@192.0.2.77:5099 SIP/2.0"
    assert bye.values("route") == ["<sip:d.invalid;lr>", "<sip:c.invalid:5070;lr>", "<sip:b.invalid;lr>"]
    assert (tag_of(bye.value("from")), tag_of(bye.value("to"))) == ("us", "them")
    assert int(bye.value("cseq").split()[0]) > 12
    assert dialog.next_hop == "sip:d.invalid;lr"
    assert parse(dialog.ack("192.0.2.1:5080")).value("cseq") == "12 ACK"


def test_the_journal_holds_what_is_up_and_drops_what_it_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    ringing = Dialog.of_invite(INVITE, "udp", "192.0.2.5:5060")
    journal.keep("one", ringing)
    journal.keep("two", ringing)
    journal.keep("one", dialog := ringing.answered(ANSWER))
    journal.drop("two")
    with path.open("a") as file:
        file.write('bad {"call_id": 1}\nthree {"call_i')  # killed in the middle of a line
    successor = Journal(path)
    assert dict(successor.left()) == {"one": dialog}
    successor.drop("one")
    assert path.read_text() == ""
    successor.keep("four", ringing)
    assert dict(Journal(path).left()) == {"four": ringing}


def test_a_long_journal_is_rewritten_with_what_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "COMPACT_AFTER", 10)
    path = tmp_path / "journal"
    journal = Journal(path)
    dialog = Dialog.of_invite(INVITE, "udp", "192.0.2.5:5060")
    journal.keep("standing", dialog)
    for n in range(50):
        journal.keep(str(n), dialog)
        journal.drop(str(n))
        assert len(path.read_text().splitlines()) <= 14
    assert dict(Journal(path).left()) == {"standing": dialog}


def test_the_bucket_gives_its_rate_and_one_second_of_burst() -> None:
    bucket = TokenBucket(2.0)
    assert [bucket.take(0.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(0.5), bucket.take(0.5)] == [True, False]
    assert sum(bucket.take(1.0 + n / 100) for n in range(1000)) == 20
    slow = TokenBucket(0.5)
    assert [slow.take(0.0), slow.take(1.0), slow.take(2.0)] == [True, False, True]
