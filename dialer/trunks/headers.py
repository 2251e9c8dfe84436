"""Where the shown number goes: From and the identity headers of an INVITE.

RFC 3261 (From), RFC 3325 (P-Asserted-Identity, P-Preferred-Identity), draft-ietf-sip-privacy-04 (Remote-Party-ID),
RFC 3323 (Privacy).
"""

from __future__ import annotations

from typing import NamedTuple

from dialer.trunks.models import CallerIdHeader
from dialer.trunks.specs import TrunkSpec

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
_NAMES = {
    CallerIdHeader.PAI: "P-Asserted-Identity",
    CallerIdHeader.PPI: "P-Preferred-Identity",
    CallerIdHeader.RPID: "Remote-Party-ID",
}


class CallerIdentity(NamedTuple):
    """The From value of one call, and its further headers by name."""

    from_uri: str
    headers: dict[str, str]


def caller_identity(spec: TrunkSpec, caller_id: str, local_host: str) -> CallerIdentity:
    """How ``caller_id`` (E.164) is shown on a call through the trunk.

    A trunk that knows us by registration keeps its account in From, and the shown number goes to the identity header,
    unless From is where this carrier reads it. Privacy that hides the caller makes From anonymous.
    """
    domain = spec.from_domain or spec.domain or local_host
    shown = f"sip:{spec.write(caller_id)}@{domain}"
    headers: dict[str, str] = {}
    in_from = spec.caller_id_header is CallerIdHeader.FROM
    if not in_from:
        value = f"<{shown}>"
        if spec.caller_id_header is CallerIdHeader.RPID:
            value += f";party=calling;screen=yes;privacy={'full' if spec.hides_caller else 'off'}"
        headers[_NAMES[spec.caller_id_header]] = value
    if spec.privacy:
        headers["Privacy"] = spec.privacy
    if spec.hides_caller and not in_from:
        return CallerIdentity(ANONYMOUS, headers)
    if spec.registers and spec.username and not in_from:
        return CallerIdentity(f"<sip:{spec.username}@{domain}>", headers)
    return CallerIdentity(f"<{shown}>", headers)
