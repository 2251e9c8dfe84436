"""Calls into PJSIP that pjsua2 does not wrap, found in the Python module's own shared object.

``Call.hangup`` of pjsua2 reports the call as gone at once and goes deaf: a 200 that crosses the CANCEL would never be
seen. Ending the invite session one layer below sends the same CANCEL and keeps the callbacks, so the crossing answer is
told, acknowledged and ended with BYE by PJSIP itself.

A build may keep these symbols to itself. Then calls are ended by ``Call.hangup``, a crossing answer goes unseen, and as
few calls are taken for possible as any build carries.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Final

import pjsua2 as pj
import structlog

log = structlog.get_logger()
FEWEST_CALLS: Final = 4  # PJSIP's own default of PJSUA_MAX_CALLS
_POINTER: Final = ctypes.c_void_p
_SYMBOLS: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {  # name: result, arguments
    "pj_log_set_level": (None, (ctypes.c_int,)),
    "pjsua_call_get_max_count": (ctypes.c_uint, ()),
    "pjsip_tsx_get_dlg": (_POINTER, (_POINTER,)),
    "pjsip_dlg_get_inv_session": (_POINTER, (_POINTER,)),
    "pjsip_inv_end_session": (ctypes.c_int, (_POINTER, ctypes.c_int, _POINTER, ctypes.POINTER(_POINTER))),
    "pjsip_inv_send_msg": (ctypes.c_int, (_POINTER, _POINTER)),
}


@cache
def _library() -> Any:
    """The C library with its functions declared, None if it does not show them."""
    try:
        library = ctypes.CDLL(pj._pjsua2.__file__)
        for name, (result, arguments) in _SYMBOLS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (AttributeError, OSError) as error:
        log.warning("sip_library_hides_its_symbols", error=str(error))
        return None
    return library


def set_log_level(level: int) -> None:
    """How much the library says, even before it is configured."""
    if (library := _library()) is not None:
        library.pj_log_set_level(level)


def most_calls() -> int:
    """How many calls the initialised library can carry at once (a constant it was compiled with, or what was asked)."""
    return FEWEST_CALLS if (library := _library()) is None else int(library.pjsua_call_get_max_count())


def invite_session(transaction: Any) -> int | None:
    """Address of the invite session a ``pj.SipTransaction`` belongs to, None if it has none or none can be had."""
    if (library := _library()) is None:
        return None
    dialog = library.pjsip_tsx_get_dlg(int(transaction.pjTransaction))
    session = library.pjsip_dlg_get_inv_session(dialog) if dialog else None
    return int(session) if session else None


def cancel(session: int) -> bool:
    """Send CANCEL for an unanswered invite session, or keep it until the first provisional answer (RFC 3261 9.1).

    ``session`` is from :func:`invite_session` and must be alive: only call it while the call is not disconnected.
    False: the library refused.
    """
    library = _library()
    message = _POINTER()
    if library.pjsip_inv_end_session(session, 487, None, ctypes.byref(message)) != 0:
        return False
    return not message.value or library.pjsip_inv_send_msg(session, message) == 0
