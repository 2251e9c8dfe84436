"""Which news is about one agent's desk."""

from __future__ import annotations

from uuid import UUID

from agent_ui.desk.state import Desk
from dialer.events import UiEvent


class Watch:
    """Says yes to news about the open shift last seen; without one any shift may be the one just begun."""

    def __init__(self) -> None:
        self._row: UUID | None = None

    def saw(self, desk: Desk) -> None:
        """Remember the shift the page shows now."""
        self._row = desk.row.id if desk.row else None

    def __call__(self, event: UiEvent) -> bool:
        if event.kind == "session_changed":
            return self._row in (None, event.session_id)
        return event.kind == "campaign_changed"
