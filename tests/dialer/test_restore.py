"""An engine that takes over rebuilds each call from its row; from then on it behaves as the first one would have."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.attempts.models import Attempt
from dialer.call import Call, CallState, Outcome, Verdict
from dialer.engine.calls import LiveCall, restore

pytestmark = pytest.mark.unit

ID = UUID(int=1)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
START = NOW.timestamp()

STEPS = st.one_of(
    st.tuples(st.just("accepted")),
    st.tuples(st.just("progress"), st.booleans()),
    st.tuples(st.just("answered"), st.booleans()),
    st.tuples(st.just("heard"), st.sampled_from(Verdict), st.booleans()),
    st.tuples(st.just("undecided")),
    st.tuples(st.just("agent_found")),
    st.tuples(st.just("bridged")),
    st.tuples(st.just("bridge_failed")),
    st.tuples(st.just("no_agent")),
    st.tuples(st.just("hang_up")),
    st.tuples(st.just("stop")),
    st.tuples(st.just("ended"), st.sampled_from([Outcome.BUSY, Outcome.NO_ANSWER])),
    st.tuples(st.just("lost")),
)

TO_THE_QUEUE = (("accepted",), ("progress", False), ("answered", False), ("heard", Verdict.HUMAN, False))
WAYS: tuple[tuple[tuple[object, ...], ...], ...] = (
    (*TO_THE_QUEUE, ("agent_found",), ("bridged",), ("hang_up",)),
    (*TO_THE_QUEUE, ("agent_found",), ("bridge_failed",), ("no_agent",), ("hang_up",)),
    (("accepted",), ("progress", False), ("answered", False), ("undecided",), ("no_agent",)),
    (("accepted",), ("progress", False), ("answered", False), ("heard", Verdict.FAX, False)),
    (("accepted",), ("progress", True), ("answered", True)),
    (("accepted",), ("progress", False), ("heard", Verdict.MACHINE_VM, True), ("answered", True)),
    (("accepted",), ("progress", False), ("stop",), ("answered", True)),
)
BEGINNINGS = st.sampled_from(WAYS).flatmap(
    lambda way: st.integers(min_value=0, max_value=len(way)).map(lambda count: list(way[:count]))
)


def do(machine: Call, step: tuple[object, ...], at: float) -> list[object]:
    """Put one step through a machine."""
    name, *args = step
    match name:
        case "progress":
            return list(machine.progress(at, forwarded_to_mailbox=bool(args[0])))
        case "answered":
            return list(machine.answered(at, after_cancel=bool(args[0])))
        case "heard":
            assert isinstance(args[0], Verdict)
            return list(machine.heard(at, args[0], "test", early=bool(args[1])))
        case "undecided" | "bridged" | "no_agent" | "lost":
            return list(getattr(machine, str(name))(at))
        case "stop":
            return list(machine.stop("stopped"))
        case "ended":
            assert isinstance(args[0], Outcome)
            return list(machine.ended(at, args[0], 2.0))
    return list(getattr(machine, str(name))())


def live_call(machine: Call) -> LiveCall:
    return LiveCall(
        id=ID, brand_id=ID, campaign_id=ID, lead_id=ID, debtor_id=ID, case_id=ID, contact_point_id=ID,
        phone="+48601000001", trunk_id=ID, media_node="n1", created_at=NOW, ring_timeout=25, machine=machine,
        session_id=ID, agent_id=ID,
    )  # fmt: skip


def copy_of(call: LiveCall) -> LiveCall:
    """What another engine makes of the call's row."""
    fixed = {
        "id": ID, "created_at": NOW, "brand_id": ID, "campaign_id": ID, "lead_id": ID, "debtor_id": ID, "case_id": ID,
        "contact_point_id": ID, "phone": call.phone, "trunk_id": ID, "caller_id_id": ID, "caller_id": "+48221230000",
        "mode": "progressive", "media_node": "n1", "fence": 1,
    }  # fmt: skip
    return restore(Attempt(**fixed, **call.columns()), 25, ID, ID)


@given(BEGINNINGS, st.lists(STEPS, min_size=1, max_size=8))
def test_a_restored_call_goes_on_as_the_first_would(
    before: list[tuple[object, ...]], after: list[tuple[object, ...]]
) -> None:
    machine = Call()
    for n, step in enumerate(before):
        do(machine, step, START + n)
    if machine.state is CallState.ENDED:
        return  # ended calls are not restored
    first = live_call(machine)
    second = copy_of(first)
    for n, step in enumerate(after, start=len(before)):
        assert do(first.machine, step, START + n) == do(second.machine, step, START + n), step
    assert first.columns() == second.columns()
