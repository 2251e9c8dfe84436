"""Which Callfloor this is."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path


def text() -> str:
    """One line: our version, Python's, and whether the full or the packaged pjsua2 is here."""
    flavour = Path(__file__).resolve().parents[1] / ".venv" / "pjsua2-flavour"
    library = flavour.read_text().strip() if flavour.exists() else "unknown"
    return f"callfloor {importlib.metadata.version('callfloor')}, Python {platform.python_version()}, pjsua2 {library}"
