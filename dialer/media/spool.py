"""Events on disk until the engine has them: numbered per stream, kept until acknowledged, sent again on demand.

One folder per incarnation (whose names sort by time), one file of JSON lines per stream. A line is written (not synced)
before the event is handed on: it survives the death of the process by any signal, though not a loss of power.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from dialer.media.messages import EVENT, MediaEvent, events_stream

COMPACT_AFTER = 5000  # acknowledged lines that may stand in a file before it is rewritten
_ACK = ".ack"


@dataclass
class _Log:
    """Events of one stream of one incarnation; ``waiting`` are the unacknowledged ones by number, in order."""

    path: Path
    campaign_id: UUID
    next_seq: int = 1
    acked: int = 0
    stale: int = 0  # acknowledged lines still in the file
    waiting: dict[int, str] = field(default_factory=dict)
    handle: int | None = None

    def append(self, seq: int, text: str) -> None:
        if self.handle is None:
            self.handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        line = text.encode() + b"\n"
        if os.write(self.handle, line) != len(line):
            raise OSError("the spool's disk is full")
        self.waiting[seq] = text

    def ack(self, seq: int) -> None:
        while self.waiting and (oldest := next(iter(self.waiting))) <= seq:
            del self.waiting[oldest]
            self.stale += 1
        self.acked = max(self.acked, seq)
        if not self.waiting:
            self._replace("")
        elif self.stale >= COMPACT_AFTER:
            self._replace("".join(f"{text}\n" for text in self.waiting.values()))
        _write_whole(self.path.with_suffix(_ACK), str(self.acked))

    def _replace(self, text: str) -> None:
        self.close()
        _write_whole(self.path, text)
        self.stale = 0

    def close(self) -> None:
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(_ACK).unlink(missing_ok=True)


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
            log.remove()
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
            log.close()

    def _log(self, campaign_id: UUID) -> _Log:
        key = (self.source, events_stream(campaign_id))
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = _Log(self._own / f"{campaign_id}.jsonl", campaign_id)
        return log

    def _load(self, folder: Path) -> None:
        source = f"{self._node}:{folder.name}"
        for path in sorted(folder.glob("*.jsonl")):
            log = _Log(path, UUID(path.stem))
            ack = path.with_suffix(_ACK)
            log.acked = int(ack.read_text() or 0) if ack.exists() else 0
            for line in path.read_text().split("\n")[:-1]:  # an unfinished last line was never handed on
                event = EVENT.validate_json(line)
                if event.seq > log.acked:
                    log.waiting[event.seq] = line
            if log.waiting:
                self._logs[source, events_stream(log.campaign_id)] = log
            else:
                log.remove()
        if not any(folder.iterdir()):
            folder.rmdir()


def _write_whole(path: Path, text: str) -> None:
    """Replace a file in one step."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text)
    fresh.replace(path)
