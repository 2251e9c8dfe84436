"""An agent's mind against a desk on paper: every call is talked, ended and disposed of, whatever gets lost."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.simulation.habits import WEIGHTS, Act, Agent, Habits
from tests.simulation.paper_desk import Paper

pytestmark = pytest.mark.unit

TODAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STEP = 0.1  # s


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
