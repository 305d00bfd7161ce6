"""Moving a store to another database: every row as it is, after which the former store refuses to be used.

Two stores that both believe to know what was carried over would each carry it over again, hence the refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import sqlalchemy as sa

from connectors.base import Clock
from keepstep.store import tables as t
from keepstep.store.backup import InFile, place
from keepstep.store.databases import in_memory
from keepstep.store.dump import Server
from keepstep.store.errors import StoreError
from keepstep.store.peek import peek
from keepstep.store.store import BATCH, MOVED, Store, Tx


def move(source: str, target: str, clock: Clock, environ: Mapping[str, str]) -> int:
    """Copy the store at one address into an empty database at another. Returns how many rows there are.

    The rows come there in one transaction, and only then the source is marked as moved. Whatever fails before, the
    source is used as before and the move can be tried again. No row of the source is taken away. Raises ``StoreError``
    if somebody is at work on the source, or anything is in the target.
    """
    if in_memory(source) or in_memory(target):
        raise StoreError("move_memory")
    begun, to = peek(source), peek(target)
    if begun.revision is None:
        raise StoreError("move_nothing", url=begun.url)
    if to.older:
        raise StoreError("move_target_used", url=to.url)
    here, there = Store(source, clock), Store(target, clock)
    _check_idle(source, here.now(), environ)
    try:
        here.open()  # brings its tables up to date
        with there.open().read() as fresh:
            _check_empty(fresh, to.url)  # before: onto itself it would wait for itself
        with here.write() as former:
            with there.write() as fresh:
                _check_empty(fresh, to.url)
                rows = sum(_copy(former, fresh, table) for table in t.metadata.sorted_tables)
            former.upsert(t.setting, [{"name": MOVED, "value": {"to": to.url, "at": here.now()}}])
    finally:
        here.close()
        there.close()
    return rows


def _check_idle(url: str, now: str, environ: Mapping[str, str]) -> None:
    file = place(url)
    (Server(url, environ) if file is None else InFile(file)).check_idle(now)


def _check_empty(tx: Tx, url: str) -> None:
    for table in t.metadata.sorted_tables:
        if tx.one(sa.select(table).limit(1)) is not None:
            raise StoreError("move_target_used", url=url)


def _copy(former: Tx, fresh: Tx, table: sa.Table) -> int:
    count = 0
    rows = former.each(sa.select(table))
    while part := list(islice(rows, BATCH)):
        fresh.insert(table, part)
        count += len(part)
    counted = table.autoincrement_column
    if counted is not None and fresh.connection.dialect.name == "postgresql":
        # Rows that bring their numbers along do not move the counter on.
        newest = sa.select(sa.func.max(counted)).scalar_subquery()
        counter = sa.func.pg_get_serial_sequence(table.name, counted.name)
        fresh.connection.execute(sa.select(sa.func.setval(counter, newest)).where(newest.is_not(None)))
    return count
