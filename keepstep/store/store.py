"""Opening the store, and transactions on it: every write of a run says which lease it holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from connectors.base import Clock, utc
from keepstep.store import tables as t
from keepstep.store.columns import Columns
from keepstep.store.databases import database, shown
from keepstep.store.errors import Fenced, StoreError
from keepstep.store.statistics import Growth
from keepstep.store.types import Json

REVISION = "0009"
"""The revision of the tables that this code reads and writes; the newest under ``migrations/versions``."""

BATCH = 1000

BEGINNING = 5.0
"""Seconds after which a file that another process was just making is no longer empty."""
LOOKS = 50
"""How often it is looked at meanwhile."""

MOVED = "store:moved"
"""The setting by which a store says that another one took its place: where that is, and since when."""

# Leases are in every transaction. As text, these cost a fraction of what building them each time costs.
_ACQUIRE = sa.text(
    "INSERT INTO lease (name, epoch, holder, until) VALUES (:name, 1, :holder, :until) "
    "ON CONFLICT (name) DO UPDATE SET epoch = lease.epoch + 1, holder = excluded.holder, until = excluded.until "
    "WHERE lease.until <= :now OR lease.holder = excluded.holder RETURNING epoch"
)
_REVISION = f"SELECT version_num, (SELECT value FROM setting WHERE name = '{MOVED}') FROM alembic_version"  # noqa: S608
# Built once: to work out its place in SQLAlchemy's cache is half of what a question costs.
_SETTING = sa.select(t.setting.c.value).where(t.setting.c.name == sa.bindparam("setting"))
_MINE = "WHERE name = :name AND epoch = :epoch AND holder = :holder"
_RENEW = sa.text(f"UPDATE lease SET until = :until {_MINE}")  # noqa: S608
_GIVE_BACK = sa.text(f"UPDATE lease SET until = 0, holder = '' {_MINE}")  # noqa: S608
_TURN = sa.text(
    "INSERT INTO turn (sync, begins, holder, at) VALUES (:sync, :begins, :holder, :at) "
    "ON CONFLICT (sync) DO UPDATE SET begins = excluded.begins, holder = excluded.holder, at = excluded.at "
    "WHERE turn.begins < excluded.begins RETURNING begins"
)


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

    def all(self, statement: sa.Select[Any], **values: Any) -> list[dict[str, Any]]:
        """The rows. ``values``: of the parameters that the statement names."""
        result = self.connection.execute(statement, values)
        names = tuple(result.keys())
        return [dict(zip(names, row, strict=True)) for row in result.all()]

    def each(self, statement: sa.Select[Any], **values: Any) -> Iterator[dict[str, Any]]:
        """The rows one by one: however many there are, few of them are in memory at a time."""
        result = self.connection.execute(statement, values, execution_options={"yield_per": BATCH})
        names = tuple(result.keys())
        for row in result:
            yield dict(zip(names, row, strict=True))

    def one(self, statement: sa.Select[Any], **values: Any) -> dict[str, Any] | None:
        row = self.connection.execute(statement, values).mappings().first()
        return dict(row) if row is not None else None

    def scalar(self, statement: sa.Select[Any], **values: Any) -> Any:
        return self.connection.execute(statement, values).scalar()

    def setting(self, name: str) -> Any:
        """What is kept under that name; None if nothing is."""
        return self.scalar(_SETTING, setting=name)

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
            columns = _COLUMNS.get((table.name, over, names))
            if columns is None:
                columns = Columns.of(table, over, names, dialect.identifier_preparer.quote)
                _COLUMNS[table.name, over, names] = columns
            for start in range(0, len(rows), BATCH):
                self.connection.exec_driver_sql(columns.sql, (columns.value(rows[start : start + BATCH]),))
            Growth.on(self.connection).wrote(self.connection, table.name, len(rows))
            return
        prepared = _PREPARED.get((table.name, over, names))
        if prepared is None:
            prepared = Prepared.of(_statement(table, over, names), table, names, dialect)
            _PREPARED[table.name, over, names] = prepared
        for start in range(0, len(rows), BATCH):
            part = [prepared.values(row) for row in rows[start : start + BATCH]]
            self.connection.exec_driver_sql(prepared.sql, part)


def _statement(table: sa.Table, over: bool, names: Sequence[str]) -> Any:
    if not over:
        return sa.insert(table)
    keys = [column.name for column in table.primary_key]
    statement = sqlite.insert(table)
    overwrite = {name: statement.excluded[name] for name in names if name not in keys}
    if overwrite:
        return statement.on_conflict_do_update(index_elements=keys, set_=overwrite)
    return statement.on_conflict_do_nothing(index_elements=keys)


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
        encoded = tuple(place for place, name in enumerate(columns) if isinstance(table.columns[name].type, Json))
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
_COLUMNS: dict[tuple[str, bool, tuple[str, ...]], Columns] = {}


def _create(connection: sa.Connection) -> None:
    """All tables as they are today, marked as Alembic would have marked them: what its migrations make one by one."""
    t.metadata.create_all(connection, checkfirst=False)
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.execute(sa.text("INSERT INTO alembic_version (version_num) VALUES (:revision)"), {"revision": REVISION})


class Store:
    """The database behind ``url``. Thread-safe; several processes share one through leases."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Nothing is connected yet. Raises ``StoreError`` for an address at which no store can be."""
        self.url = url
        self.copied: Path | None = None
        """The copy that was made when the store was opened, because its tables had to change."""
        self._clock = clock
        self._renewed: dict[Lease, float] = {}
        self._database = database(url)
        self._engine = self._database.engine

    def open(self) -> Store:
        """Create or check the tables. Raises ``StoreError`` for a database that is newer, locked, full, foreign, moved,
        or an empty file: what it held may be lost, and a new store in its place would make everything once more.

        Several processes may open one store at once, however old it is: one of them upgrades it, the others wait.
        """
        self._check_emptied()
        with self._errors():
            with self._database.reading() as connection:
                self._database.check(connection)
                there = self._revision(connection)
            if there != REVISION:
                self._upgrade()
        return self

    def _check_emptied(self) -> None:
        for _ in range(LOOKS):
            if not self._database.emptied():
                return
            self._clock.wait(BEGINNING / LOOKS)
        raise StoreError("store_emptied", url=self._shown())

    def _revision(self, connection: sa.Connection) -> str | None:
        """The revision of the tables that are there; None if there are none."""
        names = set(sa.inspect(connection).get_table_names())
        ours = names & set(t.metadata.tables)
        if "alembic_version" in names and ours:
            revision, moved = connection.exec_driver_sql(_REVISION).first() or (None, None)
            if moved is not None:
                raise StoreError("store_moved", url=self._shown(), **msgspec.json.decode(moved))
            return revision
        # A database server may have others' tables in the same schema; a file belongs to one program.
        if "alembic_version" in names or ours or (names and connection.dialect.name == "sqlite"):
            raise StoreError("store_foreign", url=self._shown())
        return None

    def _upgrade(self) -> None:
        with self._database.upgrading() as connection:
            # Looked at again, now that nobody else can change it.
            revision = self._revision(connection)
            if revision is None:
                self._database.hide()
                _create(connection)
            elif revision != REVISION:
                self._migrate(connection, revision)

    def _migrate(self, connection: sa.Connection, revision: str) -> None:
        from keepstep.store import migrate  # Alembic costs 0.2 s: only when there is something to do
        from keepstep.store.backup import before_migration, place

        if revision not in migrate.known():
            raise StoreError("store_newer", url=self._shown(), revision=revision)
        file = place(self.url)
        if file is not None:
            self.copied = before_migration(file, revision, self.now())
        migrate.upgrade(connection)

    def _shown(self) -> str:
        return shown(self._engine.url)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A consistent look; nothing is written."""
        with self._errors(), self._database.reading() as connection:
            yield Tx(connection)

    @contextmanager
    def write(self, lease: Lease | None = None, *, last: bool = False) -> Iterator[Tx]:
        """One transaction, committed at the end. With a lease: renews it, and raises ``Fenced`` if it is lost.

        ``last``: gives the lease back with it. What wrote nothing is not committed, unless the lease grows old.
        """
        with self._errors(), self._database.writing() as connection:
            if lease is not None:
                self._renew(connection, lease, last)
            tx = Tx(connection)
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
        """A transaction of leases alone, which need not be on the disk when it ends.

        A lease that a failing machine forgets had its holder on that machine, or one whose later commits kept it.
        """
        with self._errors(), self._database.writing(hasty=True) as connection:
            yield Tx(connection)
            connection.commit()

    @contextmanager
    def rehearse(self) -> Iterator[Tx]:
        """A transaction of the only writer that is always rolled back: what shows a step before it is taken."""
        with self._errors(), self._database.writing() as connection:
            yield Tx(connection)

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

    def take_turn(self, sync: str, interval: timedelta, scheduled: datetime, holder: str) -> bool:
        """Whether the scheduled round of that sync is ours to run. Each interval has one, whoever schedules how often.

        It counts when a round was due, not when it began: one that began late does not cost the next one its turn.
        """
        seconds = max(1, int(interval.total_seconds()))
        begins = int(scheduled.timestamp()) // seconds * seconds
        taken = {"sync": sync, "begins": begins, "holder": holder, "at": self.now()}
        with self._hasty() as tx:
            return tx.connection.execute(_TURN, taken).scalar() is not None

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

    def settle_journal(self) -> None:
        """Bring what was committed into SQLite's own file and empty its journal, unless somebody reads just now."""
        if self._engine.dialect.name == "sqlite":
            with self._errors(), self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def now(self) -> str:
        """The time on the store's clock, as rows have it."""
        return utc(self._clock.now())

    def close(self) -> None:
        """Give back what leases are still held, since work under them was broken off, and close all connections."""
        # Whatever keeps it from that must not hide why the work was broken off; leases end by themselves.
        with suppress(StoreError, sa.exc.SQLAlchemyError):
            for lease in list(self._renewed):
                self.release(lease)
        self._engine.dispose()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.IntegrityError:
            raise
        except sa.exc.DBAPIError as error:
            raise self._database.trouble(error.orig or error) from error
        except sqlite3.Error as error:  # from preparing a new connection, which SQLAlchemy does not wrap
            raise self._database.trouble(error) from error
