"""What people read for the codes the floor uses. English; the catalogues hold the rest.

An unknown code is shown as it is, with spaces: better than nothing, and a test sees that all known ones are here.
"""

from __future__ import annotations

from typing import Final

OUTCOMES: Final[dict[str, str]] = {
    "connected": "Reached an agent",
    "abandoned": "Abandoned",
    "hung_up_early": "Hung up at once",
    "machine": "Answering machine",
    "machine_early": "Machine, before the answer",
    "fax": "Fax",
    "silence": "Silence",
    "answered_after_cancel": "Answered after cancelling",
    "busy": "Busy",
    "no_answer": "No answer",
    "rejected": "Rejected",
    "unwanted": "Marked as unwanted",
    "phone_off": "Phone switched off",
    "unclear": "Temporarily unavailable",
    "dead_number": "Number does not exist",
    "number_changed": "Number changed",
    "bad_format": "Number incomplete",
    "out_of_order": "Out of order",
    "blocked": "Blocked by analytics",
    "routing_fault": "Routing fault",
    "congestion": "Network congested",
    "network_timeout": "Network time-out",
    "no_reply": "No reply from the trunk",
    "redirected": "Redirected",
    "media_mismatch": "No common codec",
    "trunk_alarm": "Trunk alarm",
    "stopped": "Stopped by us",
    "not_placed": "Not placed",
    "lost": "Lost",
    "promise": "Promise to pay",
    "callback": "Call back later",
    "refused": "Refuses to pay",
    "paid": "Says it is paid",
    "disputed": "Disputes the debt",
    "third_party": "Somebody else answered",
    "wrong_party": "Wrong number",
    "do_not_call": "Do not call",
    "machine_after_bridge": "Machine, told by the agent",
}
IN_PROGRESS: Final = "In progress"

AGENT_STATES: Final[dict[str, str]] = {
    "connecting": "Connecting",
    "ready": "Ready",
    "reserved": "Call coming",
    "talking": "In a call",
    "wrapup": "Wrap-up",
    "paused": "Paused",
    "out": "Off shift",
}

CALL_STATES: Final[dict[str, str]] = {
    "created": "Starting",
    "dialing": "Dialling",
    "ringing": "Ringing",
    "cancelling": "Cancelling",
    "detecting": "Person or machine?",
    "queued": "Waiting for an agent",
    "bridging": "Connecting",
    "bridged": "In conversation",
    "message": "Message plays",
    "hanging_up": "Hanging up",
    "ended": "Ended",
}

CAMPAIGN_STATES: Final[dict[str, str]] = {"stopped": "Stopped", "running": "Running", "draining": "Finishing"}

CASE_STATES: Final[dict[str, str]] = {"open": "Open", "on_hold": "On hold", "settled": "Settled", "closed": "Closed"}

MODES: Final[dict[str, str]] = {
    "manual": "Manual",
    "preview": "Preview",
    "progressive": "Progressive",
    "fixed_ratio": "Fixed ratio",
}

COLUMNS: Final[dict[str, str]] = {
    "debtor_reference": "Debtor's reference",
    "debt_reference": "Claim's reference",
    "name": "Name",
    "first_name": "First name",
    "last_name": "Last name",
    "pesel": "PESEL",
    "nip": "NIP",
    "phones": "Phones",
    "email": "E-mail",
    "address": "Address",
    "postcode": "Postcode",
    "city": "City",
    "amount": "Amount",
    "currency": "Currency",
    "due_on": "Due date",
    "title": "Title",
    "ignore": "leave out",
}

# What errors call the fields of forms and files.
FIELDS: Final[dict[str, str]] = {
    **{code: name for code, name in COLUMNS.items() if code != "title"},
    "or": "or",
    "ratio": "Calls per ready agent",
    "max_lines": "Lines at most",
    "patience_ms": "Patience (ms)",
    "patience": "Patience (ms)",
    "wrapup_seconds": "Wrap-up limit (s)",
    "delay": "Again after (min)",
    "times": "Times at most",
    "lines": "Lines at most",
}

CHANNELS: Final[dict[str, str]] = {
    "call": "Call",
    "sms": "SMS",
    "email": "E-mail",
    "chat": "Chat",
    "webform": "Web form",
    "fax": "Fax",
    "letter": "Letter",
    "voice_message": "Voice message",
}

REASONS: Final[dict[str, str]] = {
    "": "Never tried",
    "case_on_hold": "Case on hold",
    "case_settled": "Debt settled",
    "case_closed": "Case closed",
    "no_case": "No case",
    "suppressed_phone": "Number suppressed",
    "suppressed_debtor": "Person suppressed",
    "suppressed_email": "Address suppressed",
    "zone_unknown": "Time zone unknown",
    "outside_window": "Outside calling hours",
    "attempts_7_days": "Limit of attempts in 7 days reached",
    "attempts_today": "Daily limit of attempts reached",
    "quiet_period": "Quiet period after a conversation",
    "no_phone": "No working phone",
    "no_caller_id": "No caller ID to show",
    "in_flight": "Being called",
    "person_in_flight": "The person is being called already",
    "offered": "An agent looks at the card",
    "skipped": "Skipped by an agent",
}


def outcome(code: str | None) -> str:
    """An outcome of a call or a disposition; None: the call is still up."""
    return IN_PROGRESS if code is None else OUTCOMES.get(code, _plain(code))


def reason(code: str) -> str:
    """Why a lead is not dialled now, or has ended. ``after_busy`` and ``finished_busy`` are read by their outcome."""
    return REASONS.get(code) or _plain(code)


def _plain(code: str) -> str:
    return code.replace("_", " ").capitalize()
