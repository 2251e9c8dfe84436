"""What the calling floor tells the rest after commit, through the outbox.

Stream ``ui`` feeds the pages; ``desk`` carries what agents' pages ask of the engine. Both say only *what* changed:
the reader looks at the database, which is the single truth.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

UI = "ui"
DESK = "desk"


class _Changed(BaseModel):
    model_config = ConfigDict(frozen=True)
    campaign_id: UUID


class SessionChanged(_Changed):
    """An agent's session got another state, leg or call."""

    kind: Literal["session_changed"] = "session_changed"
    session_id: UUID


class AttemptsChanged(_Changed):
    """Attempts of the campaign moved on."""

    kind: Literal["attempts_changed"] = "attempts_changed"


class CampaignChanged(_Changed):
    """The campaign itself was edited, started or stopped."""

    kind: Literal["campaign_changed"] = "campaign_changed"


UiEvent = Annotated[SessionChanged | AttemptsChanged | CampaignChanged, Field(discriminator="kind")]
UI_EVENT: TypeAdapter[UiEvent] = TypeAdapter(UiEvent)


class HangupRequested(_Changed):
    """The agent wants the debtor's call ended."""

    kind: Literal["hangup_requested"] = "hangup_requested"
    session_id: UUID
    attempt_id: UUID


class SessionTouched(_Changed):
    """An agent opened, closed or changed a session: the engine reads its row again."""

    kind: Literal["session_touched"] = "session_touched"
    session_id: UUID


class DialRequested(_Changed):
    """An agent asks for a call to a lead (manual, preview) or a call-back now; the rules are those of the dialer."""

    kind: Literal["dial_requested"] = "dial_requested"
    session_id: UUID
    lead_id: UUID
    contact_point_id: UUID | None = None


DeskEvent = Annotated[HangupRequested | SessionTouched | DialRequested, Field(discriminator="kind")]
DESK_EVENT: TypeAdapter[DeskEvent] = TypeAdapter(DeskEvent)
