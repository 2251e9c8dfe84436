"""How every command comes by its settings and sets up its logs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.settings import Settings


def load_settings(process: str, **overrides: object) -> Settings:
    """Settings of this process after putting ``overrides`` (None: not given) into its environment.

    Also sets up its logs. A value that cannot be read ends the process with one line for each fault.
    """
    from pydantic import ValidationError

    from core import settings as module

    for name, value in overrides.items():
        if value is not None:
            os.environ[f"CALLFLOOR_{name.upper()}"] = str(value)
    module.settings.cache_clear()
    try:
        settings = module.settings()
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            print(f"Setting {'.'.join(map(str, fault['loc']))}: {fault['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
    from core import metrics, telemetry

    telemetry.configure(settings, process)
    metrics.serve(settings, process)
    return settings
