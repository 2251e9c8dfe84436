"""What a restarted media process does first: end the dialogs its killed predecessor left.

Answered ones get a BYE, ringing ones a CANCEL (and ACK and BYE if the answer crosses it), from the same address and UDP
port as before, so that carriers that know us by address accept them.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass

import structlog

from dialer.media.journal import Dialog, Journal
from dialer.media.sip import SipMessage, host_port, parse, tag_of

log = structlog.get_logger()
RESEND_EVERY = 0.25  # s; half of T1, because the debtor is listening to silence
GIVE_UP = 1.5  # s


@dataclass
class _Debt:
    """One dialog that is to be ended, and whether the far end has confirmed it."""

    key: str
    dialog: Dialog
    text: str
    settled: bool = False


def end_left_dialogs(journal: Journal, host: str, port: int, public_host: str | None = None) -> int:
    """Send what is owed, wait up to 1.5 s for the answers and empty the journal. Returns how many there were.

    Must run before PJSIP binds the port. A peer that does not answer is left to its own session timer.
    """
    address = f"{public_host or host}:{port}"
    debts = [_Debt(key, dialog, _owed(dialog, address)) for key, dialog in journal.left()]
    over_udp = [debt for debt in debts if debt.dialog.transport == "udp"]
    if over_udp:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((host, port))
            _settle(sock, over_udp, address)
    for debt in debts:
        if debt.dialog.transport != "udp":
            with suppress(OSError, ssl.SSLError):
                _over_stream(debt)
        journal.drop(debt.key)
    if debts:
        log.warning("ended_left_dialogs", dialogs=len(debts), confirmed=sum(debt.settled for debt in debts))
    return len(debts)


def _owed(dialog: Dialog, address: str) -> str:
    return dialog.cancel() if dialog.remote_target is None else dialog.bye(address)


def _settle(sock: socket.socket, debts: list[_Debt], address: str) -> None:
    by_call = {debt.dialog.call_id: debt for debt in debts}
    end = time.monotonic() + GIVE_UP
    resend_at = 0.0
    while (now := time.monotonic()) < end and not all(debt.settled for debt in debts):
        if now >= resend_at:
            resend_at = now + RESEND_EVERY
            for debt in debts:
                if not debt.settled:
                    _send(sock, debt.dialog.next_hop, debt.text)
        if select.select([sock], [], [], max(0.0, min(resend_at, end) - now))[0]:
            with suppress(OSError):
                answer = parse(sock.recv(65535).decode(errors="replace"))
                found = by_call.get(answer.value("call-id"))
                if found is not None and answer.status is not None:
                    _answered(sock, found, answer, address)


def _answered(sock: socket.socket, debt: _Debt, answer: SipMessage, address: str) -> None:
    """A response came: it confirms, or it is the 200 that crossed our CANCEL."""
    status = answer.status or 0
    if answer.method == "INVITE" and 200 <= status < 300:
        dialog = debt.dialog = debt.dialog.answered(answer)
        debt.text = dialog.bye(address)
        _send(sock, dialog.next_hop, dialog.ack(address))
        _send(sock, dialog.next_hop, debt.text)
    elif answer.method == "INVITE" and status >= 300:
        dialog = debt.dialog
        with_tag = answer.value("to") if tag_of(answer.value("to")) else dialog.remote
        _send(sock, dialog.destination, _ack_of_failure(dialog, with_tag))
        debt.settled = True
    elif answer.method == "BYE" and status >= 200:
        debt.settled = True


def _ack_of_failure(dialog: Dialog, to: str) -> str:
    """ACK of a final answer that is no 2xx: it belongs to the INVITE's transaction (RFC 3261 17.1.1.3)."""
    text = dialog.cancel().replace("CANCEL ", "ACK ", 1).replace(f"{dialog.cseq} CANCEL", f"{dialog.cseq} ACK", 1)
    return text.replace(f"To: {dialog.remote}\r\n", f"To: {to}\r\n", 1)


def _send(sock: socket.socket, uri: str, text: str) -> None:
    with suppress(OSError):
        host, port = host_port(uri)
        sock.sendto(text.encode(), (host, port))


def _over_stream(debt: _Debt) -> None:
    """TCP or TLS: a fresh connection, one request, one answer."""
    host, port = host_port(debt.dialog.next_hop, debt.dialog.transport)
    with socket.create_connection((host, port), timeout=1) as plain:
        sock = plain
        if debt.dialog.transport == "tls":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # as PJSIP does by default
            sock = context.wrap_socket(plain, server_hostname=host)
        sock.sendall(debt.text.encode())
        answer = parse(sock.recv(65535).decode(errors="replace"))
        debt.settled = answer.status is not None and answer.status >= 200
