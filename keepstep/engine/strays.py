"""Records of ours that have no place: twins of what is linked, and what was made and belongs to nothing.

A census of each side's ids against the store. Reads only, page by page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from connectors.base import Record, chunks
from connectors.errors import ConnectorError
from keepstep.engine.ports import Ports
from keepstep.engine.world import Side, Sync
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import TITLE

BATCH = 200


class Stray(msgspec.Struct, frozen=True, kw_only=True):
    """A record of ours that nothing is linked to."""

    side: str
    record: str
    standing: Literal["twin", "loose"]
    """twin: the entity that its marker names has another record there. loose: it belongs to nothing."""
    title: str | None
    url: str | None
    since: str | None
    """When it was made."""
    entity: str | None = None
    first: str | None = None
    """Of a twin: the record that has the place."""
    finding: str | None = None


class Census:
    """One count of one sync's sides. ``failed`` tells afterwards which could not be asked, and why."""

    def __init__(self, ports: Ports, sync: Sync) -> None:
        self._ports = ports
        self._sync = sync
        self.failed: dict[str, ConnectorError] = {}

    def strays(self) -> Iterator[Stray]:
        """What is there and should not be. Holds one page in memory."""
        for side in self._sync.sides.values():
            try:
                for page in side.connector.ids(side.stream):
                    for part in chunks(page, BATCH):
                        yield from self._among(side, part)
            except ConnectorError as error:
                self.failed[side.name] = error

    def _among(self, side: Side, ids: Sequence[str]) -> list[Stray]:
        with self._ports.store.read() as tx:
            began = _began(tx, self._sync, side)
            rows = self._rows(tx, side, ids)
        loose = [id for id in ids if id not in rows or _doubtful(rows[id], began)]
        if not loose:
            return []
        found = []
        looks = [record for record in side.connector.get(side.stream, loose) if self._ours(side, record, began)]
        with self._ports.store.read() as tx:
            # What was linked while it was looked at is where it belongs.
            linked = {id for id, row in self._rows(tx, side, [look.id for look in looks]).items() if row["entity"]}
            for look in looks:
                if look.id not in linked:
                    found += self._judged(tx, side, look)
        return found

    def _rows(self, tx: Tx, side: Side, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        columns = (t.record.c.id, t.record.c.entity, t.record.c.marker, t.record.c.ours, t.record.c.created_at)
        query = sa.select(*columns).where(t.record.c.side == side.name, t.among(t.record.c.id, ids))
        return {row["id"]: row for row in tx.all(query)}

    def _ours(self, side: Side, record: Record, began: str | None) -> bool:
        if record.deleted or record.forbidden or side.mapper.canon(record).kind is not self._sync.kind:
            return False
        return bool(record.marker) or (record.ours and _after(record.created_at, began))

    def _judged(self, tx: Tx, side: Side, look: Record) -> list[Stray]:
        """Nothing while a create is open that it may have come from: recovery will tell."""
        creating = sa.select(t.intent.c.id).where(
            t.intent.c.side == side.name, t.intent.c.kind == "create", t.intent.c.closed_at.is_(None)
        )
        if look.marker:
            creating = creating.where(t.intent.c.entity == look.marker)
        if tx.one(creating.limit(1)) is not None:
            return []
        place = sa.select(t.link.c.record).where(t.link.c.entity == (look.marker or ""), t.link.c.side == side.name)
        first = tx.scalar(place)
        told = sa.select(t.finding.c.id).where(
            t.finding.c.key == f"twin:{side.name}:{look.id}", t.finding.c.state.in_(findings.OPEN)
        )
        return [
            Stray(
                side=side.name,
                record=look.id,
                standing="twin" if first is not None else "loose",
                title=side.mapper.canon(look).values.get(TITLE[self._sync.kind]),
                url=look.url,
                since=look.created_at,
                entity=look.marker,
                first=first,
                finding=tx.scalar(told),
            )
        ]


def _doubtful(row: dict[str, Any], began: str | None) -> bool:
    return row["entity"] is None and (row["marker"] is not None or (row["ours"] and _after(row["created_at"], began)))


def _after(created_at: str | None, began: str | None) -> bool:
    """What our account made before the sync began was made by hand, with the same account."""
    return began is not None and created_at is not None and created_at > began


def _began(tx: Tx, sync: Sync, side: Side) -> str | None:
    """When the sync first matched this side."""
    known = tx.setting(f"began:{sync.name}") or {}
    if side.name not in known:
        return None
    query = sa.select(t.change_log.c.at).where(t.change_log.c.n <= known[side.name])
    found: str | None = tx.scalar(query.order_by(t.change_log.c.n.desc()).limit(1))
    return found
