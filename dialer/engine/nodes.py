"""The media processes that are alive, as their keys in Redis tell."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict

from core.bus import Bus
from dialer.media.messages import alive_key


class Node(BaseModel):
    """A running media process. A new ``incarnation`` means that all calls of the one before are gone."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    name: str
    incarnation: str
    calls: int
    max_calls: int


async def alive_nodes(bus: Bus) -> dict[str, Node]:
    """All media processes whose key has not run out, by name. Raises one of ``core.bus.LOST`` if Redis is away."""
    pattern = alive_key("*")
    prefix, suffix = pattern.split("*")
    keys = [key async for key in bus.redis.scan_iter(match=pattern, count=100)]
    values = await bus.redis.mget(keys) if keys else []
    found: dict[str, Node] = {}
    for key, value in zip(keys, values, strict=True):
        if value is not None:
            name = str(key)[len(prefix) : -len(suffix)]
            found[name] = Node(name=name, **json.loads(value))
    return found


def choose(nodes: dict[str, Node], present: str | None, wanted_calls: int) -> str | None:
    """The node for a campaign: the present one while it lives, else the emptiest with room; None if there is none."""
    if present in nodes:
        return present
    fitting = [n for n in nodes.values() if n.max_calls - n.calls >= wanted_calls] or list(nodes.values())
    return min(fitting, key=lambda n: (n.calls / max(1, n.max_calls), n.name)).name if fitting else None
