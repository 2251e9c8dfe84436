"""The detector's tap: grows while the call runs, begins with early media, is gone at the end."""

from __future__ import annotations

import asyncio
import json
import struct
from itertools import pairwise
from pathlib import Path

import pytest

from dialer.media import messages as m
from tests.media.driver import Driver
from tests.media.peer import Peer, PeerCall
from tests.support.until import until

pytestmark = pytest.mark.sip
HEADER = 44  # bytes
STEP = 1280  # bytes; two writes of 40 ms, because the test looks every 20 ms and may be late
PACKAGED_WHEEL = 4  # calls


def size(path: Path) -> int:
    """Bytes in the file, 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


async def max_calls(media: Driver) -> int:
    """How many calls the process says it can carry."""
    return int(json.loads(await media.bus.redis.get(m.alive_key(media.node)))["max_calls"])


def last_second(path: Path) -> tuple[int, ...]:
    return struct.unpack("<8000h", path.read_bytes()[-16000:])


async def test_one_file_from_early_media_to_the_end(media: Driver, peer: Peer) -> None:
    answer = asyncio.Event()

    async def announces(call: PeerCall) -> None:
        call.reply(183, sdp=True)
        await answer.wait()
        call.reply(200, sdp=True)

    peer.behaviours["+48505"] = announces
    attempt = await media.place("+48505000001")
    progress = await media.event(attempt, m.CallProgress)
    assert (progress.sip_code, progress.early_media) == (183, True)
    opened = (await until(lambda: [t for t in media.taps if isinstance(t, m.TapOpened)]))[0]
    assert opened.early
    assert opened.attempt_id == attempt
    path = Path(opened.path)
    await until(lambda: size(path) > HEADER + 8000, what="half a second of early audio")
    sizes = [size(path)]
    for _ in range(20):
        sizes.append(await until(lambda: (now := size(path)) > sizes[-1] and now))
    if await max_calls(media) > PACKAGED_WHEEL:  # which writes in steps of 4,096 bytes
        assert sorted(b - a for a, b in pairwise(sizes))[len(sizes) // 2] <= STEP
    before = size(path)
    answer.set()
    await media.event(attempt, m.CallAnswered)
    await until(lambda: [t for t in media.taps if isinstance(t, m.TapAnswered)])
    await until(lambda: size(path) > before + 16000)
    assert max(last_second(path)) > 1000
    assert len([t for t in media.taps if isinstance(t, m.TapOpened)]) == 1
    await media.send(m.HangupCall(attempt_id=attempt))
    await until(lambda: [t for t in media.taps if isinstance(t, m.TapClosed)])
    assert size(path) == 0
    assert [type(t) for t in media.taps] == [m.TapOpened, m.TapAnswered, m.TapClosed]


async def test_no_file_without_audio(media: Driver, peer: Peer) -> None:
    attempt = await media.place("+48503000001")
    await media.event(attempt, m.CallEnded)
    assert not media.taps
