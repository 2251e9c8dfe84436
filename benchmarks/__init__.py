"""Measurements: ``python -m benchmarks [names]`` prints one table, with ratios where two things ran side by side.

Each bench starts what it needs (real servers, real SIP on loopback) in a folder and on ports of its own, and stops by
itself. No figure is a promise: it says what this machine did in that minute, under the load that is shown with it.
"""
