"""The call state machine: the way of each kind of call, and what must hold whatever comes in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dialer.call import MACHINES, Action, Call, CallState, Outcome, Verdict

pytestmark = pytest.mark.unit

PATIENCE = 2.0


def answered_call() -> Call:
    call = Call()
    call.accepted()
    call.progress(1.0)
    call.answered(5.0)
    return call


def test_a_person_is_bridged_and_wrapped_up() -> None:
    call = answered_call()
    assert call.heard(5.8, Verdict.HUMAN, "short utterance") == [Action.FIND_AGENT]
    assert call.agent_found() == [Action.BRIDGE]
    assert call.bridged(5.9) == []
    assert call.hang_up() == [Action.HANG_UP]
    assert call.ended(20.0, Outcome.NO_ANSWER, PATIENCE) == [Action.WRAP_UP]
    assert (call.outcome, call.live, call.abandoned) == (Outcome.CONNECTED, True, False)


def test_a_machine_is_hung_up() -> None:
    call = answered_call()
    assert call.heard(7.0, Verdict.MACHINE_VM, "long greeting") == [Action.HANG_UP]
    call.ended(7.1, Outcome.NO_ANSWER, PATIENCE)
    assert (call.outcome, call.live) == (Outcome.MACHINE, False)


def test_a_machine_before_the_answer_is_cancelled() -> None:
    call = Call()
    call.accepted()
    call.progress(1.0)
    assert call.heard(3.0, Verdict.MACHINE_VM, "greeting", early=True) == [Action.CANCEL]
    call.ended(3.1, Outcome.NO_ANSWER, PATIENCE)
    assert (call.outcome, call.cancelled_before_answer) == (Outcome.MACHINE_EARLY, True)


@pytest.mark.parametrize(("machine", "abandoned"), [(True, False), (False, True)])
def test_a_200_that_crosses_the_cancel(machine: bool, abandoned: bool) -> None:
    call = Call()
    call.accepted()
    call.progress(1.0)
    if machine:
        call.heard(2.0, Verdict.MACHINE_VM, "greeting", early=True)
    else:
        call.stop("settled")
    assert call.answered(2.1, after_cancel=True) == [Action.HANG_UP]
    call.ended(2.2, Outcome.NO_ANSWER, PATIENCE)
    assert call.outcome is Outcome.ANSWERED_AFTER_CANCEL
    assert (call.abandoned, call.cancelled_before_answer) == (abandoned, False)


def test_nobody_free_plays_the_message_and_is_abandoned() -> None:
    call = answered_call()
    call.undecided(6.5)
    assert call.no_agent(8.5) == [Action.PLAY_MESSAGE]
    assert call.hang_up() == [Action.HANG_UP]
    call.ended(15.0, Outcome.NO_ANSWER, PATIENCE)
    assert (call.outcome, call.abandoned, call.live) == (Outcome.ABANDONED, True, True)


@pytest.mark.parametrize(("waited", "outcome"), [(0.5, Outcome.HUNG_UP_EARLY), (2.0, Outcome.ABANDONED)])
def test_who_hangs_up_in_the_queue(waited: float, outcome: Outcome) -> None:
    call = answered_call()
    call.heard(6.0, Verdict.HUMAN, "halo")
    call.ended(6.0 + waited, Outcome.NO_ANSWER, PATIENCE)
    assert call.outcome is outcome


def test_a_bridge_that_fails_puts_the_person_back_in_the_queue() -> None:
    call = answered_call()
    call.heard(6.0, Verdict.HUMAN, "halo")
    call.agent_found()
    assert call.bridge_failed() == [Action.FIND_AGENT]
    assert call.state is CallState.QUEUED


def test_an_end_before_the_agent_hears_anything_gives_the_agent_back() -> None:
    call = answered_call()
    call.heard(6.0, Verdict.HUMAN, "halo")
    call.agent_found()
    assert call.ended(6.1, Outcome.NO_ANSWER, PATIENCE) == [Action.RELEASE_AGENT]
    assert call.outcome is Outcome.HUNG_UP_EARLY


class AnyOrder(RuleBasedStateMachine):
    """Events late, twice and in any order: nothing raises, an end is final, and the figures agree with each other."""

    def __init__(self) -> None:
        super().__init__()
        self.call = Call()
        self.now = 0.0
        self.last: tuple[object, ...] | None = None

    def tick(self) -> float:
        self.now += 0.25
        return self.now

    @rule()
    def accepted(self) -> None:
        self.call.accepted()

    @rule(mailbox=st.booleans())
    def progress(self, mailbox: bool) -> None:
        self.call.progress(self.tick(), forwarded_to_mailbox=mailbox)

    @rule(crossed=st.booleans())
    def answered(self, crossed: bool) -> None:
        self.call.answered(self.tick(), after_cancel=crossed)

    @rule(verdict=st.sampled_from(Verdict), early=st.booleans())
    def heard(self, verdict: Verdict, early: bool) -> None:
        self.call.heard(self.tick(), verdict, "test", early=early)

    @rule()
    def undecided(self) -> None:
        self.call.undecided(self.tick())

    @rule()
    def agent_found(self) -> None:
        self.call.agent_found()

    @rule()
    def bridged(self) -> None:
        self.call.bridged(self.tick())

    @rule()
    def bridge_failed(self) -> None:
        self.call.bridge_failed()

    @rule()
    def agent_lost(self) -> None:
        self.call.agent_lost()

    @rule()
    def no_agent(self) -> None:
        self.call.no_agent(self.tick())

    @rule()
    def hang_up(self) -> None:
        self.call.hang_up()

    @rule()
    def stop(self) -> None:
        self.call.stop("settled")

    @rule(outcome=st.sampled_from([Outcome.BUSY, Outcome.NO_ANSWER, Outcome.DEAD_NUMBER]))
    def ended(self, outcome: Outcome) -> None:
        self.call.ended(self.tick(), outcome, PATIENCE)

    @rule()
    def lost(self) -> None:
        self.call.lost(self.tick())

    @precondition(lambda self: self.call.state is CallState.ENDED)
    @rule()
    def remember_the_end(self) -> None:
        self.last = self.facts()

    def facts(self) -> tuple[object, ...]:
        c = self.call
        return (c.state, c.outcome, c.live, c.abandoned, c.bridged_at, c.ended_at, c.answered_at)

    @invariant()
    def figures_agree(self) -> None:
        c = self.call
        if self.last is not None:
            assert self.facts() == self.last, "an end is final"
        if c.state is CallState.ENDED:
            assert c.outcome is not None
            assert c.ended_at is not None
        if c.bridged_at is not None:
            assert c.answered_at is not None
            assert c.live
            assert not c.abandoned
            assert c.outcome is Outcome.CONNECTED
        if c.abandoned:
            assert c.live
        if c.cancelled_before_answer:
            assert c.answered_at is None
        if c.live and c.state is CallState.ENDED and c.verdict in MACHINES:
            assert c.outcome is not Outcome.MACHINE


TestAnyOrder = AnyOrder.TestCase


@given(st.lists(st.sampled_from(["accepted", "agent_found", "hang_up", "bridge_failed", "agent_lost"]), max_size=20))
def test_without_an_answer_nobody_is_bridged(events: list[str]) -> None:
    call = Call()
    for name in events:
        getattr(call, name)()
    assert call.bridged_at is None
    assert not call.live
