"""What a simulated agent does next, given what the desk shows: pure, so that the same seed works the same shift.

The desk's state is the only truth: an act whose request was lost shows as not done and is done again; saving a
disposition twice is harmless. Only when the desk says that a call is disposed of is it forgotten.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

PATIENCE: Final = 2.0  # s until an act that changed nothing is repeated
RELUCTANCE: Final = 3  # refusals after which a disposition is exchanged for another


@dataclass(frozen=True)
class Habits:
    """From-to seconds of an agent's day, and per cent chances."""

    talk: tuple[float, float] = (4.0, 9.0)
    wrapup: tuple[float, float] = (2.0, 5.0)
    settle: tuple[float, float] = (0.3, 1.2)  # from a new state to the click that answers it
    pause: tuple[float, float] = (4.0, 10.0)
    pause_chance: float = 3.0  # after a call
    callback_in: tuple[float, float] = (20.0, 90.0)


# Per cent by code, and what the agent writes. A call the debtor ended at once is "dropped".
WEIGHTS: Final[Mapping[str, tuple[int, str]]] = {
    "promise": (32, "Obiecuje wpłatę do końca tygodnia."),
    "callback": (10, "Prosi o telefon później."),
    "refused": (16, "Nie zamierza płacić."),
    "paid": (10, "Twierdzi, że już zapłacił; sprawdzić wpłatę."),
    "disputed": (7, "Kwestionuje wysokość długu."),
    "third_party": (8, "Odebrał ktoś inny, bez informacji o sprawie."),
    "wrong_party": (4, "Pod tym numerem nikt taki nie mieszka."),
    "do_not_call": (3, "Żąda zaprzestania telefonów."),
    "dropped": (10, "Rozłączył się w trakcie rozmowy."),
}
SHORT_CALL: Final = 2.0  # s


@dataclass(frozen=True)
class Act:
    """A request to the desk, due at ``at`` (s of a steady clock). ``path`` is below /api/desk/."""

    at: float
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _Plan:
    """What the agent has made up their mind about for one call."""

    seen_at: float
    talk: float
    wrapup: float
    code: str
    note: str
    callback_in: float
    then_pause: bool
    wrapup_at: float | None = None
    refused: int = 0


