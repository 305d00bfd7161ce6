"""What records are known by and point at, kept beside them; and who points at whom among the sides of a sync."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from connectors.base import Record, chunks
from keepstep.engine.world import Connection, Sync, World
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import Kind
from mapping.pointers import hung_on, own_addresses, pointers

Place = tuple[str, str]
"""Side and record id."""


def _alone(world: World, connection: Connection) -> bool:
    """No sync sets another system beside this one: nobody asks who points at whom."""
    together = [{side.connection.name for side in sync.sides.values()} for sync in world.syncs.values()]
    return not any(connection.name in names and len(names) > 1 for names in together)


def keep_addresses(
    tx: Tx, world: World, connection: Connection, looked: Sequence[tuple[Record, dict[str, Any]]]
) -> None:
    """Replace what these records were seen to be known by and to point at. ``looked``: records with their rows."""
    if _alone(world, connection):
        return
    rows = []
    custom = {
        stream.name: [field.name for field in stream.fields if field.custom]
        for stream in connection.description.streams
    }
    for record, row in looked:
        if record.deleted:
            continue
        source = f"{row['side']}:{row['id']}"
        here = (row["side"], row["id"])
        above = [(f"{connection.name}.{stream}", id) for stream, id in hung_on(record)]
        own = {"source": source, "side": row["side"], "id": row["id"], "own": True, "whole": False}
        known_by = sorted(own_addresses(record))
        rows += [own | {"address": address} for address in known_by]
        said = pointers(record, Kind(row["kind"]), row["shown"], custom.get(record.stream, ()), known_by)
        # A link that hangs on a record points for that record as well; what somebody mentions in a comment does not.
        for address, whole in sorted(said.items()):
            for side, id in sorted({here, *above}) if whole else (here,):
                rows.append(
                    {"source": source, "side": side, "id": id, "own": False, "whole": whole, "address": address}
                )
    sources = [f"{row['side']}:{row['id']}" for _, row in looked]
    for part in chunks(sources, 900):
        tx.execute(sa.delete(t.address).where(t.address.c.source.in_(part)))
    tx.insert(t.address, rows)


def pointing(tx: Tx, sync: Sync, places: Iterable[Place]) -> dict[Place, dict[Place, bool]]:
    """For each of those records, the records on other sides that it points at or that point at it.

    True where a field or an attachment holds nothing else, False where it is only mentioned. Only live records of the
    sync's kind count. A constant number of queries, however many records.
    """
    found: dict[Place, dict[Place, bool]] = defaultdict(dict)
    there, here = t.address.alias("there"), t.address.alias("here")
    other = sa.case((here.c.own, sa.false()), else_=sa.true())
    wanted: dict[str, list[str]] = defaultdict(list)
    for side, id in places:
        wanted[side].append(id)
    for side in sorted(wanted):
        for part in chunks(sorted(set(wanted[side])), 400):
            query = (
                sa.select(
                    here.c.id.label("here"),
                    here.c.own,
                    here.c.whole.label("whole_here"),
                    there.c.side,
                    there.c.id,
                    there.c.whole.label("whole_there"),
                )
                # As an equality, so that the index finds it: thousands may mention one address that nobody owns.
                .join(there, sa.and_(here.c.address == there.c.address, there.c.own == other))
                .join(t.record, sa.and_(t.record.c.side == there.c.side, t.record.c.id == there.c.id))
                .where(
                    here.c.side == side,
                    here.c.id.in_(part),
                    there.c.side != side,
                    there.c.side.in_(list(sync.sides)),
                    t.record.c.kind == sync.kind.value,
                    t.record.c.deleted.is_(False),
                )
                .distinct()
            )
            for row in tx.all(query):
                mine, peer = found[(side, row["here"])], (row["side"], row["id"])
                whole = row["whole_there"] if row["own"] else row["whole_here"]
                mine[peer] = mine.get(peer, False) or bool(whole)
    return found
