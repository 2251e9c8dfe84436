"""Events on disk until the engine has them: numbered per stream, kept until acknowledged, sent again on demand.

One folder per incarnation (whose names sort by time), one file per stream: a line of JSON per event, written before the
event is handed on, and a number by itself for each acknowledgement of the events up to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from dialer.media.lines import Lines
from dialer.media.messages import EVENT, MediaEvent, events_stream

COMPACT_AFTER = 5000  # lines of no use that may stand in a file before it is rewritten


@dataclass
class _Log:
    """Events of one stream of one incarnation; ``waiting`` are the unacknowledged ones by number, in order."""

    lines: Lines
    campaign_id: UUID
    next_seq: int = 1
    waiting: dict[int, str] = field(default_factory=dict)

    def append(self, seq: int, text: str) -> None:
        self.lines.append(text)
        self.waiting[seq] = text

    def ack(self, seq: int) -> None:
        self._forget(seq)
        if not self.waiting or self.lines.count - len(self.waiting) >= COMPACT_AFTER:
            self.lines.replace(self.waiting.values())
        else:
            self.lines.append(str(seq))

    def load(self) -> None:
        """Take over what an earlier incarnation left."""
        for line in self.lines.read():
            if line.isdecimal():
                self._forget(int(line))
            else:
                self.waiting[EVENT.validate_json(line).seq] = line

    def _forget(self, seq: int) -> None:
        while self.waiting and (oldest := next(iter(self.waiting))) <= seq:
            del self.waiting[oldest]


class Spool:
    """Unacknowledged events of this incarnation and of its predecessors on this node."""

    def __init__(self, folder: Path, node: str, incarnation: str) -> None:
        self.source = f"{node}:{incarnation}"
        self._node = node
        self._own = folder / incarnation
        self._logs: dict[tuple[str, str], _Log] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for earlier in sorted(folder.iterdir()):
            if earlier.is_dir() and earlier != self._own:
                self._load(earlier)
        self._own.mkdir(exist_ok=True, mode=0o700)

    def next_seq(self, campaign_id: UUID) -> int:
        """The number the next event of the campaign must carry."""
        return self._log(campaign_id).next_seq

    def add(self, event: MediaEvent) -> str:
        """Write an event of this incarnation down; returns its JSON.

        Raises:
            OSError: it could not be written; the event must not be acted on.
        """
        log = self._log(event.campaign_id)
        if event.seq != log.next_seq:
            raise ValueError(f"event {event.seq} where {log.next_seq} is due")
        text = event.model_dump_json()
        log.append(event.seq, text)
        log.next_seq += 1
        return text

    def ack(self, source: str, stream: str, seq: int) -> None:
        """Forget the events of ``source`` in ``stream`` up to ``seq``. Unknown ones are no error."""
        log = self._logs.get((source, stream))
        if log is None:
            return
        log.ack(seq)
        if source != self.source and not log.waiting:
            log.lines.remove()
            del self._logs[source, stream]

    def unacknowledged(self, stream: str | None = None) -> Iterator[tuple[str, str]]:
        """Pairs of stream and JSON, in order, earlier incarnations first; of one stream, or of all."""
        for (_, name), log in self._logs.items():
            if stream is None or name == stream:
                for text in log.waiting.values():
                    yield name, text

    def waiting(self) -> int:
        """How many events are unacknowledged."""
        return sum(len(log.waiting) for log in self._logs.values())

    def close(self) -> None:
        """Close the files."""
        for log in self._logs.values():
            log.lines.close()

    def _log(self, campaign_id: UUID) -> _Log:
        key = (self.source, events_stream(campaign_id))
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = _Log(Lines(self._own / f"{campaign_id}.jsonl"), campaign_id)
        return log

    def _load(self, folder: Path) -> None:
        source = f"{self._node}:{folder.name}"
        for path in sorted(folder.glob("*.jsonl")):
            log = _Log(Lines(path), UUID(path.stem))
            log.load()
            if log.waiting:
                self._logs[source, events_stream(log.campaign_id)] = log
            else:
                log.lines.remove()
        if not any(folder.iterdir()):
            folder.rmdir()
