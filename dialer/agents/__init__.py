"""Agents: shifts, states and dispositions."""
