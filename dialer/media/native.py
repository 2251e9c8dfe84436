"""Calls into PJSIP that pjsua2 does not wrap.

``Call.hangup`` of pjsua2 reports the call as gone at once and goes deaf: a 200 that crosses the CANCEL would never be
seen. Ending the invite session one layer below sends the same CANCEL and keeps the callbacks, so the crossing answer is
told, acknowledged and ended with BYE by PJSIP itself.
"""

from __future__ import annotations

import ctypes
from typing import Any

import pjsua2 as pj

_library = ctypes.CDLL(pj._pjsua2.__file__)
for _name in ("pjsip_tsx_get_dlg", "pjsip_dlg_get_inv_session"):
    getattr(_library, _name).restype = ctypes.c_void_p
    getattr(_library, _name).argtypes = [ctypes.c_void_p]
_library.pjsip_inv_end_session.argtypes = [
    ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p),
]  # fmt: skip
_library.pjsip_inv_send_msg.argtypes = [ctypes.c_void_p, ctypes.c_void_p]


def invite_session(transaction: Any) -> int | None:
    """Address of the invite session a ``pj.SipTransaction`` belongs to, None if it has none."""
    dialog = _library.pjsip_tsx_get_dlg(int(transaction.pjTransaction))
    session = _library.pjsip_dlg_get_inv_session(dialog) if dialog else None
    return int(session) if session else None


def cancel(session: int) -> bool:
    """Send CANCEL for an unanswered invite session, or keep it until the first provisional answer (RFC 3261 9.1).

    ``session`` must be alive: only call it while the call is not disconnected. False: the library refused.
    """
    message = ctypes.c_void_p()
    if _library.pjsip_inv_end_session(session, 487, None, ctypes.byref(message)) != 0:
        return False
    return not message.value or _library.pjsip_inv_send_msg(session, message) == 0
