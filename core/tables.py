"""The modules that hold tables, of all packages.

Foreign keys cross packages, and SQLAlchemy wants every table it follows a key to: whoever opens the database loads
all of them. They are named as text because nothing here depends on what stands above.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

MODULES: Final = (
    "core.models",
    "numbering.models",
    "cases.models",
    "cases.contact.models",
    "dialer.trunks.models",
    "dialer.campaigns.models",
    "dialer.agents.models",
    "dialer.attempts.models",
)


def load() -> None:
    """Import every module with tables; afterwards ``SQLModel.metadata`` is whole."""
    for module in MODULES:
        import_module(module)
