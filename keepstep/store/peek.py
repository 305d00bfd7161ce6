"""A look at a store as it lies there: nothing is created, brought up to date or written."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from keepstep.store import tables as t
from keepstep.store.databases import Database, database, shown
from keepstep.store.errors import StoreError
from keepstep.store.store import MOVED, REVISION


@dataclass(frozen=True, slots=True)
class Peek:
    """What a store holds that a person should know of before it is opened."""

    url: str
    """Its address without a password."""
    revision: str | None = None
    """Of its tables; None where nothing is there yet."""
    sealed: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """``connection:token`` -> the sealed token."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    barred: Path | None = None
    """What this user may not write to, and would have to for this store to be used."""

    @property
    def current(self) -> bool:
        """Its tables are there, as this version has them."""
        return self.revision == REVISION

    @property
    def older(self) -> bool:
        """Opening it would bring its tables up to date."""
        return self.revision is not None and self.revision != REVISION


def peek(url: str) -> Peek:
    """Look at the store behind ``url``. Raises ``StoreError`` for one that is newer, foreign, moved, emptied or
    unreadable."""
    behind = database(url)
    if behind.emptied():
        raise StoreError("store_emptied", url=shown(behind.engine.url))
    address = behind.engine.url
    engine = _engine(address, behind)
    if engine is None:
        return Peek(shown(address), barred=behind.barred())
    try:
        with engine.connect() as connection:
            return replace(_look(connection, shown(address)), barred=behind.barred())
    except sa.exc.DBAPIError as error:
        raise behind.trouble(error.orig or error) from error
    finally:
        engine.dispose()
        behind.engine.dispose()


def _engine(address: sa.URL, behind: Database) -> sa.Engine | None:
    """An engine that cannot write, where the database offers that. None: there is no database yet."""
    if address.get_backend_name() != "sqlite":
        return behind.engine
    if address.database in (None, "", ":memory:") or not Path(str(address.database)).exists():
        return None
    path = quote(str(Path(str(address.database)).resolve()))
    # Opened by its file's address: the usual one would make a file that is not there.
    return sa.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(f"file:{path}?mode=ro", uri=True), poolclass=NullPool
    )


def _look(connection: sa.Connection, shown: str) -> Peek:
    names = set(sa.inspect(connection).get_table_names())
    ours = names & set(t.metadata.tables)
    if not names or ("alembic_version" not in names and not ours and connection.dialect.name != "sqlite"):
        return Peek(shown)
    if "alembic_version" not in names or not ours:
        raise StoreError("store_foreign", url=shown)
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision != REVISION:
        from keepstep.store.migrate import known  # Alembic costs 0.2 s: only when there is something to compare

        if revision not in known():
            raise StoreError("store_newer", url=shown, revision=revision)
    sealed = connection.execute(sa.select(t.sealed.c.name, t.sealed.c.secret)).all() if "sealed" in names else ()
    settings = connection.execute(sa.select(t.setting.c.name, t.setting.c.value)).all() if "setting" in names else ()
    said = {row.name: row.value for row in settings}
    if MOVED in said:
        raise StoreError("store_moved", url=shown, **said[MOVED])
    return Peek(shown, revision, {row.name: row.secret for row in sealed}, said)
