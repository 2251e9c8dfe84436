"""An agent's mind against a desk on paper: every call is talked, ended and disposed of, whatever gets lost."""

import copy
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.simulation.habits import WEIGHTS, Act, Agent, Habits

pytestmark = pytest.mark.unit

TODAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STEP = 0.1  # s
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


def work(seed: int, loss: float, seconds: float = 400.0) -> tuple[Paper, list[Act]]:
    """A shift on paper. A share ``loss`` of requests never arrives, as many arrive but their answer is lost."""
    paper, agent, rng = Paper(seed), Agent(str(seed), Habits(pause_chance=20)), random.Random(seed)
    acts: list[Act] = []
    now = 0.0
    while now < seconds + 60:
        now += STEP
        leaving = now > seconds
        if not leaving or paper.session is None or paper.session["state"] not in ("ready", "connecting"):
            paper.tick(now)
        act = agent.next_act(paper.show(), now, TODAY + timedelta(seconds=now), leaving=leaving)
        if act is None or act.at > now:
            continue
        acts.append(act)
        fate = rng.random()
        if fate >= loss:
            paper.do(act, now)
        if fate >= 2 * loss:
            agent.did(act, now)
    return paper, acts


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), loss=st.sampled_from([0.0, 0.2]))
def test_no_disposition_is_lost(seed: int, loss: float) -> None:
    paper, _ = work(seed, loss, seconds=120.0)
    assert paper.bridged
    assert set(paper.saved) == set(paper.bridged)
    assert paper.session is None  # the shift is closed


def test_the_same_seed_works_the_same_shift() -> None:
    assert work(7, 0.0)[1] == work(7, 0.0)[1]
    assert work(7, 0.0)[1] != work(8, 0.0)[1]


def test_a_long_shift_has_everything() -> None:
    paper, acts = work(3, 0.0, seconds=3000.0)
    assert len(paper.bridged) > 100
    assert {act.body["code"] for act in paper.saved.values()} == set(WEIGHTS)
    assert {act.path for act in acts} == {"shift", "ready", "pause", "hangup", "disposition", "close"}
    assert paper.paused_on_request > 5
    assert all(act.body["note"] for act in paper.saved.values())


def test_call_backs_are_promised_for_later() -> None:
    paper, _ = work(3, 0.0, seconds=3000.0)
    due = [act for act in paper.saved.values() if act.body["code"] == "callback"]
    assert due
    for act in due:
        promised = datetime.fromisoformat(act.body["callback_at"])
        assert promised.tzinfo is not None
        assert promised > TODAY + timedelta(seconds=act.at)


def test_an_act_is_repeated_only_after_patience() -> None:
    agent = Agent("x")
    desk = {"session": None, "call": None, "campaigns": [{"id": "c"}], "dispositions": []}
    first = agent.next_act(desk, 0.0, TODAY, leaving=False)
    assert first is not None
    agent.did(first, 5.0)
    again = agent.next_act(desk, 5.1, TODAY, leaving=False)
    assert again is not None
    assert again.at == 7.0


def test_what_is_refused_again_and_again_becomes_another_disposition() -> None:
    agent = Agent("x", Habits(wrapup=(0, 0)))
    desk = {
        "session": {"state": "talking", "pause_reason": None, "leg_up": True},
        "call": {"attempt_id": "a", "ended": False},
        "campaigns": [],
        "dispositions": [{"code": c, "asks_callback": c == "callback"} for c in ("callback", "dropped")],
    }
    agent.next_act(desk, 0.0, TODAY, leaving=False)
    desk["session"] = {"state": "wrapup", "pause_reason": None, "leg_up": True}
    given_up = {"callback": 0, "dropped": 0}
    for second in range(10, 60, 10):
        act = agent.next_act(desk, float(second), TODAY, leaving=True)
        assert act is not None
        given_up[act.body["code"]] += 1
        agent.did(act, float(second))
        agent.refused(act)
    assert given_up["dropped"] >= 2


def test_nobody_assigned_to_a_campaign_waits() -> None:
    desk = {"session": None, "call": None, "campaigns": [], "dispositions": []}
    assert Agent("x").next_act(desk, 0.0, TODAY, leaving=False) is None
