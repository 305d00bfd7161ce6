"""A store with many links in which nothing is owed: a small one made by the engine, then more of the same rows."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from keepstep.hub import Hub
from keepstep.store import tables as t

PART = 5_000


def fill(hub: Hub, links: int) -> None:
    """Bring the store to so many links. The rows beyond the first are copies under other ids, inserted directly."""
    with hub.store.read() as tx:
        sample = tx.all(sa.select(t.link))
        entity = tx.one(sa.select(t.entity).where(t.entity.c.id == sample[0]["entity"]))
        link = sample[0]
        record = tx.one(sa.select(t.record).where(t.record.c.side == link["side"], t.record.c.id == link["record"]))
    assert entity is not None
    assert record is not None
    for start in range(len(sample), links, PART):
        numbers = range(start, min(links, start + PART))
        with hub.store.write() as tx:
            tx.insert(t.entity, [entity | {"id": f"COPY{number:08d}"} for number in numbers])
            tx.insert(t.record, [record | {"id": f"c{number}", "entity": f"COPY{number:08d}"} for number in numbers])
            tx.insert(t.link, [link | {"record": f"c{number}", "entity": f"COPY{number:08d}"} for number in numbers])
            log = [{"side": link["side"], "id": f"c{number}", "at": record["seen_at"]} for number in numbers]
            tx.insert(t.change_log, log)
            newest = tx.scalar(sa.select(sa.func.max(t.change_log.c.n)))
            tx.execute(sa.update(t.position).values(n=newest))


def written(hub: Hub) -> bytes:
    """All that a round may change but times of looking and leases, to compare before and after."""
    tables = [table for table in t.metadata.sorted_tables if table.name not in ("feed", "lease", "record", "link")]
    with hub.store.read() as tx:
        return msgspec.json.encode(
            {table.name: tx.scalar(sa.select(sa.func.count()).select_from(table)) for table in tables}
        )
