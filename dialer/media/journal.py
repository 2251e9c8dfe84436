"""Dialogs on disk: what a restarted process needs to end what its killed predecessor left up.

One line per dialog when the INVITE leaves, a newer one when the answer comes, its key alone at the end. The file is
empty whenever nothing is up.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dialer.media.lines import Lines
from dialer.media.sip import SipMessage, split_list, uri_of

CSEQ_LEAP = 1000  # requests the dead process may have sent in the dialog since the INVITE, with room
COMPACT_AFTER = 500  # lines of no use that may stand in the file before it is rewritten


@dataclass(frozen=True)
class Dialog:
    """An INVITE that left, and the dialog it made if it was answered (``remote_target`` is set then).

    ``destination`` is ``host:port`` the INVITE went to; ``routes`` is the dialog's route set (RFC 3261 12.1.2).
    """

    call_id: str
    local: str  # our From value with tag
    remote: str  # To value, with the peer's tag once there is one
    cseq: int
    request_uri: str
    via: str
    transport: str
    destination: str
    invite_routes: tuple[str, ...] = ()
    remote_target: str | None = None
    routes: tuple[str, ...] = ()

    @classmethod
    def of_invite(cls, invite: SipMessage, transport: str, destination: str) -> Dialog:
        """The dialog an INVITE of ours may become."""
        return cls(
            call_id=invite.value("call-id"),
            local=invite.value("from"),
            remote=invite.value("to"),
            cseq=int(invite.value("cseq").split(" ", 1)[0]),
            request_uri=invite.first_line.split(" ")[1],
            via=invite.value("via"),
            transport=transport,
            destination=destination,
            invite_routes=tuple(invite.values("route")),
        )

    def answered(self, answer: SipMessage) -> Dialog:
        """The same after its 200."""
        routes = [route for value in answer.values("record-route") for route in split_list(value)]
        return replace(
            self,
            remote=answer.value("to"),
            remote_target=uri_of(answer.value("contact")) or self.request_uri,
            routes=tuple(reversed(routes)),
        )

    def cancel(self) -> str:
        """The CANCEL of its INVITE: same Via branch, same CSeq number, same route (RFC 3261 9.1)."""
        return self._request("CANCEL", self.request_uri, self.via, self.cseq, self.invite_routes)

    def bye(self, local_address: str) -> str:
        """A BYE for it from ``local_address`` (host:port)."""
        return self._request("BYE", self._target, self._new_via(local_address), self.cseq + CSEQ_LEAP, self.routes)

    def ack(self, local_address: str) -> str:
        """The ACK of its 200 (RFC 3261 13.2.2.4)."""
        return self._request("ACK", self._target, self._new_via(local_address), self.cseq, self.routes)

    @property
    def next_hop(self) -> str:
        """URI or host:port that requests inside the dialog go to."""
        if self.remote_target is None:
            return self.destination
        return uri_of(self.routes[0]) if self.routes else self.remote_target

    @property
    def _target(self) -> str:
        return self.remote_target or self.request_uri

    def _new_via(self, address: str) -> str:
        return f"SIP/2.0/{self.transport.upper()} {address};rport;branch=z9hG4bK{secrets.token_hex(12)}"

    def _request(self, method: str, uri: str, via: str, cseq: int, routes: tuple[str, ...]) -> str:
        lines = [f"{method} {uri} SIP/2.0", f"Via: {via}", "Max-Forwards: 70", *(f"Route: {route}" for route in routes)]
        lines += [
            f"From: {self.local}", f"To: {self.remote}", f"Call-ID: {self.call_id}", f"CSeq: {cseq} {method}",
            "Content-Length: 0",
        ]  # fmt: skip
        return "\r\n".join(lines) + "\r\n\r\n"


class Journal:
    """The file of dialogs of one media node."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lines = Lines(path)
        self._up: dict[str, str] = {}
        for line in self._lines.read():
            key, _, text = line.partition(" ")
            self._up.pop(key, None)
            if text:
                self._up[key] = text

    def keep(self, key: str, dialog: Dialog) -> None:
        """Write a dialog down, or its newer form. ``key`` has no blanks."""
        text = json.dumps(vars(dialog))
        self._lines.append(f"{key} {text}")
        self._up[key] = text

    def drop(self, key: str) -> None:
        """Forget a dialog that is over."""
        if self._up.pop(key, None) is None:
            return
        if not self._up or self._lines.count >= COMPACT_AFTER + 2 * len(self._up):
            self._lines.replace(f"{key} {text}" for key, text in self._up.items())
        else:
            self._lines.append(key)

    def left(self) -> Iterator[tuple[str, Dialog]]:
        """What a predecessor left: key and dialog. One that can't be read is dropped."""
        for key, text in list(self._up.items()):
            try:
                found = json.loads(text)
                found["routes"], found["invite_routes"] = tuple(found["routes"]), tuple(found["invite_routes"])
                yield key, Dialog(**found)
            except (ValueError, TypeError, KeyError):
                self.drop(key)
