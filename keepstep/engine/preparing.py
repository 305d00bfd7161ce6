"""What the hub adds to a system, each thing noted down before and after; and which connections it has left.

A connection that was left is read only, whatever the configuration says, until a person prepares it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from connectors.base import Gate
from connectors.errors import ConnectorError, GateClosed
from connectors.http import REQUEST_TIMEOUT
from connectors.preparing import Addition, Prepares
from keepstep.engine.ports import Ports
from keepstep.store import tables as t
from keepstep.store.errors import Fenced
from keepstep.store.store import Lease, Tx

DETACHED = "detached:"
LEASE = 180.0
"""Seconds: each step pushes it on, so that whoever comes after one that was killed waits no longer."""


class Busy(Exception):
    """Another worker is writing to the connection just now, or preparing it; the message names its lease."""


class Unsettled(Exception):
    """So many writes to the connection are still in doubt. To find out what became of them takes the markers."""

    def __init__(self, count: int) -> None:
        super().__init__(str(count))
        self.count = count


def detached(tx: Tx) -> frozenset[str]:
    """The connections that were left and not taken up again."""
    rows = tx.all(sa.select(t.setting.c.name).where(t.setting.c.name.startswith(DETACHED)))
    return frozenset(row["name"].removeprefix(DETACHED) for row in rows)


def detach(ports: Ports, connection: str, syncs: Sequence[str], by: str) -> None:
    """Leave a connection: from now on nothing is written to it. Safe to repeat.

    Raises ``Busy`` while one of its syncs is running: what it writes then would come after this; ``Unsettled`` while
    a write to it is in doubt.
    """
    leases = _acquire(ports, [f"sync:{name}" for name in syncs])
    try:
        with ports.store.write() as tx:
            if in_doubt := unsettled(tx, connection):
                raise Unsettled(in_doubt)
            if connection not in detached(tx):
                row = {"name": f"{DETACHED}{connection}", "value": {"at": ports.now(), "by": by}}
                tx.upsert(t.setting, [row])
                note(tx, ports, "detached", connection, by=by)
    finally:
        for lease in leases:
            ports.store.release(lease)


def attach(ports: Ports, connection: str, syncs: Sequence[str], by: str) -> bool:
    """Take a connection up again. The next plan of each of its syncs waits for a person, as the first one did.

    False if it was not left.
    """
    with ports.store.write() as tx:
        if connection not in detached(tx):
            return False
        names = [f"{DETACHED}{connection}", *(f"applied:{name}" for name in syncs)]
        tx.execute(sa.delete(t.setting).where(t.setting.c.name.in_(names)))
        tx.execute(sa.delete(t.hold).where(t.hold.c.sync.in_(list(syncs))))  # let through was another plan
        # What it was owed meanwhile was crossed off, since nobody could have paid it: all is compared again.
        tx.execute(sa.update(t.entity).where(t.entity.c.sync.in_(list(syncs))).values(owing=True))
        note(tx, ports, "attached", connection, by=by)
        return True


def unsettled(tx: Tx, connection: str) -> int:
    """How many writes to the connection are in doubt."""
    mine = t.intent.c.side.startswith(f"{connection}.", autoescape=True)
    query = sa.select(sa.func.count()).select_from(t.intent).where(mine, t.intent.c.closed_at.is_(None))
    return int(tx.scalar(query) or 0)


class Preparing:
    """The right to change what stands in one system for our sake, as long as the lease is ours."""

    def __init__(self, ports: Ports, connection: str, by: str) -> None:
        self.ports = ports
        self.connection = connection
        self.by = by
        (self.lease,) = _acquire(ports, [f"prepare:{connection}"])

    def __enter__(self) -> Preparing:
        return self

    def __exit__(self, *exc: object) -> None:
        self.ports.store.release(self.lease)

    def gate(self) -> None:
        """Passed directly before each request that writes, and pushes the lease on. Raises ``GateClosed``."""
        try:
            with self.ports.store.write(self.lease):
                pass
        except Fenced as error:
            raise GateClosed("the lease went to another worker") from error
        if self.ports.store.left(self.lease) < REQUEST_TIMEOUT:
            raise GateClosed("the lease ends before the request could")

    def add(self, connector: Prepares, addition: Addition) -> None:
        """Make one. Raises ``ConnectorError`` or ``GateClosed``."""
        self._noted("add", connector.add, addition)

    def remove(self, connector: Prepares, addition: Addition) -> None:
        """Take one away. Raises ``ConnectorError`` or ``GateClosed``."""
        self._noted("remove", connector.remove, addition)

    def _noted(self, verb: str, act: Callable[[str, Gate], None], addition: Addition) -> None:
        about = {"addition": addition.id, "by": self.by}
        with self.ports.store.write(self.lease) as tx:
            note(tx, self.ports, f"addition_{verb}", self.connection, **about)
        outcome = "failed"
        try:
            act(addition.id, self.gate)
            outcome = "done"
        except (ConnectorError, GateClosed) as error:
            about["reason"] = str(error)
            raise
        finally:
            with self.ports.store.write(self.lease) as tx:
                note(tx, self.ports, f"addition_{verb}_{outcome}", self.connection, **about)


def note(tx: Tx, ports: Ports, code: str, connection: str, side: str | None = None, **params: Any) -> None:
    """A line of the audit about a connection as a whole."""
    row = {"at": ports.now(), "run": None, "code": code, "entity": None, "side": side, "field": None}
    tx.insert(t.audit, [row | {"params": {"connection": connection, **params}}])


def _acquire(ports: Ports, names: Iterable[str]) -> list[Lease]:
    """All of these leases, or none. Raises ``Busy``."""
    held: list[Lease] = []
    for name in names:
        lease = ports.store.acquire(name, ports.holder, LEASE)
        if lease is None:
            for each in held:
                ports.store.release(each)
            raise Busy(name)
        held.append(lease)
    return held
