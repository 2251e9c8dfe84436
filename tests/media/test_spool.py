"""The spool and the list of known attempts, through crashes."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from dialer.media import spool as spool_module
from dialer.media.known import KEPT, Known
from dialer.media.messages import EVENT, CallAccepted, events_stream
from dialer.media.spool import Spool

pytestmark = pytest.mark.unit
CAMPAIGN, OTHER = uuid4(), uuid4()


def add(spool: Spool, campaign: UUID = CAMPAIGN, count: int = 1) -> None:
    for _ in range(count):
        seq = spool.next_seq(campaign)
        spool.add(CallAccepted(source=spool.source, seq=seq, at=1.0, campaign_id=campaign, attempt_id=uuid4()))


def numbers(spool: Spool, campaign: UUID = CAMPAIGN) -> list[tuple[str, int]]:
    found = [EVENT.validate_json(text) for _, text in spool.unacknowledged(events_stream(campaign))]
    return [(event.source, event.seq) for event in found]


def test_events_are_numbered_per_stream_and_kept_until_acknowledged(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "n1", "01a")
    add(spool, count=3)
    add(spool, OTHER)
    spool.ack("n1:01a", events_stream(CAMPAIGN), 2)
    assert numbers(spool) == [("n1:01a", 3)]
    assert numbers(spool, OTHER) == [("n1:01a", 1)]
    spool.ack("n1:01a", events_stream(CAMPAIGN), 3)
    add(spool)
    assert numbers(spool) == [("n1:01a", 4)]
    spool.ack("n1:gone", events_stream(CAMPAIGN), 9)
    assert spool.waiting() == 2


def test_the_next_incarnation_holds_what_the_one_before_could_not_get_acknowledged(tmp_path: Path) -> None:
    first = Spool(tmp_path, "n1", "01a")
    add(first, count=3)
    first.ack("n1:01a", events_stream(CAMPAIGN), 1)
    with (tmp_path / "01a" / f"{CAMPAIGN}.jsonl").open("a") as file:
        file.write('{"kind":"call_acc')  # killed in the middle of a line
    second = Spool(tmp_path, "n1", "01b")
    add(second)
    third = Spool(tmp_path, "n1", "01c")
    add(third)
    assert numbers(third) == [("n1:01a", 2), ("n1:01a", 3), ("n1:01b", 1), ("n1:01c", 1)]
    third.ack("n1:01a", events_stream(CAMPAIGN), 3)
    third.ack("n1:01b", events_stream(CAMPAIGN), 1)
    fourth = Spool(tmp_path, "n1", "01d")
    assert numbers(fourth) == [("n1:01c", 1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01c", "01d"]


def test_a_long_file_is_compacted_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "COMPACT_AFTER", 10)
    spool = Spool(tmp_path, "n1", "01a")
    add(spool, count=15)
    spool.ack("n1:01a", events_stream(CAMPAIGN), 12)
    add(spool, count=2)
    path = tmp_path / "01a" / f"{CAMPAIGN}.jsonl"
    assert len(path.read_text().splitlines()) == 5
    spool.ack("n1:01a", events_stream(CAMPAIGN), 17)
    assert path.read_text() == ""
    add(spool, count=5)
    spool.ack("n1:01a", events_stream(CAMPAIGN), 19)
    assert numbers(Spool(tmp_path, "n1", "01b")) == [("n1:01a", seq) for seq in range(20, 23)]


def test_an_event_out_of_turn_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "n1", "01a")
    event = CallAccepted(source=spool.source, seq=2, at=1.0, campaign_id=CAMPAIGN, attempt_id=uuid4())
    with pytest.raises(ValueError, match="where 1 is due"):
        spool.add(event)


def test_known_attempts_outlive_the_process_and_are_forgotten_in_time(tmp_path: Path) -> None:
    old, new = uuid4(), uuid4()
    known = Known(tmp_path / "known", now=0.0)
    known.add(old, 10.0)
    known.add(new, KEPT)
    with (tmp_path / "known").open("a") as file:
        file.write(str(uuid4())[:20])  # killed in the middle of a line
    known = Known(tmp_path / "known", now=20.0)
    assert old in known
    assert new in known
    known.prune(KEPT + 11.0)
    assert old not in known
    assert new in known
    assert old not in Known(tmp_path / "known", now=20.0)
    known.close()
