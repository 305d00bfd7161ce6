"""From every revision to every later one, with rows in every table; and by several processes at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from connectors.sandbox.clock import VirtualClock
from keepstep.store import databases as kinds
from keepstep.store import migrate
from keepstep.store import tables as t
from keepstep.store.errors import StoreError
from keepstep.store.store import REVISION, Store
from tests.databases import Databases, raw

REVISIONS = migrate.known()
LINE = '{"名": ["é\\u0000", null, 9007199254740993]}'
OPENS = """\
import sys
from keepstep.runtime import SystemClock
from keepstep.store.store import Store
import keepstep.store.migrate
store = Store(sys.argv[1], SystemClock())
print("ready", flush=True)
sys.stdin.readline()
store.open()
with store.write() as tx:
    print(tx.connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar(), flush=True)
store.close()
"""


def bring(url: str, revision: str) -> None:
    """A store as a Keepstep of that revision left it."""
    with kinds.database(url).upgrading() as connection:
        migrate.upgrade(connection, revision)


def values(table: sa.Table, number: int) -> dict[str, Any]:
    """A row of that table, every column filled."""
    made: dict[str, Any] = {}
    for column in table.columns:
        if isinstance(column.type, sa.Boolean):
            made[column.name] = number % 2 == 1
        elif isinstance(column.type, sa.Integer):
            made[column.name] = number if column.primary_key else 2**31 - number
        elif isinstance(column.type, sa.Float):
            made[column.name] = 1_763_000_000.25 + number
        elif isinstance(column.type, sa.LargeBinary):
            made[column.name] = bytes([0, 255, number])
        else:
            made[column.name] = f"{LINE} {number}"
    return made


def reflected(url: str) -> dict[str, sa.Table]:
    metadata, engine = sa.MetaData(), raw(url)
    metadata.reflect(engine)
    engine.dispose()
    return {name: table for name, table in metadata.tables.items() if name != "alembic_version"}


def fill(url: str) -> dict[str, list[dict[str, Any]]]:
    """Two rows in every table; all that is there."""
    rows = {name: [values(table, number) for number in (1, 2)] for name, table in reflected(url).items()}
    engine = raw(url)
    with engine.begin() as connection:
        for name, table in reflected(url).items():
            connection.execute(sa.insert(table), rows[name])
    engine.dispose()
    return rows


def held(url: str) -> dict[str, list[dict[str, Any]]]:
    engine = raw(url)
    with engine.connect() as connection:
        found = {
            name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for name, table in reflected(url).items()
        }
    engine.dispose()
    return found


@pytest.mark.parametrize(("old", "new"), list(combinations(REVISIONS, 2)))
def test_nothing_is_lost_from_any_revision_to_any_later_one(databases: Databases, old: str, new: str) -> None:
    url = databases.url()
    bring(url, old)
    before = fill(url)
    bring(url, new)
    after = held(url)
    assert set(before) <= set(after)
    for name, rows in before.items():
        kept = [{column: row[column] for column in rows[0]} for row in after[name]]
        assert sorted(kept, key=str) == sorted(rows, key=str)


@pytest.mark.parametrize("old", REVISIONS[:-1])
def test_an_old_store_becomes_exactly_what_a_new_one_is(databases: Databases, old: str) -> None:
    url = databases.url()
    bring(url, old)
    fill(url)
    store = Store(url, VirtualClock()).open()
    with store.read() as tx:
        context = MigrationContext.configure(tx.connection, opts={"compare_type": True})
        assert compare_metadata(context, t.metadata) == []
        assert context.get_current_revision() == REVISION
    store.close()


def told(url: str) -> dict[str, Any]:
    """Every table with its columns, keys and indices, whatever their order."""
    engine = raw(url)
    inspector = sa.inspect(engine)
    found = {
        name: (
            sorted((each["name"], str(each["type"]), each["nullable"]) for each in inspector.get_columns(name)),
            inspector.get_pk_constraint(name)["constrained_columns"],
            sorted(each["column_names"] for each in inspector.get_unique_constraints(name)),
            sorted((each["name"], each["column_names"], bool(each["unique"])) for each in inspector.get_indexes(name)),
        )
        for name in inspector.get_table_names()
    }
    engine.dispose()
    return found


def test_a_new_store_is_what_the_migrations_make_one_by_one(databases: Databases) -> None:
    new, old = databases.url(), databases.url()
    Store(new, VirtualClock()).open().close()
    bring(old, REVISIONS[-1])
    assert told(new) == told(old)


def test_the_code_reads_the_newest_revision() -> None:
    assert REVISIONS[-1] == REVISION


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = databases.url()
    bring(url, REVISIONS[0])
    before = fill(url)
    upgrade = migrate.upgrade

    def half(connection: sa.Connection) -> None:
        upgrade(connection)
        raise StoreError("store_full", url="x", detail="x")

    monkeypatch.setattr(migrate, "upgrade", half)
    with pytest.raises(StoreError):
        Store(url, VirtualClock()).open()
    assert {name: sorted(rows, key=str) for name, rows in held(url).items()} == before
    monkeypatch.undo()
    Store(url, VirtualClock()).open().close()


@pytest.fixture
def opening() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts processes that open a store once they are told to."""
    started: list[subprocess.Popen[str]] = []

    def start(url: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", OPENS, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("old", [None, REVISIONS[0]], ids=["empty", "old"])
def test_processes_that_start_at_once_upgrade_a_store_once(
    databases: Databases, opening: Callable[[str], subprocess.Popen[str]], old: str | None
) -> None:
    url = databases.url()
    before: dict[str, list[dict[str, Any]]] = {}
    if old is not None:
        bring(url, old)
        before = fill(url)
    processes = [opening(url) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=120) for process in processes]
    assert [(out, error) for out, error in ended] == [(f"{REVISION}\n", "")] * 3
    assert {name: len(rows) for name, rows in before.items()}.items() <= {
        name: len(rows) for name, rows in held(url).items()
    }.items()
