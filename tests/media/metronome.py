"""Tells the gaps a flood causes from those of a machine that has no time: a second sender that nobody floods."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise

from tests.media.peer import Rtp
from tests.support.processes import Processes

INTERVAL = 0.02  # s
_SENDER = """
import socket, sys, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
due = time.monotonic()
while True:
    due += 0.02
    time.sleep(max(0.0, due - time.monotonic()))
    out.sendto(bytes([0x80, 0x08] + [0] * 10), ("127.0.0.1", int(sys.argv[1])))
"""


def start_metronome(processes: Processes, rtp: Rtp) -> None:
    """A process of its own that sends a packet every 20 ms to ``rtp``."""
    processes.run([sys.executable, "-S", "-c", _SENDER, str(rtp.port)], name="metronome")


def largest_gap(times: Sequence[float], steady: Sequence[float], begin: float, end: float) -> float:
    """Longest time (s) between two of ``times`` within the span, less what the metronome was late meanwhile."""
    late = [(before + INTERVAL, after) for before, after in pairwise(steady) if after - before > 2 * INTERVAL]

    def fair(a: float, b: float) -> float:
        return b - a - sum(max(0.0, min(b, to) - max(a, since)) for since, to in late)

    return max(fair(a, b) for a, b in pairwise([begin, *(t for t in times if begin <= t <= end), end]))
