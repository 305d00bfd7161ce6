"""The databases that stores are tried on: SQLite, and a PostgreSQL server where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from connectors.base import Clock
from keepstep.store import tables as t
from keepstep.store.store import Store
from keepstep.testing.postgres import Server
from keepstep.testing.worlds import fresh_store

COUNTED = [table.name for table in t.metadata.tables.values() if table.autoincrement_column is not None]


class Databases(Protocol):
    """Places for the stores of one test."""

    name: str

    def url(self) -> str:
        """The address of a new and empty database, which several processes can open."""

    def quick(self) -> str:
        """The address of a database with nothing but the tables in it, or of an empty one that a single ``Store`` opens
        as quickly as can be."""

    def fresh(self, clock: Clock) -> Store:
        """A new store with its tables, open."""


class OnSqlite:
    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def url(self) -> str:
        self._made += 1
        return f"sqlite:///{self._folder / f'store{self._made}.db'}"

    def quick(self) -> str:
        return "sqlite://"

    def fresh(self, clock: Clock) -> Store:
        return fresh_store(clock)


class Stock:
    """Databases of one server with the tables in them, emptied between tests: making one takes ten times as long."""

    def __init__(self, server: Server, clock: Clock) -> None:
        self.server = server
        self._template = server.empty()
        Store(self._template, clock).open().close()
        self._made: list[str] = []
        self._free: list[str] = []

    def take(self) -> str:
        if not self._free:
            self._free.append(self.server.copy(self._template))
            self._made += self._free
        return self._free.pop()

    def give_back(self, url: str) -> None:
        engine = raw(url)
        with engine.begin() as connection:
            emptied = [f'DELETE FROM "{table}"' for table in t.metadata.tables]  # noqa: S608
            counted = [f"SELECT setval(pg_get_serial_sequence('{table}', 'n'), 1, false)" for table in COUNTED]
            connection.exec_driver_sql(";".join(emptied + counted))
        self._free.append(url)

    def drop(self) -> None:
        for url in [*self._made, self._template]:
            self.server.drop(url)


class OnPostgres:
    """Databases of a PostgreSQL server."""

    name = "postgresql"

    def __init__(self, stock: Stock) -> None:
        self.server = stock.server
        self._stock = stock
        self._empty: list[str] = []
        self._taken: list[str] = []
        self._stores: list[Store] = []

    def url(self) -> str:
        self._empty.append(self.server.empty())
        return self._empty[-1]

    def quick(self) -> str:
        self._taken.append(self._stock.take())
        return self._taken[-1]

    def fresh(self, clock: Clock) -> Store:
        self._stores.append(Store(self.quick(), clock).open())
        return self._stores[-1]

    def close(self) -> None:
        for store in self._stores:
            store.close()
        for url in self._taken:
            self._stock.give_back(url)
        for url in self._empty:
            self.server.drop(url)


def raw(url: str) -> sa.Engine:
    """A way past the store into its database."""
    if url.startswith("sqlite"):
        return sa.create_engine(url)
    return sa.create_engine(url, poolclass=sa.NullPool)
