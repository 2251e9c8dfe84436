"""The library numbers its calls and gives the number of one that has ended to the next: what is left of the first must
not touch the second."""

from __future__ import annotations

import sys

import pytest

from tests.media.peer import Peer, answers
from tests.support.ports import Ports
from tests.support.processes import Processes
from tests.support.until import until

pytestmark = pytest.mark.sip

_CALLER = """
import gc, sys, time
import pjsua2 as pj
from dialer.media.endpoint import call_param, let_go, start_endpoint

sip_port, rtp_port, target = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
endpoint = start_endpoint(host="127.0.0.1", sip_port=sip_port, rtp_port=rtp_port, rtp_ports=20, max_calls=1)
account = pj.Account()
account.create(endpoint.account_config(f"sip:x@127.0.0.1:{sip_port}"))

def turn(until, seconds=10.0):
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        endpoint.libHandleEvents(5)

class Call(pj.Call):
    state = None
    def onCallState(self, prm):
        self.state = self.getInfo().state

def up():
    call = Call(account)
    call.makeCall(target, call_param())
    turn(lambda: call.state == pj.PJSIP_INV_STATE_CONFIRMED)
    return call

first = up()
first.hangup(call_param(bare=True))
let_go(first)
turn(lambda: False, 0.5)  # the BYE's answer frees the only slot
second = up()
del first
gc.collect()
turn(lambda: second.state == pj.PJSIP_INV_STATE_DISCONNECTED, 1.0)
print("second is", "up" if second.isActive() else "gone", flush=True)
second.hangup(call_param(bare=True))
let_go(second)
turn(lambda: False, 0.5)
del second
endpoint.libDestroy()
"""


async def test_an_ended_call_leaves_the_next_one_in_its_slot_alone(
    peer: Peer, ports: Ports, processes: Processes
) -> None:
    peer.behaviours["+48501"] = answers
    target = f"sip:+48501000001@127.0.0.1:{peer.port}"
    argv = [sys.executable, "-c", _CALLER, str(ports.take()), str(ports.take(20)), target]
    child = processes.run(argv, name="caller")
    await until(lambda: not child.alive, 40.0, "the caller's end")
    assert child.popen.returncode == 0, child.tail()
    assert "second is up" in child.log.read_text()
