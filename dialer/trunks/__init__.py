"""Trunks: the carriers we call through, how they are dialled and what their signals mean."""
