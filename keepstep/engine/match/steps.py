"""Going through the change log from a sync's position, batch by batch: link what is new, queue what moved."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.carried import behind, belonging
from keepstep.engine.job import Job
from keepstep.engine.match.crowds import ask_about_crowds, warn_of_shared
from keepstep.engine.match.keys import Keys
from keepstep.engine.match.likeness import compared, propose_alike
from keepstep.engine.match.linking import keys_moved
from keepstep.engine.match.placing import Placing
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx

BATCH = 500

_CRAWLED = sa.select(t.feed.c.name).where(
    t.feed.c.name.in_(sa.bindparam("names", expanding=True)), t.feed.c.crawled.is_(True)
)
_POSITION = sa.select(t.position.c.n).where(t.position.c.sync == sa.bindparam("sync"))
_LOGGED = (
    sa.select(t.change_log.c.n, t.change_log.c.side, t.change_log.c.id)
    .where(t.change_log.c.n > sa.bindparam("position"), t.change_log.c.side.in_(sa.bindparam("sides", expanding=True)))
    .order_by(t.change_log.c.n)
    .limit(BATCH + 1)
)


class Matched(msgspec.Struct, kw_only=True):
    """What a round of matching did."""

    entities: int = 0
    links: int = 0
    proposals: int = 0
    held: int = 0
    queued: int = 0
    waiting: str | None = None
    """The feed whose first crawl is not complete yet: nothing is matched before it is. After the store was put back
    from a copy also the side that could not be looked at closely."""


def match(job: Job) -> Matched:
    """Match what the change log has since this sync's position. Each batch is one transaction."""
    ports, world, sync = job.ports, job.world, job.sync
    done = Matched()
    with job.read() as tx:
        names = [connection.feed_key(feed) for connection, feed in world.feeds(sync)]
        known = {row["name"] for row in tx.all(_CRAWLED, names=names)}
        comparing = sync.carried is None and not compared(tx, sync)
        first = behind(tx, world, sync)
    done.waiting = next((name for name in names if name not in known), None)
    if done.waiting is not None or first:
        return done
    while True:
        with job.write() as tx:
            more = _step(tx, ports, sync, done)
            ports.fence.point("match.storing")
        ports.fence.point("match.stored")
        if not more:
            break
    if comparing:
        with job.write() as tx:
            done.proposals += propose_alike(tx, ports, sync)
            ports.fence.point("match.storing")
    return done


def _began(tx: Tx, sync: Sync) -> dict[str, int]:
    """Side -> the end of the change log when the sync first matched it: what stands before was there before the hub.

    Kept, because the first matching takes many steps and may be killed between them. A side that joins later has a
    beginning of its own.
    """
    name = f"began:{sync.name}"
    began: dict[str, int] = tx.setting(name) or {}
    joined = [side for side in sync.sides if side not in began]
    if joined:
        end = int(tx.scalar(sa.select(sa.func.max(t.change_log.c.n))) or 0)
        began = began | dict.fromkeys(joined, end)
        tx.upsert(t.setting, [{"name": name, "value": began}])
    return began


def _step(tx: Tx, ports: Ports, sync: Sync, done: Matched) -> bool:
    began = _began(tx, sync)
    position = tx.scalar(_POSITION, sync=sync.name) or 0
    logged = tx.all(_LOGGED, position=position, sides=list(sync.sides))
    if not logged:
        return False
    more = len(logged) > BATCH
    logged = logged[:BATCH]
    wanted: dict[str, list[str]] = {}
    old: set[tuple[str, str]] = set()
    for row in logged:
        wanted.setdefault(row["side"], []).append(row["id"])
        if row["n"] <= began[row["side"]]:
            old.add((row["side"], row["id"]))
    records = []
    for side in sorted(wanted):
        for part in chunks(sorted(set(wanted[side])), 400):
            query = sa.select(t.record).where(t.record.c.side == side, t.record.c.id.in_(part))
            records += tx.all(query.order_by(t.record.c.id))
    moved = _take(tx, ports, sync, records, done, old)
    tx.upsert(t.position, [{"sync": sync.name, "n": logged[-1]["n"]}])
    _look_at_keys(tx, ports, sync, done, moved, more)
    return more


def _look_at_keys(tx: Tx, ports: Ports, sync: Sync, done: Matched, moved: bool, more: bool) -> None:
    """With the last batch, if any key came, went or changed: what is not unique is told and asked about.

    That some did is kept until then: the worker may be killed between two batches.
    """
    if not sync.match:
        return
    name = keys_moved(sync.name)
    if more:
        if moved:
            tx.upsert(t.setting, [{"name": name, "value": True}])
        return
    kept = tx.setting(name)
    if kept is not None:
        tx.execute(sa.delete(t.setting).where(t.setting.c.name == name))
    if moved or kept is not None:
        warn_of_shared(tx, ports, sync)
        done.proposals += ask_about_crowds(tx, ports, sync)


def _take(
    tx: Tx, ports: Ports, sync: Sync, records: list[dict[str, Any]], done: Matched, old: set[tuple[str, str]]
) -> bool:
    """Match one batch. The number of queries does not depend on its size. Whether any key came, went or changed."""
    now = ports.now()
    mine = belonging(tx, sync, (row for row in records if row["kind"] == sync.kind.value))
    keys = Keys(tx, sync, mine)
    rekeyed = []
    for row in mine:
        key = keys.of(row)
        if key != row["match_key"]:
            row["match_key"] = key
            rekeyed.append(row)
    tx.change(t.record, [{name: row[name] for name in ("side", "id", "match_key")} for row in rekeyed])
    loose = [row for row in mine if row["entity"] is None and not row["deleted"]]
    queue = _of_sync(tx, sync, {row["entity"] for row in records if row["entity"] is not None})
    moved = [row for row in rekeyed if row["entity"] in queue and row["match_key"] and not row["deleted"]]
    placing = Placing(tx, ports, sync, loose, moved)
    for row in loose:
        entity = placing.place(row, (row["side"], row["id"]) in old)
        if entity is not None:
            queue.add(entity)
    for row in moved:
        placing.ask_again(row)
    placing.store()
    done.entities += len(placing.entities)
    done.links += placing.linked
    done.proposals += len(placing.proposals)
    done.held += placing.held
    done.queued += len(queue)
    tx.upsert(t.due, [{"sync": sync.name, "entity": id, "since": now} for id in sorted(queue)])
    return bool(rekeyed or loose or any(row["deleted"] for row in mine))


def _of_sync(tx: Tx, sync: Sync, entities: set[str]) -> set[str]:
    """A stream may hold records of several kinds, and so be a side of several syncs: each tends to its own."""
    mine: set[str] = set()
    for part in chunks(sorted(entities), 400):
        query = sa.select(t.entity.c.id).where(t.entity.c.id.in_(part), t.entity.c.sync == sync.name)
        mine.update(row["id"] for row in tx.all(query))
    return mine
