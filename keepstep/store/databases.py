"""The two databases that can be a store: how they are reached, how their transactions begin, what their errors mean.

Whoever writes is alone, on both: on SQLite because a file takes one writer, on PostgreSQL by an advisory lock. So the
numbers of the change log become visible in their order, and no two writers wait for each other's rows.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import StaticPool

from keepstep.store.errors import StoreError

PATIENCE = 30
"""Seconds for which a transaction waits for its turn to write."""
FROZEN = 120
"""Seconds after which PostgreSQL ends the transaction of a program that does nothing with it: others wait for it."""
UPGRADE_PATIENCE = 600
DURABLE = "FULL"
"""SQLite's `synchronous` of transactions that are not hasty: an intent is on the disk before its request leaves."""
OLDEST_POSTGRES = 14
"""Prefect's server needs it as well; whoever shares a server between both has it."""


class Database(Protocol):
    """What differs between the databases."""

    engine: sa.Engine

    def emptied(self) -> bool:
        """Whether a file is there with nothing in it. Asked before anybody connects: a database that was just made has
        a header from its first moments on, and SQLite would throw away the journal beside such a file."""

    def check(self, connection: sa.Connection) -> None:
        """Raises ``StoreError`` for a server that cannot be used."""

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction in which every look shows the same moment. Rolled back at the end."""

    @contextmanager
    def writing(self, hasty: bool = False) -> Iterator[sa.Connection]:
        """A transaction of the only writer, rolled back at the end unless it was committed.

        ``hasty``: it need not be on the disk when it ends, as long as nothing later gets there before it.
        """

    @contextmanager
    def upgrading(self) -> Iterator[sa.Connection]:
        """As ``writing``, for changes of the tables, which may take long; committed at the end."""

    def hide(self) -> None:
        """Let nobody but this user read what is on this machine's disks: customers' data."""

    def barred(self) -> Path | None:
        """A place on this machine's disks that the store must be able to write to, and that this user may not."""

    def trouble(self, error: BaseException) -> StoreError:
        """What an error of this database's driver means to a person."""


def database(url: str) -> Database:
    """The database at that address; nothing is connected yet. Raises ``StoreError`` if there can be none."""
    try:
        address = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # The text is not shown: what cannot be taken apart may hold its password anywhere.
        raise StoreError("store_address_bad") from None
    kind, _, driver = address.drivername.partition("+")
    if kind == "sqlite" and driver in ("", "pysqlite"):
        if address.database == "":
            raise StoreError("store_address_bad")  # a variable that is empty: nobody means memory by it
        return Sqlite(address, _in_memory(address))
    if kind in ("postgresql", "postgres") and driver in ("", "psycopg"):
        if "@" in (address.host or ""):
            raise StoreError("store_address_bad")  # else the end of the password would be shown as the host
        return Postgres(address.set(drivername="postgresql+psycopg"))
    raise StoreError("store_kind_unknown", kind=address.drivername)


def in_memory(url: str) -> bool:
    """Whether a store at that address is gone with its process. Raises ``StoreError`` if there can be none."""
    return _in_memory(database(url).engine.url)


def _in_memory(address: sa.URL) -> bool:
    if address.get_backend_name() != "sqlite":
        return False
    name = address.database or ":memory:"
    return name in (":memory:", "file::memory:") or address.query.get("mode") == "memory"


def shown(address: sa.URL) -> str:
    """The address without its passwords."""
    hidden = address.set(query={name: value for name, value in address.query.items() if "password" not in name})
    return hidden.render_as_string(hide_password=True)


