"""Dialing modes: how many calls a campaign launches now. A new mode is a class and one line in :data:`MODES`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True)
class FloorView:
    """What a mode may know when it decides; counts of one campaign at one instant.

    ``dialing``: calls not answered yet. ``waiting``: answered, not bridged (being listened to, or in the queue).
    ``lines_free``: what the campaign's and the trunk's limits leave.
    """

    ready: int
    talking: int
    wrapup: int
    dialing: int
    waiting: int
    lines_free: int
    ratio: float


class DialingMode(Protocol):
    """Decides how many calls leave now; asked every half second and whenever an agent becomes ready."""

    @property
    def by_request(self) -> bool:
        """True: an agent asks for each call, the hopper launches none by itself."""

    @property
    def name_pl(self) -> str:
        """What Polish pages call it."""

    @property
    def name_en(self) -> str:
        """What English pages call it."""

    def launch(self, view: FloorView) -> int:
        """Calls to launch now, 0 or more; the engine cuts the number to ``view.lines_free``."""


@dataclass(frozen=True)
class ByRequest:
    """Manual and preview: the dialer calls only what an agent asks for."""

    name_pl: str
    name_en: str
    by_request: bool = True

    def launch(self, view: FloorView) -> int:
        return 0


@dataclass(frozen=True)
class Progressive:
    """One call for each agent who is ready: nobody is ever abandoned for want of an agent."""

    name_pl: str = "progresywny 1:1"
    name_en: str = "progressive 1:1"
    by_request: bool = False

    def launch(self, view: FloorView) -> int:
        return max(0, view.ready - view.dialing - view.waiting)


@dataclass(frozen=True)
class FixedRatio:
    """``ratio`` calls in the air for each ready agent; the fraction is rounded down, but one agent gets one call."""

    name_pl: str = "stały przelicznik"
    name_en: str = "fixed ratio"
    by_request: bool = False

    def launch(self, view: FloorView) -> int:
        free = view.ready - view.waiting
        if free <= 0:
            return 0
        return max(0, max(1, int(free * view.ratio)) - view.dialing)


MODES: Final[dict[str, DialingMode]] = {
    "manual": ByRequest("ręczny", "manual"),
    "preview": ByRequest("z podglądem", "preview"),
    "progressive": Progressive(),
    "fixed_ratio": FixedRatio(),
}
