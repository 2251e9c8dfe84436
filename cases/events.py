"""What the debtor card tells the rest after commit, through the outbox: contact must stop, at once."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

CASES: Final = "cases"


class _CaseMessage(BaseModel):
    model_config = ConfigDict(frozen=True)
    brand_id: UUID


class CaseSettled(_CaseMessage):
    """The case is paid: ringing legs are cancelled, queued messages dropped, agents see it at once."""

    kind: Literal["case_settled"] = "case_settled"
    case_id: UUID
    debtor_id: UUID


class ContactStopped(_CaseMessage):
    """A person or one of their numbers may not be contacted any more."""

    kind: Literal["contact_stopped"] = "contact_stopped"
    debtor_id: UUID | None = Field(default=None, description="whose contact stops; None: everybody's at this value")
    value: str | None = Field(default=None, description="E.164 or e-mail; None: every point of the debtor")
    reason: str


CaseEvent = Annotated[CaseSettled | ContactStopped, Field(discriminator="kind")]
CASE_EVENT: TypeAdapter[CaseEvent] = TypeAdapter(CaseEvent)
