"""Opening the store, and transactions on it: every write of a run says which lease it holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import StaticPool

from connectors.base import Clock
from keepstep.store import tables as t
from keepstep.store.errors import Fenced, StoreError

REVISION = "0002_matching"
"""The revision of the tables that this code reads and writes; the newest under ``migrations/versions``."""

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one sync or one feed, until a time that each transaction pushes on."""

    name: str
    epoch: int
    holder: str
    seconds: float


class Tx:
    """One transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.wrote = False
        """Something was written, apart from the lease."""
        self._insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert

    def all(self, statement: sa.Select[Any]) -> list[dict[str, Any]]:
        return [dict(row) for row in self.connection.execute(statement).mappings()]

    def one(self, statement: sa.Select[Any]) -> dict[str, Any] | None:
        row = self.connection.execute(statement).mappings().first()
        return dict(row) if row is not None else None

    def scalar(self, statement: sa.Select[Any]) -> Any:
        return self.connection.execute(statement).scalar()

    def execute(self, statement: sa.Executable) -> int:
        self.wrote = True
        return int(self.connection.execute(statement).rowcount)

    def insert(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        self._many(table, False, rows)

    def upsert(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows, or overwrite those whose primary key is there. All rows name the same columns."""
        self._many(table, True, rows)

    def change(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Set columns of the rows that the primary keys name. All rows name the same columns, the keys among them."""
        if not rows:
            return
        self.wrote = True
        keys = [column.name for column in table.primary_key]
        statement = sa.update(table).where(*(table.c[name] == sa.bindparam(f"key_{name}") for name in keys))
        statement = statement.values({name: sa.bindparam(f"new_{name}") for name in rows[0] if name not in keys})
        for start in range(0, len(rows), BATCH):
            part = [
                {f"key_{name}" if name in keys else f"new_{name}": value for name, value in row.items()}
                for row in rows[start : start + BATCH]
            ]
            self.connection.execute(statement, part)

    def _many(self, table: sa.Table, over: bool, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        self.wrote = True
        names = tuple(rows[0])
        dialect = self.connection.dialect
        if dialect.name != "sqlite":
            statement = self._statement(table, over, names)
            for start in range(0, len(rows), BATCH):
                self.connection.execute(statement, list(rows[start : start + BATCH]))
            return
        prepared = _PREPARED.get((table.name, over, names))
        if prepared is None:
            prepared = Prepared.of(self._statement(table, over, names), table, names, dialect)
            _PREPARED[table.name, over, names] = prepared
        for start in range(0, len(rows), BATCH):
            part = [prepared.values(row) for row in rows[start : start + BATCH]]
            self.connection.exec_driver_sql(prepared.sql, part)

    def _statement(self, table: sa.Table, over: bool, names: Sequence[str]) -> Any:
        if not over:
            return sa.insert(table)
        keys = [column.name for column in table.primary_key]
        statement = self._insert(table)
        overwrite = {name: statement.excluded[name] for name in names if name not in keys}
        if overwrite:
            return statement.on_conflict_do_update(index_elements=keys, set_=overwrite)
        return statement.on_conflict_do_nothing(index_elements=keys)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An insert as text, and what turns a row into its values: per row that costs a fraction of the general way."""

    sql: str
    columns: tuple[tuple[str, Any, Any], ...]
    """Name, the type's own conversion or None, and the value where the row names none."""

    @classmethod
    def of(cls, statement: Any, table: sa.Table, names: Sequence[str], dialect: sa.Dialect) -> Prepared:
        unnamed = {column.name: getattr(column.default, "arg", None) for column in table.columns}
        compiled = statement.compile(dialect=dialect, column_keys=names)
        columns = tuple(
            (name, table.columns[name].type.dialect_impl(dialect).bind_processor(dialect), unnamed.get(name))
            for name in compiled.positiontup
        )
        return cls(str(compiled), columns)

    def values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(
            [
                value if convert is None else convert(value)
                for name, convert, unnamed in self.columns
                for value in (row.get(name, unnamed),)
            ]
        )


_PREPARED: dict[tuple[str, bool, tuple[str, ...]], Prepared] = {}


class Store:
    """The database behind ``url``. Thread-safe; several processes may use one at a time through leases."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self._clock = clock
        self._renewed: dict[Lease, float] = {}
        memory = url in ("sqlite://", "sqlite:///:memory:")
        options: dict[str, Any] = {"poolclass": StaticPool} if memory else {}
        if url.startswith("sqlite"):
            options["connect_args"] = {"check_same_thread": False, "timeout": 30}
        self._engine = sa.create_engine(url, **options)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)

    def open(self) -> Store:
        """Create or check the tables. Raises ``StoreError`` for a database that is newer, locked, full or foreign."""
        with self._errors(), self._engine.connect() as connection:
            names = set(sa.inspect(connection).get_table_names())
            revision = None
            ours = names & set(t.metadata.tables)
            if "alembic_version" in names and ours:
                revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            elif "alembic_version" in names or ours:
                raise StoreError("store_foreign", url=self._shown())
        if revision != REVISION:
            from keepstep.store.migrate import upgrade  # Alembic costs 0.2 s: only when there is something to do

            upgrade(self._engine, revision, self._shown())
        return self

    def _shown(self) -> str:
        return self._engine.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A consistent look; nothing is written."""
        with self._errors(), self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            try:
                yield Tx(connection)
            finally:
                connection.rollback()

    @contextmanager
    def write(self, lease: Lease | None = None, *, last: bool = False) -> Iterator[Tx]:
        """One transaction, committed at the end. With a lease: renews it, and raises ``Fenced`` if it is lost.

        ``last``: gives the lease back with it. What wrote nothing is not committed, unless the lease grows old.
        """
        with self._transaction(lease) as (connection, tx):
            yield tx
            if lease is not None and last:
                tx.execute(_given_back(lease))
            if tx.wrote or lease is None or self._ages(lease):
                connection.commit()
                if lease is not None:
                    self._renewed[lease] = self._clock.now().timestamp()
                    if last:
                        del self._renewed[lease]

    def _ages(self, lease: Lease) -> bool:
        return self._clock.now().timestamp() - self._renewed.get(lease, 0.0) > lease.seconds / 4

    @contextmanager
    def _hasty(self) -> Iterator[Tx]:
        """A transaction that need not be on the disk when it ends, as long as nothing later gets there before it.

        A lease that a failing machine forgets had its holder on that machine, or one whose later commits kept it.
        """
        with self._errors(), self._engine.connect() as connection:
            hasty = self._engine.dialect.name == "sqlite"
            try:
                if hasty:
                    connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield Tx(connection)
                connection.commit()
            finally:
                connection.rollback()
                if hasty:
                    connection.exec_driver_sql("PRAGMA synchronous=FULL")

    @contextmanager
    def rehearse(self) -> Iterator[Tx]:
        """A transaction that is always rolled back: what a plan needs."""
        with self._transaction(None) as (_, tx):
            yield tx

    @contextmanager
    def _transaction(self, lease: Lease | None) -> Iterator[tuple[sa.Connection, Tx]]:
        with self._errors(), self._engine.connect() as connection:
            try:
                if self._engine.dialect.name == "sqlite":
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                if lease is not None:
                    self._renew(connection, lease)
                yield connection, Tx(connection)
            finally:
                connection.rollback()

    def _renew(self, connection: sa.Connection, lease: Lease) -> None:
        until = self._clock.now().timestamp() + lease.seconds
        held = connection.execute(
            sa.update(t.lease)
            .where(t.lease.c.name == lease.name, t.lease.c.epoch == lease.epoch, t.lease.c.holder == lease.holder)
            .values(until=until)
        ).rowcount
        if not held:
            raise Fenced(lease.name)

    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """The lease of that name with the next epoch, or None while another holder has it."""
        now = self._clock.now().timestamp()
        with self._hasty() as tx:
            held = tx.one(sa.select(t.lease).where(t.lease.c.name == name))
            if held is not None and held["until"] > now and held["holder"] != holder:
                return None
            epoch = (held["epoch"] if held else 0) + 1
            tx.upsert(t.lease, [{"name": name, "epoch": epoch, "holder": holder, "until": now + seconds}])
        lease = Lease(name, epoch, holder, seconds)
        self._renewed[lease] = now
        return lease

    def release(self, lease: Lease) -> None:
        """Give it back. Harmless if it was lost already."""
        with self._hasty() as tx:
            tx.execute(_given_back(lease))
        self._renewed.pop(lease, None)

    def left(self, lease: Lease) -> float:
        """Seconds until the lease ends; 0 if it is not ours any more."""
        with self.read() as tx:
            until = tx.scalar(
                sa.select(t.lease.c.until).where(
                    t.lease.c.name == lease.name, t.lease.c.epoch == lease.epoch, t.lease.c.holder == lease.holder
                )
            )
        return max(0.0, until - self._clock.now().timestamp()) if until else 0.0

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.OperationalError as error:
            raise StoreError(_code(str(error.orig)), url=self._shown(), detail=str(error.orig)) from error
        except sa.exc.DatabaseError as error:
            if isinstance(error, sa.exc.IntegrityError):
                raise
            raise StoreError("store_broken", url=self._shown(), detail=str(error.orig)) from error
        except sqlite3.Error as error:  # from preparing a new connection, which SQLAlchemy does not wrap
            raise StoreError(_code(str(error)), url=self._shown(), detail=str(error)) from error


def _given_back(lease: Lease) -> sa.Update:
    mine = (t.lease.c.name == lease.name, t.lease.c.epoch == lease.epoch)
    return sa.update(t.lease).where(*mine).values(until=0.0, holder="")


def _code(words: str) -> str:
    words = words.lower()
    for word, code in (
        ("locked", "store_locked"),
        ("full", "store_full"),
        ("readonly", "store_read_only"),
        ("read-only", "store_read_only"),
        ("unable to open", "store_unreachable"),
        ("connect", "store_unreachable"),
    ):
        if word in words:
            return code
    return "store_broken"


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    # Transactions are begun by us, as reading or writing from the start: a late upgrade of a lock can fail.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    # An intent must be on the disk before its request leaves.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
