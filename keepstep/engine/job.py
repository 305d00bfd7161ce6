"""What one worker has in its hands while it works on one sync, or reads one feed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from connectors.base import Feed
from keepstep.engine.ports import Ports
from keepstep.engine.world import Connection, Sync, World
from keepstep.store.store import Lease, Tx


@dataclass(frozen=True, slots=True)
class Job:
    """One run of one sync, by the worker that has its lease."""

    ports: Ports
    world: World
    sync: Sync
    lease: Lease
    run: str
    """Its id: what it writes and takes in is audited under it."""

    def write(self) -> AbstractContextManager[Tx]:
        """A transaction under the lease, which it renews. Raises ``Fenced`` if another worker has it by now."""
        return self.ports.store.write(self.lease)

    def read(self) -> AbstractContextManager[Tx]:
        return self.ports.store.read()


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at one feed, by the worker that has its lease."""

    ports: Ports
    world: World
    connection: Connection
    feed: Feed
    lease: Lease

    @property
    def key(self) -> str:
        """The feed's name in the store."""
        return self.connection.feed_key(self.feed)

    def write(self, *, last: bool = False) -> AbstractContextManager[Tx]:
        """A transaction under the lease, which it renews, or gives up with the ``last`` one. Raises ``Fenced``."""
        return self.ports.store.write(self.lease, last=last)

    def read(self) -> AbstractContextManager[Tx]:
        return self.ports.store.read()
