"""Copies of a store in memory, put back in its place: what it forgets by that, people were told all the same."""

from __future__ import annotations

import sqlite3
from typing import Any

import sqlalchemy as sa

from keepstep.store import backup
from keepstep.store import tables as t
from keepstep.store.store import Store

REMEMBERED = (t.audit, t.intent, t.link)


class Copies:
    """The newest copy of a store, and the rows that the store had before a copy was put in its place."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._copy: sqlite3.Connection | None = None
        self._taken_at = ""
        self.spans: list[tuple[str, str]] = []
        """From when to when the store has forgotten everything."""
        self._forgotten: dict[str, list[dict[str, Any]]] = {table.name: [] for table in REMEMBERED}

    def take(self) -> None:
        """Copy the store as it is now; a former copy is gone."""
        self.close()
        self._copy = sqlite3.connect(":memory:", check_same_thread=False)
        self._database().backup(self._copy)
        self._taken_at = self._store.now()

    def put_back(self) -> bool:
        """Put the copy in the store's place, as one that says of itself what it is. False if none was taken."""
        if self._copy is None:
            return False
        with self._store.read() as tx:
            for table in REMEMBERED:
                self._forgotten[table.name] += tx.all(sa.select(table))
        self.spans.append((self._taken_at, self._store.now()))
        self._copy.backup(self._database())
        with self._store.write() as tx:
            tx.upsert(t.setting, [{"name": backup.COPY, "value": {"taken_at": self._taken_at}}])
        return True

    def ever(self, table: sa.Table) -> list[dict[str, Any]]:
        """The rows of one of the remembered tables, with those that were forgotten."""
        with self._store.read() as tx:
            return [*self._forgotten[table.name], *tx.all(sa.select(table))]

    def close(self) -> None:
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    def _database(self) -> Any:
        return self._store._engine.raw_connection().driver_connection
