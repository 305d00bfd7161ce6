"""Stores with many links, made by the engine for a few and filled with copies of the same rows under other ids."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from benchmarks.issues import FIRST_ID
from keepstep.config import fingerprint
from keepstep.engine import guard
from keepstep.hub import Hub
from keepstep.store import tables as t

PART = 5_000

NUMBERS = "WITH RECURSIVE number(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM number WHERE i + 1 < :count) "


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


def pairs(hub: Hub, count: int) -> None:
    """So many entities with a live link to each side of the one sync, all sides showing what is agreed, and the first
    plan, which alone counts them, behind it."""
    (sync,) = hub.engine.world.syncs.values()
    with hub.store.read() as tx:
        first = (t.link.c.side == next(iter(sync.sides)), t.link.c.record == str(FIRST_ID))
        sample = tx.one(sa.select(t.link).where(*first))
    assert sample is not None
    with hub.store.write() as tx:
        _copies(tx.connection, t.entity, count, {"id": "printf('PAIR%08d', i)"}, {"id": sample["entity"]})
        key = {"side": sample["side"], "record": sample["record"]}
        for side in sync.sides:
            other = {"side": f"'{side}'", "entity": "printf('PAIR%08d', i)"}
            _copies(tx.connection, t.link, count, other | {"record": "printf('p%d', i)"}, key)
            place = {"side": sample["side"], "id": sample["record"]}
            _copies(tx.connection, t.record, count, other | {"id": "printf('p%d', i)"}, place)
        guard.passed(tx, sync, fingerprint(hub.config, sync.name))


def _copies(connection: sa.Connection, table: sa.Table, count: int, other: dict[str, str], key: dict[str, str]) -> None:
    """Copies of the row with that key, some of its columns being expressions over the number ``i`` of the copy."""
    names = [column.name for column in table.columns]
    chosen = ", ".join(other.get(name, name) for name in names)
    where = " AND ".join(f"{name} = :{name}" for name in key)
    sql = f"INSERT INTO {table.name} ({', '.join(names)}) {NUMBERS} SELECT {chosen} FROM {table.name}, number "  # noqa: S608
    connection.execute(sa.text(f"{sql} WHERE {where}"), key | {"count": count})


def edit(hub: Hub, changed: int, of: int, title: str) -> None:
    """As if a person had given new titles to so many of those entities, spread evenly, on the first side."""
    (sync,) = hub.engine.world.syncs.values()
    side, step = next(iter(sync.sides)), of // changed
    ids = [f"p{number * step}" for number in range(changed)]
    with hub.store.write() as tx:
        mine = (t.record.c.side == side, t.among(t.record.c.id, ids))
        tx.execute(sa.update(t.record).where(*mine).values(shown=_titled(title)))
        tx.insert(t.change_log, [{"side": side, "id": id, "at": hub.ports.now()} for id in ids])


def _titled(title: str) -> sa.ColumnElement[str]:
    shown = sa.type_coerce(t.record.c.shown, sa.Text)
    return sa.type_coerce(sa.func.json_set(shown, "$.title", sa.literal(title) + t.record.c.id), sa.Text)


def written(hub: Hub) -> bytes:
    """All that a round may change but times of looking and leases, to compare before and after."""
    tables = [table for table in t.metadata.sorted_tables if table.name not in ("feed", "lease", "record", "link")]
    with hub.store.read() as tx:
        return msgspec.json.encode(
            {table.name: tx.scalar(sa.select(sa.func.count()).select_from(table)) for table in tables}
        )
