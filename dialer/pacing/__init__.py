"""Dialing modes: how many calls to launch now."""
