"""Attempts: every call we tried, its legs and events."""
