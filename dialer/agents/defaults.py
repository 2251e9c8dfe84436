"""Dispositions and pause reasons a new brand starts with; each is a row the operator may edit."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from core.clock import Clock
from core.ids import new_id
from dialer.agents.models import Disposition, PauseReason

NONE_GIVEN: Final = "none_given"  # set by the engine when the wrap-up limit has passed

DISPOSITIONS: Final[tuple[dict[str, Any], ...]] = (
    {"code": "promise", "key": "1", "name_pl": "Obietnica zapłaty", "name_en": "Promise to pay", "outcome": "promise",
     "right_party": True},
    {"code": "callback", "key": "2", "name_pl": "Prosi o telefon później", "name_en": "Call back later",
     "outcome": "callback", "right_party": True, "asks_callback": True},
    {"code": "refused", "key": "3", "name_pl": "Odmawia zapłaty", "name_en": "Refuses to pay", "outcome": "refused",
     "right_party": True},
    {"code": "paid", "key": "4", "name_pl": "Twierdzi, że zapłacił", "name_en": "Says it is paid", "outcome": "paid",
     "right_party": True},
    {"code": "disputed", "key": "5", "name_pl": "Kwestionuje dług", "name_en": "Disputes the debt",
     "outcome": "disputed", "right_party": True},
    {"code": "third_party", "key": "6", "name_pl": "Odebrała inna osoba", "name_en": "Somebody else answered",
     "outcome": "third_party"},
    {"code": "wrong_party", "key": "7", "name_pl": "Zły numer", "name_en": "Wrong number", "outcome": "wrong_party",
     "suppress": "phone"},
    {"code": "machine", "key": "8", "name_pl": "Poczta głosowa", "name_en": "Answering machine",
     "outcome": "machine_after_bridge"},
    {"code": "do_not_call", "key": "9", "name_pl": "Żąda zaprzestania telefonów", "name_en": "Do not call",
     "outcome": "do_not_call", "right_party": True, "suppress": "debtor"},
    {"code": "dropped", "key": "0", "name_pl": "Rozłączono", "name_en": "Call dropped", "outcome": "connected"},
    {"code": NONE_GIVEN, "key": None, "name_pl": "Nie ustawiono", "name_en": "None given", "outcome": "connected"},
)  # fmt: skip

PAUSES: Final[tuple[dict[str, Any], ...]] = (
    {"code": "login", "name_pl": "Początek zmiany", "name_en": "Shift begins", "paid": True},
    {"code": "break", "name_pl": "Przerwa", "name_en": "Break", "paid": True},
    {"code": "lunch", "name_pl": "Obiad", "name_en": "Lunch", "paid": False},
    {"code": "training", "name_pl": "Szkolenie", "name_en": "Training", "paid": True},
    {"code": "manual", "name_pl": "Praca ręczna", "name_en": "Manual work", "paid": True},
)


def seed(session: AsyncSession, clock: Clock, brand_id: UUID) -> None:
    """Give a new brand its dispositions and pause reasons."""
    for fields in DISPOSITIONS:
        session.add(Disposition(id=new_id(clock), created_at=clock.now(), brand_id=brand_id, **fields))
    for fields in PAUSES:
        session.add(PauseReason(id=new_id(clock), created_at=clock.now(), brand_id=brand_id, **fields))
