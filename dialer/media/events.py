"""Telling events: numbered, written to the spool, then handed to the thread that publishes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from core.clock import Clock
from dialer.media.messages import Event, Inventory, MediaEvent, Tap, events_stream
from dialer.media.spool import Spool

E = TypeVar("E", bound=Event)


class Events:
    """The main thread's voice. ``publish`` takes stream and JSON and must not block."""

    def __init__(self, clock: Clock, spool: Spool, publish: Callable[[str, str], None], taps: str) -> None:
        self.clock = clock
        self.spool = spool
        self._publish = publish
        self._taps = taps
        self.campaigns: set[UUID] = set()

    def tell(self, kind: type[E], campaign_id: UUID, **fields: Any) -> None:
        """Send an event of ``kind`` to the campaign's engine.

        Raises:
            OSError: the spool's disk is full; the event is not sent.
        """
        self.campaigns.add(campaign_id)
        event: Any = kind(
            source=self.spool.source,
            seq=self.spool.next_seq(campaign_id),
            at=self.clock.timestamp(),
            campaign_id=campaign_id,
            **fields,
        )
        told: MediaEvent = event
        self._publish(events_stream(campaign_id), self.spool.add(told))

    def tap(self, message: Tap) -> None:
        """Tell the detectors of this node; not kept: sound that was missed is of no use later."""
        self._publish(self._taps, message.model_dump_json())

    def send_again(self, stream: str | None = None) -> None:
        """Publish all unacknowledged events of a stream, or of all streams, in order."""
        for name, text in self.spool.unacknowledged(stream):
            self._publish(name, text)

    def inventory(self, campaign_id: UUID, attempts: list[UUID], sessions: list[UUID]) -> None:
        """Tell what of a campaign is up."""
        self.tell(Inventory, campaign_id, attempts=attempts, sessions=sessions)
