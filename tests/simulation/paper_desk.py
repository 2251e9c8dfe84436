"""A desk on paper: the rules an agent meets, and calls that come by themselves."""

from __future__ import annotations

import copy
import random
from typing import Any

from dialer.simulation.habits import WEIGHTS, Act

CODES = [*WEIGHTS, "machine"]


class Paper:
    """The desk's rules, as far as an agent meets them, with calls that come by themselves."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.session: dict[str, Any] | None = None
        self.call: dict[str, Any] | None = None
        self.bridged: list[str] = []
        self.saved: dict[str, Act] = {}
        self.wanted_pause: str | None = None
        self.paused_on_request = 0
        self.until = 0.0

    def show(self) -> dict[str, Any]:
        return {
            "session": copy.deepcopy(self.session),
            "call": copy.deepcopy(self.call),
            "campaigns": [{"id": "c1", "name": "Kampania"}],
            "dispositions": [{"code": c, "name": c, "asks_callback": c == "callback"} for c in CODES],
        }

    def tick(self, now: float) -> None:
        """What the dialer and the debtor do meanwhile."""
        state = self.session and self.session["state"]
        if state == "connecting":
            self._to("paused", "login", leg_up=True)
        elif state == "ready" and self.rng.random() < 0.1:
            attempt = f"a{len(self.bridged)}"
            self.bridged.append(attempt)
            self.call = {"attempt_id": attempt, "ended": False}
            self.until = now + self.rng.uniform(0.2, 15)
            self._to("talking")
        elif state == "talking" and now >= self.until:
            self.hang_up()

    def hang_up(self) -> None:
        assert self.call is not None
        self.call["ended"] = True
        self._to("wrapup")

    def do(self, act: Act, now: float) -> None:
        """A request that reached the server."""
        state = self.session["state"] if self.session else None
        if act.path == "shift":
            assert act.body == {"campaign_id": "c1"}
            self.session = {"state": "connecting", "pause_reason": None, "leg_up": False}
        elif act.path == "ready":
            assert state == "paused"
            self._to("ready")
        elif act.path == "pause":
            assert state == "talking"
            self.wanted_pause = act.body["reason"]
        elif act.path == "hangup":
            assert state == "talking"
            self.hang_up()
        elif act.path == "disposition":
            attempt = act.body["attempt_id"]
            assert self.saved.setdefault(attempt, act).body["code"] == act.body["code"]
            assert (act.body["code"] == "callback") == ("callback_at" in act.body)
            if state == "wrapup" and self.call and self.call["attempt_id"] == attempt:
                self.call = None
                if self.wanted_pause:
                    self.paused_on_request += 1
                    self._to("paused", self.wanted_pause)
                    self.wanted_pause = None
                else:
                    self._to("ready")
        elif act.path == "close":
            assert state in ("ready", "paused", "connecting")
            self.session = None

    def _to(self, state: str, reason: str | None = None, *, leg_up: bool = True) -> None:
        self.session = {"state": state, "pause_reason": reason, "leg_up": leg_up}