class Sqlite:
    """One file, or the memory of this process."""

    def __init__(self, address: sa.URL, memory: bool) -> None:
        options: dict[str, Any] = {"poolclass": StaticPool} if memory else {}
        arguments = {"check_same_thread": False, "timeout": PATIENCE}
        self.engine = sa.create_engine(address, connect_args=arguments, **options)
        event.listen(self.engine, "connect", _prepare)

    def emptied(self) -> bool:
        name = self.engine.url.database
        try:
            return bool(name) and Path(str(name)).stat().st_size == 0
        except OSError:  # there is none yet, or it is not to be had, which connecting tells
            return False

    def check(self, connection: sa.Connection) -> None:
        """Every SQLite that Python comes with will do."""

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self.engine.connect() as connection, self._begun(connection, "BEGIN"):
            yield connection

    @contextmanager
    def writing(self, hasty: bool = False) -> Iterator[sa.Connection]:
        with self.engine.connect() as connection:
            if not hasty:
                with self._begun(connection, "BEGIN IMMEDIATE"):
                    yield connection
                return
            _say(connection, "PRAGMA synchronous=NORMAL")
            try:
                with self._begun(connection, "BEGIN IMMEDIATE"):
                    yield connection
            finally:
                _say(connection, f"PRAGMA synchronous={DURABLE}")

    @contextmanager
    def upgrading(self) -> Iterator[sa.Connection]:
        with self.writing() as connection:
            yield connection
            connection.commit()

    @contextmanager
    def _begun(self, connection: sa.Connection, words: str) -> Iterator[None]:
        connection.begin()
        try:
            _say(connection, words)
            yield
        finally:
            connection.rollback()

    def hide(self) -> None:
        for there in self._files():
            with suppress(FileNotFoundError):
                there.chmod(0o600)

    def _files(self) -> list[Path]:
        """The file and the journal beside it; none where the name is no path."""
        name = str(self.engine.url.database or "")
        if name in ("", ":memory:") or name.startswith("file:"):
            return []
        file = Path(name).absolute()
        return [file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")]

    def barred(self) -> Path | None:
        files = self._files()
        if not files:
            return None
        # The journal may have been left by another user.
        for there in files:
            if os.path.exists(there) and not os.access(there, os.W_OK):
                return there
        folder = files[0].parent
        return folder if os.path.isdir(folder) and not os.access(folder, os.W_OK | os.X_OK) else None

    def trouble(self, error: BaseException) -> StoreError:
        code = sqlite_trouble(error)
        place = self.barred() if code in ("store_read_only", "store_unreachable") else None
        if place is not None:
            return StoreError("store_barred", url=shown(self.engine.url), place=str(place))
        return _told(code, self.engine.url, error)


def sqlite_trouble(error: BaseException) -> str:
    """The code of an error of SQLite. Its driver tells some of them apart by their words alone."""
    words = str(error).lower()
    for word, code in (
        ("locked", "store_locked"),
        ("full", "store_full"),
        ("readonly", "store_read_only"),
        ("unable to open", "store_unreachable"),
        ("disk i/o error", "store_disk"),
    ):
        if word in words:
            return code
    return "store_broken"


def _told(code: str, address: sa.URL, error: BaseException) -> StoreError:
    return StoreError(code, url=shown(address), detail=" ".join(str(error).split()))


def _say(connection: sa.Connection, words: str) -> None:
    """To the driver: by the general way it costs as much as a query."""
    connection.connection.cursor().execute(words)


def _prepare(connection: sqlite3.Connection, _: Any) -> None:
    # Transactions are begun by us, as reading or writing from the start: a late upgrade of a lock can fail.
    connection.isolation_level = None
    connection.execute(f"PRAGMA synchronous={DURABLE}")
    # Asked first: to set it anew needs the file for oneself, and does not wait for it.
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


class Postgres:
    """A database of a PostgreSQL server; the store is the first schema of the search path."""

    # One lock per schema. Taken in a statement of its own: what follows sees all that its former holders committed.
    _LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('keepstep ' || current_schema(), 0))")

    def __init__(self, address: sa.URL) -> None:
        if importlib.util.find_spec("psycopg") is None:
            raise StoreError("store_driver_missing", url=shown(address))
        options = f"-c lock_timeout={PATIENCE}s -c idle_in_transaction_session_timeout={FROZEN}s"
        arguments: dict[str, Any] = {"options": f"{options} {address.query.get('options', '')}".strip()}
        usual = {"connect_timeout": 10, "application_name": "keepstep"}
        arguments |= {name: value for name, value in usual.items() if name not in address.query}
        # A connection that the server has closed meanwhile is noticed before it is used.
        self.engine = sa.create_engine(
            address, isolation_level="READ COMMITTED", pool_pre_ping=True, connect_args=arguments
        )
        self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")

    def emptied(self) -> bool:
        return False

    def check(self, connection: sa.Connection) -> None:
        version = connection.dialect.server_version_info or (0,)
        if int(version[0]) < OLDEST_POSTGRES:
            there = ".".join(str(part) for part in version)
            raise StoreError("store_server_old", url=shown(self.engine.url), version=there, oldest=OLDEST_POSTGRES)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self._reader.connect() as connection:
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def writing(self, hasty: bool = False) -> Iterator[sa.Connection]:
        with self.engine.connect() as connection:
            try:
                if hasty:
                    connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
                connection.execute(self._LOCK)
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def upgrading(self) -> Iterator[sa.Connection]:
        with self.engine.connect() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout TO '{UPGRADE_PATIENCE}s'")
            connection.execute(self._LOCK)
            yield connection
            for table, column, kind in connection.execute(_OTHERWISE_SORTED).all():
                quote = connection.dialect.identifier_preparer.quote
                how = f'ALTER COLUMN {quote(column)} TYPE {kind} COLLATE "C"'
                connection.exec_driver_sql(f"ALTER TABLE {quote(table)} {how}")
            connection.commit()

    def hide(self) -> None:
        """Who may read there is the server's affair."""

    def barred(self) -> Path | None:
        return None

    def trouble(self, error: BaseException) -> StoreError:
        return _told(self._code(error), self.engine.url, error)

    def _code(self, error: BaseException) -> str:
        state = getattr(error, "sqlstate", None)
        if state is not None:
            return _STATES.get(state) or _CLASSES.get(state[:2]) or "store_broken"
        # No connection came about, and then the driver passes on words alone.
        words = str(error)
        if re.search("password|authentication|pg_hba.conf|role .* does not exist", words):
            return "store_denied"
        return "store_absent" if re.search("database .* does not exist", words) else "store_unreachable"


# Order and comparison by code point, as on SQLite and in Python; and no index that a new release of the system's
# collations would break. A schema has no collation of its own, so it is settled after each upgrade.
_OTHERWISE_SORTED = sa.text(
    "SELECT table_name, column_name, data_type FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND data_type IN ('character varying', 'text') "
    "AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'alembic_version' "
    "ORDER BY table_name, ordinal_position"
)

_STATES = {
    "28P01": "store_denied",
    "28000": "store_denied",
    "3D000": "store_absent",
    "53100": "store_full",
    "55P03": "store_locked",
    "40001": "store_locked",
    "40P01": "store_locked",
    "53300": "store_locked",
    "25006": "store_read_only",
    "42501": "store_no_rights",
    "3F000": "store_no_rights",
    "25P03": "store_frozen",
    "57P01": "store_unreachable",
    "57P02": "store_unreachable",
    "57P03": "store_unreachable",
}
_CLASSES = {"08": "store_unreachable"}
"""SQLSTATE, or its class, -> code of a message. The server's words may be in any language."""
