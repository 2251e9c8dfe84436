"""The engine: holds campaigns by lease, launches calls, finds agents, drives each call to its end."""
