"""Logs: one JSON object a line on standard error, without personal data or secrets.

Values under :data:`PRIVATE` keys are dropped; telephone numbers and PESEL-like digits inside any text are masked, so
that an exception's message can't carry them out either.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from core.settings import Settings

PRIVATE = frozenset(
    {
        "address", "body", "caller_id", "callerid", "cell", "debtor", "debtor_name", "detail", "email", "e164",
        "name_key", "note", "notes", "number", "parameters", "params", "password", "password_hash", "payload", "pesel",
        "nip", "phone", "phones", "row", "secret", "summary", "text", "token", "uri", "value", "csrf", "cookie",
        "authorization",
    }
)  # fmt: skip
_NUMBER = re.compile(r"\+\d{6,15}|(?<![\w-])(?<!\d\.)(\d{9}|\d{11})(?![\w-]|\.\d)")
QUIET = ("procrastinate", "alembic", "sqlalchemy", "psycopg", "asyncio", "uvicorn.access", "httpx", "redis")

log = structlog.get_logger()


def configure(settings: Settings, process_name: str) -> None:
    """Send all logs of this process, the libraries' too, to standard error as JSON."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _named(process_name),
        without_personal_data,
    ]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:  # at INFO these tell of every statement, request or job
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _named(process_name: str) -> Processor:
    def add(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event.setdefault("process", process_name)
        return event

    return add


def without_personal_data(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Processor: drop private keys at any depth and mask numbers in texts."""
    return {key: _clean(value) for key, value in event.items() if key.lower() not in PRIVATE}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _NUMBER.sub("<number>", value)
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items() if str(k).lower() not in PRIVATE}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(v) for v in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _NUMBER.sub("<number>", str(value))