class Agent:
    """One agent's mind: shown the desk, it names the next act."""

    def __init__(self, seed: str, habits: Habits | None = None) -> None:
        self.habits = habits or Habits()
        self._seed = seed
        self._plans: dict[str, _Plan] = {}
        self._since: tuple[str, float, float] = ("", 0.0, 0.0)  # state, seen at, pause before acting
        self._done: tuple[str, float] = ("", 0.0)  # last act's key and instant
        self._calls = 0

    def next_act(self, desk: Mapping[str, Any], now: float, today: datetime, *, leaving: bool) -> Act | None:
        """The next act and when; None: wait for the desk to change.

        Args:
            now: seconds of a steady clock.
            today: the present instant of the shared clock; call-backs are set from it.
            leaving: take no more calls; finish, save and close the shift.
        """
        session = desk["session"]
        if session is None:
            return None if leaving or not desk["campaigns"] else self._shift(desk, now)
        at = self._settled(f"{session['state']} {session['pause_reason']} {session['leg_up']}", now)
        act: Act | None = None
        match session["state"]:
            case "talking":
                act = self._talk(desk, now, leaving=leaving)
            case "wrapup":
                act = self._wrap_up(desk, now, today, leaving=leaving)
            case "reserved":
                pass
            case _ if leaving:
                act = Act(now, "close")
            case "paused" if session["leg_up"]:
                own = session["pause_reason"] == "break"
                act = Act(at + (self._between(self.habits.pause, "pause") if own else 0.0), "ready")
        return self._patient(act)

    def did(self, act: Act, now: float) -> None:
        """An act was requested; the desk will show it soon."""
        self._done = (_key(act), now)
        if act.path == "pause":
            for plan in self._plans.values():
                plan.then_pause = False

    def refused(self, act: Act) -> None:
        """The desk refused an act: another disposition is tried after a few times."""
        plan = self._plans.get(str(act.body.get("attempt_id")))
        if plan is not None:
            plan.refused += 1

    def _shift(self, desk: Mapping[str, Any], now: float) -> Act | None:
        at = self._settled("out", now)
        return self._patient(Act(at, "shift", {"campaign_id": desk["campaigns"][0]["id"]}))

    def _talk(self, desk: Mapping[str, Any], now: float, *, leaving: bool) -> Act | None:
        call = desk["call"]
        if call is None or call["ended"]:
            return None
        plan = self._plan(call["attempt_id"], desk, now)
        if plan.then_pause and not leaving:
            return Act(plan.seen_at + plan.talk / 2, "pause", {"reason": "break"})
        return Act(now if leaving else plan.seen_at + plan.talk, "hangup")

    def _wrap_up(self, desk: Mapping[str, Any], now: float, today: datetime, *, leaving: bool) -> Act | None:
        call = desk["call"]
        if call is None:
            return None
        plan = self._plan(call["attempt_id"], desk, now)
        if plan.wrapup_at is None:
            plan.wrapup_at = now
            if now - plan.seen_at < SHORT_CALL:
                plan.code, plan.note = self._offered(desk, "dropped")
        if plan.refused >= RELUCTANCE:
            plan.code, plan.note = self._offered(desk, "dropped")
        body: dict[str, Any] = {"attempt_id": call["attempt_id"], "code": plan.code, "note": plan.note}
        if any(d["code"] == plan.code and d["asks_callback"] for d in desk["dispositions"]):
            body["callback_at"] = (today + timedelta(seconds=plan.callback_in)).isoformat()
        return Act(now if leaving else plan.wrapup_at + plan.wrapup, "disposition", body)

    def _plan(self, attempt_id: str, desk: Mapping[str, Any], now: float) -> _Plan:
        if attempt_id not in self._plans:
            self._calls += 1
            rng = random.Random(f"{self._seed} call {self._calls}")
            offered = [d["code"] for d in desk["dispositions"] if d["code"] in WEIGHTS]
            code = rng.choices(offered, [WEIGHTS[c][0] for c in offered])[0] if offered else ""
            self._plans = {  # the last call's plan is of no use once there is a new one
                attempt_id: _Plan(
                    seen_at=now,
                    talk=rng.uniform(*self.habits.talk),
                    wrapup=rng.uniform(*self.habits.wrapup),
                    code=code or self._offered(desk, "")[0],
                    note=WEIGHTS[code][1] if code else "",
                    callback_in=rng.uniform(*self.habits.callback_in),
                    then_pause=rng.uniform(0, 100) < self.habits.pause_chance,
                )
            }
        return self._plans[attempt_id]

    @staticmethod
    def _offered(desk: Mapping[str, Any], wanted: str) -> tuple[str, str]:
        """A disposition the desk offers: the wanted one, else the first that needs no call-back."""
        codes = [d["code"] for d in desk["dispositions"] if not d["asks_callback"]]
        code = wanted if wanted in codes else codes[0]
        return code, WEIGHTS[code][1] if code in WEIGHTS else ""

    def _settled(self, state: str, now: float) -> float:
        """When the agent has taken in that the desk shows something new."""
        if self._since[0] != state:
            self._since = (state, now, self._between(self.habits.settle, "settle"))
        return self._since[1] + self._since[2]

    def _patient(self, act: Act | None) -> Act | None:
        """The act, but not at once again: the desk needs a moment to show it."""
        if act is None or self._done[0] != _key(act):
            return act
        return Act(max(act.at, self._done[1] + PATIENCE), act.path, act.body)

    def _between(self, span: tuple[float, float], what: str) -> float:
        return random.Random(f"{self._seed} {what} {self._calls}").uniform(*span)


def _key(act: Act) -> str:
    return f"{act.path} {act.body.get('attempt_id', '')}"
