"""Pacing: how many calls to launch now."""

from dialer.pacing.modes import MODES, DialingMode, FloorView

__all__ = ["MODES", "DialingMode", "FloorView"]
