"""A store that was put back from a copy: it has gone back in time, and the systems have not.

Whatever was done since the copy was taken is unknown to it: cursors, shadows and links are older than what the systems
show. So everything is read anew, before anything is written; what is found counts as having been there before the hub
began, so that nothing is made a second time; and the first plan of each sync waits for a person and deletes nothing.
"""

from __future__ import annotations

import sqlalchemy as sa

from connectors.log import Log
from keepstep.engine import guard
from keepstep.engine.ports import Ports
from keepstep.engine.reconfigured import NEVER_SEEN
from keepstep.store import tables as t
from keepstep.store.backup import COPY
from keepstep.store.store import Tx

log = Log()

FORGOTTEN = ("began:", "compared:", "keys_moved:")
"""Settings of a sync that are made anew by its next matching."""


def recognise(ports: Ports) -> bool:
    """Whether the store is a copy that was put back and not used since; from now on it is the store again.

    One query where it is not. One transaction where it is: either nothing happened, or its consequences are stored.
    """
    asked = sa.select(t.setting.c.value).where(t.setting.c.name == COPY)
    with ports.store.read() as tx:
        if tx.scalar(asked) is None:
            return False
    with ports.store.write() as tx:
        copy = tx.scalar(asked)
        if copy is None:
            return False  # another worker was first
        _begin_again(tx, copy["taken_at"], ports.now())
        tx.execute(sa.delete(t.setting).where(t.setting.c.name == COPY))
    log.warning("the store was put back from a copy", taken_at=copy["taken_at"])
    return True


def _begin_again(tx: Tx, taken_at: str, now: str) -> None:
    # Both drag in much that a start has no use for.
    from keepstep.engine.match.linking import FORGOTTEN as FORGOTTEN_SPANS
    from keepstep.engine.news import POSITION

    # Not crawled: nothing is matched, and so nothing written, before every feed has been read to its end.
    tx.execute(sa.update(t.feed).values(cursor=None, crawled=False, census_at=None))
    tx.execute(sa.update(t.record).values(digest=NEVER_SEEN))
    tx.execute(sa.delete(t.position))
    due = sa.select(t.entity.c.sync, t.entity.c.id)
    tx.upsert(t.due, [{"sync": row["sync"], "entity": row["id"], "since": now} for row in tx.all(due)])
    for prefix in FORGOTTEN:
        tx.execute(sa.delete(t.setting).where(t.setting.c.name.startswith(prefix, autoescape=True)))
    # Plans may have been carried out since under any configuration, even where none had been when the copy was taken.
    tx.upsert(t.setting, [{"name": f"applied:{sync}", "value": guard.restored(taken_at, now)} for sync in _syncs(tx)])
    spans = tx.setting(FORGOTTEN_SPANS) or []
    tx.upsert(t.setting, [{"name": FORGOTTEN_SPANS, "value": [*spans, [taken_at, now]]}])
    # What a person let through may have been carried out since; what was told of customers' changes, too.
    tx.execute(sa.delete(t.hold).where(t.hold.c.state == "let_through"))
    tx.execute(sa.delete(t.setting).where(t.setting.c.name == POSITION))
    # Whoever held a lease when the copy was taken does not hold it now.
    tx.execute(sa.update(t.lease).values(holder="", until=0.0))
    line = {"at": now, "run": None, "code": "store_restored", "entity": None, "side": None, "field": None}
    tx.insert(t.audit, [line | {"params": {"taken_at": taken_at}}])


def _syncs(tx: Tx) -> list[str]:
    """The syncs that this store has ever looked at."""
    configured = tx.all(sa.select(t.setting.c.name).where(t.setting.c.name.startswith("configured:")))
    queues = tx.all(sa.select(t.entity.c.sync).distinct())
    return sorted({row["name"].partition(":")[2] for row in configured} | {row["sync"] for row in queues})
