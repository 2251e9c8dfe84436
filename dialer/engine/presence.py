"""Which media processes are there and what is really up in them: asks, closes what is gone, sends again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final
from uuid import UUID

from core import leases
from dialer.engine import watch
from dialer.engine.batch import Batch
from dialer.engine.ends import finish
from dialer.engine.nodes import Node, alive_nodes
from dialer.media import messages as m

if TYPE_CHECKING:
    from dialer.engine.campaign import CampaignRunner

DEAD_AFTER: Final = 4.0  # s without a sign of life: a media process and its calls are gone
ASK_EVERY: Final = 1.0  # s at least between two questions to the same process


class Presence:
    """The media processes as one campaign's runner sees them."""

    def __init__(self, runner: CampaignRunner) -> None:
        self.runner = runner
        self.nodes: dict[str, Node] = {}
        self._seen: dict[str, float] = {}  # node -> when it was last seen alive
        self._asked: dict[str, float] = {}  # node -> when its inventory was last asked for
        self._known: dict[str, str] = {}  # node -> incarnation whose inventory has come

    async def begin(self) -> None:
        """Look around after a recovery and ask everybody for what is open."""
        self._known.clear()
        self._asked.clear()
        self.nodes = await alive_nodes(self.runner.bus)
        now = self.runner.clock.timestamp()
        for name in {*self.nodes, *(c.media_node for c in self.runner.calls.values())}:
            self._seen[name] = now
        await self._ask(self.nodes)

    async def look(self) -> None:
        """Ask new incarnations, give up dead processes, send again what had no effect."""
        runner, now = self.runner, self.runner.clock.timestamp()
        self.nodes = await alive_nodes(runner.bus)
        for name, node in self.nodes.items():
            self._seen[name] = now
            if self._known.get(name) != node.incarnation:
                await self.gap(name)
        used = {c.media_node for c in runner.calls.values()}
        used |= {s.media_node for s in runner.floor.sessions.values() if s.leg_up and s.media_node}
        dead = {name for name in used if now - self._seen.setdefault(name, now) > DEAD_AFTER}
        if dead:
            await self._close(dead)
        for name in watch.unheard(runner.calls.values(), now) & set(self.nodes):
            if now - self._asked.get(name, 0.0) >= watch.ASK_AFTER:
                await self._ask([name])
        for call in list(runner.calls.values()):
            command = watch.repeat(call, now)
            if command is not None:
                call.repeated_at = now
                await runner.send([(call.media_node, command)])

    async def gap(self, node: str) -> None:
        """Something of a node is missing: ask for it, not more than once a second."""
        if self.runner.clock.timestamp() - self._asked.get(node, 0.0) >= ASK_EVERY:
            await self._ask([node])

    async def inventory(self, batch: Batch, event: m.Inventory, unproven: set[UUID]) -> None:
        """Close what the media process does not know: it said so after it had sent all events it had."""
        node, incarnation = event.source.split(":", 1)
        self._known[node] = incarnation
        up = set(event.attempts)
        for call in list(self.runner.calls.values()):
            if call.media_node != node or call.id in up:
                continue
            if event.at > call.created_at.timestamp() + watch.ACCEPT_WITHIN:
                unproven.add(call.id)
                await self.runner.step(batch, call, call.machine.lost(event.at))
            else:  # its command may still be on the way: ask once more
                self._known.pop(node, None)
        legs = set(event.sessions)
        for row in list(self.runner.floor.sessions.values()):
            if row.leg_up and row.media_node == node and row.id not in legs:
                await self.runner.leg_down(batch, row.id, None)
            elif not row.leg_up and row.id in legs:
                await self.runner.floor.leg_up(batch.session, row.id, node, None)
        for session_id in legs - set(self.runner.floor.sessions):  # the shift ended while media was away
            batch.command(node, m.HangupAgent(session_id=session_id))

    async def _ask(self, nodes: Iterable[str]) -> None:
        """Have media processes send again what is not acknowledged, then their inventory."""
        runner = self.runner
        again = m.ResendEvents(stream=runner.stream, campaign_id=runner.campaign_id, fence=runner.token)
        for node in nodes:
            self._asked[node] = runner.clock.timestamp()
            await runner.bus.publish(m.commands_stream(node), again)

    async def _close(self, dead: set[str]) -> None:
        """All that was up in media processes that are gone."""
        runner = self.runner
        async with runner.database.begin() as s:
            await leases.check(s, runner.lease, runner.token)
            batch = Batch(s, runner.clock)
            now = runner.clock.timestamp()
            lost = [c for c in runner.calls.values() if c.media_node in dead]
            for call in lost:
                await runner.step(batch, call, call.machine.lost(now))
            for row in list(runner.floor.sessions.values()):
                if row.leg_up and row.media_node in dead:
                    await runner.leg_down(batch, row.id, None)
            await batch.write({})
            await finish(s, runner.clock, batch.ended, runner.work.rules, frozenset(c.id for c in lost))
        for call in batch.ended:
            runner.calls.pop(call.id, None)
