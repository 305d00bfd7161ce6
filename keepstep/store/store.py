"""Opening the store, and transactions on it: every write of a run says which lease it holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import StaticPool

from connectors.base import Clock, utc
from keepstep.store import tables as t
from keepstep.store.errors import Fenced, StoreError

REVISION = "0004"
"""The revision of the tables that this code reads and writes; the newest under ``migrations/versions``."""

BATCH = 1000

# Leases are in every transaction. As text, these cost a fraction of what building them each time costs.
_ACQUIRE = sa.text(
    "INSERT INTO lease (name, epoch, holder, until) VALUES (:name, 1, :holder, :until) "
    "ON CONFLICT (name) DO UPDATE SET epoch = lease.epoch + 1, holder = excluded.holder, until = excluded.until "
    "WHERE lease.until <= :now OR lease.holder = excluded.holder RETURNING epoch"
)
_MINE = "WHERE name = :name AND epoch = :epoch AND holder = :holder"
_RENEW = sa.text(f"UPDATE lease SET until = :until {_MINE}")  # noqa: S608
_GIVE_BACK = sa.text(f"UPDATE lease SET until = 0, holder = '' {_MINE}")  # noqa: S608


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
        self._insert: Any = _insert_of(connection.dialect.name)

    def all(self, statement: sa.Select[Any], **values: Any) -> list[dict[str, Any]]:
        """The rows. ``values``: of the parameters that the statement names."""
        result = self.connection.execute(statement, values)
        names = tuple(result.keys())
        return [dict(zip(names, row, strict=True)) for row in result.all()]

    def one(self, statement: sa.Select[Any], **values: Any) -> dict[str, Any] | None:
        row = self.connection.execute(statement, values).mappings().first()
        return dict(row) if row is not None else None

    def scalar(self, statement: sa.Select[Any]) -> Any:
        return self.connection.execute(statement).scalar()

    def execute(self, statement: sa.Executable, **values: Any) -> int:
        self.wrote = True
        return int(self.connection.execute(statement, values).rowcount)

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


def _insert_of(dialect: str) -> Any:
    """The insert that can say what happens to a row that is there already."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # drags its drivers in: only for those who use it

        return postgresql.insert
    return sqlite.insert


@dataclass(frozen=True, slots=True)
class Prepared:
    """An insert as text, and what turns a row into its values: per row that costs a fraction of the general way."""

    sql: str
    pick: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """The row's values in the order of the text."""
    encoded: tuple[int, ...]
    """Places of values that are kept as JSON. The driver takes all others as they are."""
    unnamed: Mapping[str, Any]
    """Values of the columns that the rows do not name."""

    @classmethod
    def of(cls, statement: Any, table: sa.Table, names: Sequence[str], dialect: sa.Dialect) -> Prepared:
        compiled = statement.compile(dialect=dialect, column_keys=names)
        columns = tuple(compiled.positiontup)
        encoded = tuple(place for place, name in enumerate(columns) if isinstance(table.columns[name].type, t.Json))
        unnamed = {name: getattr(table.columns[name].default, "arg", None) for name in columns if name not in names}
        if len(columns) > 1:
            return cls(str(compiled), itemgetter(*columns), encoded, unnamed)
        return cls(str(compiled), lambda row: (row[columns[0]],), encoded, unnamed)

    def values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        found = list(self.pick({**self.unnamed, **row} if self.unnamed else row))
        for place in self.encoded:
            if found[place] is not None:
                found[place] = msgspec.json.encode(found[place]).decode()
        return tuple(found)


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
            self._begin(connection, "BEGIN")
            try:
                yield Tx(connection)
            finally:
                connection.rollback()

    @contextmanager
    def write(self, lease: Lease | None = None, *, last: bool = False) -> Iterator[Tx]:
        """One transaction, committed at the end. With a lease: renews it, and raises ``Fenced`` if it is lost.

        ``last``: gives the lease back with it. What wrote nothing is not committed, unless the lease grows old.
        """
        with self._transaction(lease, last) as (connection, tx):
            yield tx
            if tx.wrote or last or lease is None or self._ages(lease):
                connection.commit()
                if lease is not None:
                    self._renewed[lease] = self._clock.now().timestamp()
                    if last:
                        self._renewed.pop(lease)

    def _ages(self, lease: Lease) -> bool:
        return self._clock.now().timestamp() - self._renewed.get(lease, 0.0) > lease.seconds / 4

    @contextmanager
    def _hasty(self) -> Iterator[Tx]:
        """A transaction that need not be on the disk when it ends, as long as nothing later gets there before it.

        A lease that a failing machine forgets had its holder on that machine, or one whose later commits kept it.
        """
        with self._errors(), self._engine.connect() as connection:
            self._begin(connection, "PRAGMA synchronous=NORMAL", "BEGIN IMMEDIATE")
            try:
                yield Tx(connection)
                connection.commit()
            finally:
                connection.rollback()
                if connection.dialect.name == "sqlite":
                    connection.connection.cursor().execute("PRAGMA synchronous=FULL")

    @contextmanager
    def rehearse(self) -> Iterator[Tx]:
        """A transaction that is always rolled back: what a plan needs."""
        with self._transaction(None) as (_, tx):
            yield tx

    @contextmanager
    def _transaction(self, lease: Lease | None, last: bool = False) -> Iterator[tuple[sa.Connection, Tx]]:
        with self._errors(), self._engine.connect() as connection:
            self._begin(connection, "BEGIN IMMEDIATE")
            try:
                if lease is not None:
                    self._renew(connection, lease, last)
                yield connection, Tx(connection)
            finally:
                connection.rollback()

    def _begin(self, connection: sa.Connection, *words: str) -> None:
        """Begin a transaction, on SQLite in those words: they go to the driver, by the general way they cost as much
        as a query."""
        connection.begin()
        if connection.dialect.name == "sqlite":
            for each in words:
                connection.connection.cursor().execute(each)

    def _renew(self, connection: sa.Connection, lease: Lease, last: bool) -> None:
        """Push the lease's end on, or give it back with this transaction."""
        until = self._clock.now().timestamp() + lease.seconds
        known = {"name": lease.name, "epoch": lease.epoch, "holder": lease.holder}
        if not connection.execute(_GIVE_BACK if last else _RENEW, known if last else known | {"until": until}).rowcount:
            raise Fenced(lease.name)

    def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """The lease of that name with the next epoch, or None while another holder has it."""
        with self.acquiring(name, holder, seconds) as (lease, _):
            return lease

    @contextmanager
    def acquiring(self, name: str, holder: str, seconds: float) -> Iterator[tuple[Lease | None, Tx]]:
        """As ``acquire``, and the transaction in which that happens, for a first look at what the lease is about."""
        now = self._clock.now().timestamp()
        with self._hasty() as tx:
            given = {"name": name, "holder": holder, "until": now + seconds, "now": now}
            epoch = tx.connection.execute(_ACQUIRE, given).scalar()
            lease = None if epoch is None else Lease(name, epoch, holder, seconds)
            yield lease, tx
        if lease is not None:
            self._renewed[lease] = now

    def release(self, lease: Lease) -> None:
        """Give it back. Harmless if it was lost already."""
        with self._hasty() as tx:
            tx.connection.execute(_GIVE_BACK, {"name": lease.name, "epoch": lease.epoch, "holder": lease.holder})
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

    def now(self) -> str:
        """The time on the store's clock, as rows have it."""
        return utc(self._clock.now())

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
