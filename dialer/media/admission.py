"""Who may talk to our SIP port: a filter inside the kernel, so that a flood costs this process nothing.

A classic BPF program on the UDP socket (Linux ``SO_ATTACH_FILTER``). Datagrams from known addresses (trunks, agents'
telephones, whoever answered us) all pass. From anybody else only answers and requests inside a dialog do, because a
carrier may send those from another of its hosts; an INVITE, OPTIONS, REGISTER or garbage from a stranger is dropped.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

import structlog

log = structlog.get_logger()
SO_ATTACH_FILTER = 26
MOST = 1500  # addresses; the kernel takes 4,096 instructions
STRANGERS_MAY = (b"SIP/", b"BYE ", b"ACK ", b"CANC", b"UPDA", b"PRAC", b"INFO")

_LOAD_WORD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_SOURCE = 0xFFF00000 + 12  # SKF_NET_OFF: the IPv4 header's source address
_PAYLOAD = 8  # a UDP socket's data begin at the UDP header
_PASS, _DROP = 0xFFFFFFFF, 0


def program(known: Iterable[str]) -> bytes:
    """The filter for a set of known IPv4 addresses."""
    code = [(_LOAD_WORD, 0, 0, _SOURCE)]
    for address in sorted(known)[:MOST]:
        with suppress(AddressValueError):
            code += [(_JUMP_EQUAL, 0, 1, int(IPv4Address(address))), (_RETURN, 0, 0, _PASS)]
    code.append((_LOAD_WORD, 0, 0, _PAYLOAD))
    for start in STRANGERS_MAY:
        code += [(_JUMP_EQUAL, 0, 1, int.from_bytes(start, "big")), (_RETURN, 0, 0, _PASS)]
    code.append((_RETURN, 0, 0, _DROP))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


class Admission:
    """The filter on this process's UDP socket at one port, and the addresses it knows."""

    def __init__(self, host: str, port: int) -> None:
        self._sockets = _udp_sockets(port) if sys.platform == "linux" and ":" not in host else []
        self._always: frozenset[str] = frozenset()
        self._seen: set[str] = set()
        if not self._sockets:
            log.warning("no_admission_filter", port=port)
        self._attach()

    def expect(self, addresses: Iterable[str]) -> None:
        """The addresses of trunks, in place of those told before."""
        self._always = frozenset(addresses)
        self._attach()

    def seen(self, peer: str) -> None:
        """``host:port`` that answered a request of ours or that we are about to call."""
        host = peer.rpartition(":")[0] or peer
        if host not in self._seen and host not in self._always and len(self._seen) < MOST:
            self._seen.add(host)
            self._attach()

    def _attach(self) -> None:
        if not self._sockets:
            return
        code = program(self._always | self._seen)
        buffer = ctypes.create_string_buffer(code, len(code))
        head = struct.pack("HP", len(code) // 8, ctypes.addressof(buffer))
        for sock in self._sockets:
            sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, head)


def _udp_sockets(port: int) -> list[socket.socket]:
    """Duplicates of this process's UDP sockets that are bound to ``port``."""
    found: list[socket.socket] = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError, ValueError):
            if not str(entry.readlink()).startswith("socket:"):
                continue
            sock = socket.socket(fileno=os.dup(int(entry.name)))
            if sock.type == socket.SOCK_DGRAM and sock.getsockname()[1] == port:
                found.append(sock)
            else:
                sock.close()
    return found
