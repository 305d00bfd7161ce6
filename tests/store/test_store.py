"""Opening a store in whatever state it is found, leases, and rows that are there already."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from connectors.sandbox.clock import VirtualClock
from keepstep.store import backup
from keepstep.store import databases as reached
from keepstep.store import tables as t
from keepstep.store.databases import DURABLE, database
from keepstep.store.errors import Fenced, StoreError
from keepstep.store.peek import peek
from keepstep.store.store import REVISION, Store, Tx
from tests.databases import Databases


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def store(databases: Databases, clock: VirtualClock) -> Iterator[Store]:
    opened = Store(databases.url(), clock).open()
    yield opened
    opened.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keepstep.db"


def at(path: Path) -> Store:
    return Store(f"sqlite:///{path}", VirtualClock())


def trouble(path: Path) -> str:
    with pytest.raises(StoreError) as error:
        at(path).open()
    assert str(path) in error.value.params["url"]
    return error.value.code


# -- opening


def test_a_new_store_holds_exactly_the_tables_that_the_code_declares(store: Store) -> None:
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, t.metadata) == []
        assert context.get_current_revision() == REVISION


def test_every_index_that_the_code_declares_is_there(store: Store) -> None:
    inspector = sa.inspect(store._engine)
    for table in t.metadata.sorted_tables:
        there = {(index["name"], bool(index["unique"])) for index in inspector.get_indexes(table.name)}
        assert {(index.name, bool(index.unique)) for index in table.indexes} <= there


def test_a_store_opens_again_with_what_it_held(databases: Databases) -> None:
    url = databases.url()
    for _ in range(2):
        store = Store(url, VirtualClock()).open()
        with store.write() as tx:
            tx.upsert(t.setting, [{"name": "x", "value": {"名": [1, None]}}])
        store.close()
    store = Store(url, VirtualClock()).open()
    with store.read() as tx:
        assert tx.all(sa.select(t.setting)) == [{"name": "x", "value": {"名": [1, None]}}]
    store.close()


def test_a_newer_store_is_refused_and_left_alone(path: Path) -> None:
    at(path).open().close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    assert trouble(path) == "store_newer"
    assert sqlite3.connect(path).execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("CREATE TABLE record (x)", id="with a table of the same name"),
        pytest.param("CREATE TABLE alembic_version (version_num)", id="migrated by another application"),
        pytest.param("CREATE TABLE invoices (x)", id="with nothing that has our names"),
    ],
)
def test_a_database_of_somebody_else_is_refused_and_left_alone(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute(statement)
    assert trouble(path) == "store_foreign"
    assert sqlite3.connect(path).execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


def test_a_new_store_is_its_owners_alone(path: Path) -> None:
    store = at(path).open()
    with store.write() as tx:
        tx.insert(t.setting, [{"name": "a", "value": 1}])
    files = [path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")]
    assert [each.stat().st_mode & 0o777 for each in files] == [0o600] * 3
    store.close()
    path.chmod(0o640)
    at(path).open().close()
    assert path.stat().st_mode & 0o777 == 0o640, "whoever lets others read it is not overruled"


def test_a_file_that_is_no_database_is_broken(path: Path) -> None:
    path.write_bytes(b"This is a letter, not a database. " * 100)
    assert trouble(path) == "store_broken"


def test_an_empty_file_is_no_new_store_and_left_alone_with_the_journal_beside_it(path: Path) -> None:
    store = at(path).open()
    journal = path.with_name("keepstep.db-wal")
    kept = journal.read_bytes()
    assert kept
    path.write_bytes(b"")
    assert trouble(path) == "store_emptied"
    with pytest.raises(StoreError, match="store_emptied"):
        peek(f"sqlite:///{path}")
    assert (path.read_bytes(), journal.read_bytes()) == (b"", kept)
    store.close()
    path.unlink()
    journal.unlink(missing_ok=True)
    at(path).open().close()
    assert peek(f"sqlite:///{path}").current


def test_a_file_that_another_process_has_just_made_is_waited_for(path: Path) -> None:
    class Slow(VirtualClock):
        """While it waits, the other process comes to the next step."""

        def wait(self, seconds: float) -> None:
            at(path)._engine.connect().close()
            super().wait(seconds)

    path.write_bytes(b"")
    store = Store(f"sqlite:///{path}", Slow()).open()
    with store.read() as tx:
        assert tx.all(sa.select(t.record)) == []
    store.close()


def test_a_torn_file_is_broken(path: Path) -> None:
    at(path).open().close()
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StoreError) as error:
        with at(path).open().read() as tx:
            tx.all(sa.select(t.record))
    assert error.value.code == "store_broken"


def test_a_folder_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    assert trouble(tmp_path / "nowhere" / "keepstep.db") == "store_unreachable"


def test_a_store_that_another_program_holds_is_locked(path: Path) -> None:
    store = at(path).open()
    with store.read() as tx:
        tx.connection.exec_driver_sql("PRAGMA busy_timeout=1")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError) as error:
        with store.write() as tx:
            tx.insert(t.setting, [{"name": "x", "value": 1}])
    assert error.value.code == "store_locked"
    other.execute("ROLLBACK")
    with store.write() as tx:
        tx.insert(t.setting, [{"name": "x", "value": 1}])


def test_a_store_that_may_only_be_read_says_so_on_writing(path: Path) -> None:
    at(path).open().close()
    store = Store(f"sqlite:///file:{path}?mode=ro&uri=true", VirtualClock()).open()
    with store.read() as tx:
        assert tx.all(sa.select(t.setting)) == []
    with pytest.raises(StoreError) as error:
        with store.write() as tx:
            tx.insert(t.setting, [{"name": "x", "value": 1}])
    assert error.value.code == "store_read_only"


@pytest.mark.parametrize("words", ["attempt to write a readonly database", "unable to open database file"])
@pytest.mark.parametrize("barred", ["keepstep.db", "keepstep.db-wal", "."])
def test_what_may_not_be_written_to_is_named(
    words: str, barred: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = at(path).open()
    place = tmp_path / barred
    monkeypatch.setattr("os.access", lambda asked, mode: Path(asked) != place)
    error = database(store.url).trouble(sqlite3.OperationalError(words))
    assert (error.code, error.params["place"]) == ("store_barred", str(place))
    assert peek(store.url).barred == place
    monkeypatch.setattr("os.access", lambda asked, mode: True)
    assert database(store.url).trouble(sqlite3.OperationalError(words)).code in ("store_read_only", "store_unreachable")
    assert peek(store.url).barred is None
    store.close()


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def test_a_limit_on_the_size_of_files_keeps_what_was_there_and_says_so(path: Path, tmp_path: Path) -> None:
    store = at(path).open()
    store.settle_journal()
    with files_up_to(path.stat().st_size // 2):
        with pytest.raises(StoreError) as error:
            with store.write() as tx:
                tx.insert(t.setting, [{"name": f"s{number}", "value": "x" * 900} for number in range(500)])
        assert error.value.code == "store_disk"
        with pytest.raises(StoreError) as error:
            backup.copy(path, tmp_path / "copy", "2026-11-02T09:00:00Z")
        assert error.value.code == "store_disk"
    assert not (tmp_path / "copy").exists()
    with store.write() as tx:
        assert tx.all(sa.select(t.setting)) == []
        tx.insert(t.setting, [{"name": "x", "value": 1}])
    store.close()


# -- transactions


def test_what_was_written_is_on_the_disk_when_its_transaction_ends_before_and_after_a_hasty_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reached, "DURABLE", DURABLE)  # as it is where no tests run
    store = at(path).open()

    def waits() -> Any:
        with store.write() as tx:
            return tx.connection.exec_driver_sql("PRAGMA synchronous").scalar()

    full = 2
    assert waits() == full
    assert store.acquire("sync:tasks", "one", 60.0) is not None
    assert waits() == full
    store.close()


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(sa.exc.IntegrityError), store.write() as tx:
        tx.insert(t.setting, [{"name": "x", "value": 1}, {"name": "x", "value": 2}])
    with store.read() as tx:
        assert tx.all(sa.select(t.setting)) == []


def test_a_rehearsal_sees_what_it_wrote_and_leaves_nothing(store: Store) -> None:
    with store.rehearse() as tx:
        tx.insert(t.setting, [{"name": "x", "value": 1}])
        assert tx.scalar(sa.select(sa.func.count()).select_from(t.setting)) == 1
    with store.read() as tx:
        assert tx.scalar(sa.select(sa.func.count()).select_from(t.setting)) == 0


def test_an_upsert_overwrites_what_has_the_key_and_adds_the_rest(store: Store) -> None:
    with store.write() as tx:
        tx.upsert(t.setting, [{"name": "a", "value": 1}, {"name": "b", "value": 2}])
        tx.upsert(t.setting, [{"name": "b", "value": 3}, {"name": "c", "value": 4}])
        tx.upsert(t.setting, [])
    with store.read() as tx:
        rows = tx.all(sa.select(t.setting).order_by(t.setting.c.name))
    assert {row["name"]: row["value"] for row in rows} == {"a": 1, "b": 3, "c": 4}


def test_of_rows_with_one_key_in_one_upsert_the_last_counts(store: Store) -> None:
    with store.write() as tx:
        tx.upsert(t.setting, [{"name": "a", "value": 1}, {"name": "b", "value": 2}, {"name": "a", "value": 3}])
    with store.read() as tx:
        assert {row["name"]: row["value"] for row in tx.all(sa.select(t.setting))} == {"a": 3, "b": 2}


def test_what_a_row_does_not_name_has_its_default_or_nothing(store: Store) -> None:
    with store.write() as tx:
        tx.insert(t.feed, [{"name": "a", "cursor": None}, {"name": "b", "cursor": "x"}])
        tx.insert(t.change_log, [{"side": "s", "id": id, "at": "now"} for id in "cab"])
    with store.read() as tx:
        feeds = tx.all(sa.select(t.feed).order_by(t.feed.c.name))
        assert [(row["cursor"], row["crawled"], row["failed"]) for row in feeds] == [
            (None, False, None),
            ("x", False, None),
        ]
        assert [row["id"] for row in tx.all(sa.select(t.change_log).order_by(t.change_log.c.n))] == ["c", "a", "b"]


def test_an_upsert_of_keys_alone_is_harmless(store: Store) -> None:
    table = sa.Table("only", sa.MetaData(), sa.Column("k", sa.String, primary_key=True))
    with store.write() as tx:
        tx.execute(sa.schema.CreateTable(table))
        tx.upsert(table, [{"k": "a"}])
        tx.upsert(table, [{"k": "a"}, {"k": "b"}])
        assert [row["k"] for row in tx.all(sa.select(table).order_by(table.c.k))] == ["a", "b"]


def test_more_rows_than_one_statement_takes_are_all_stored(store: Store) -> None:
    rows = [{"name": f"{number:05d}", "value": number} for number in range(2500)]
    with store.write() as tx:
        tx.upsert(t.setting, rows)
    with store.read() as tx:
        assert tx.all(sa.select(t.setting).order_by(t.setting.c.name)) == rows


def test_rows_come_one_by_one_beside_other_questions(store: Store) -> None:
    rows = [{"name": f"n{number:04d}", "value": {"n": number}} for number in range(2_500)]
    with store.write() as tx:
        tx.insert(t.setting, rows)
    query = sa.select(t.setting).order_by(t.setting.c.name)
    with store.read() as tx:
        seen = []
        for row in tx.each(query.where(t.setting.c.name >= sa.bindparam("first")), first="n0001"):
            if len(seen) % 1_000 == 0:
                assert tx.one(query.where(t.setting.c.name == row["name"])) == row
            seen.append(row)
    assert seen == rows[1:]


def test_many_values_are_one_condition_which_uses_the_index(store: Store) -> None:
    names = [f"{number:05d}" for number in range(70_000)]
    with store.write() as tx:
        tx.upsert(t.setting, [{"name": name, "value": 1} for name in [*names[:3], "other", "o'ther\\"]])
    query = sa.select(t.setting.c.name).where(t.among(t.setting.c.name, [*names, "o'ther\\"]))
    with store.read() as tx:
        assert sorted(row["name"] for row in tx.all(query)) == [*names[:3], "o'ther\\"]
        assert indexed(tx, query) == ["setting"]


def indexed(tx: Tx, query: sa.Select[Any]) -> list[str]:
    """The tables that the query reads through an index."""
    if tx.connection.dialect.name == "sqlite":
        sql = str(query.compile(dialect=tx.connection.dialect))
        steps = [row[3] for row in tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", ("[]",))]
        return [step.split()[1] for step in steps if step.startswith("SEARCH")]
    tx.connection.exec_driver_sql("SET LOCAL enable_seqscan TO off")  # a table this small is read whole
    sql = str(query.compile(dialect=tx.connection.dialect))
    steps = [row[0] for row in tx.connection.exec_driver_sql(f"EXPLAIN {sql}", {"param_1": ["a"]})]
    assert any("Index Cond" in step for step in steps), steps
    return [table.name for table in t.metadata.sorted_tables if any(f" on {table.name} " in step for step in steps)]


# -- leases


def test_a_lease_that_is_held_is_given_to_nobody_else(store: Store) -> None:
    assert store.acquire("sync:a", "one", 60) is not None
    assert store.acquire("sync:a", "two", 60) is None
    assert store.acquire("sync:b", "two", 60) is not None


def test_the_epoch_grows_with_every_take_over(store: Store, clock: VirtualClock) -> None:
    epochs = []
    for holder in ("one", "two", "two", "one"):
        lease = store.acquire("sync:a", holder, 60)
        assert lease is not None
        epochs.append(lease.epoch)
        clock.advance(61)
    assert epochs == [1, 2, 3, 4]


def test_the_epoch_grows_after_the_lease_was_given_back_too(store: Store) -> None:
    first = store.acquire("sync:a", "one", 60)
    assert first is not None
    store.release(first)
    second = store.acquire("sync:a", "two", 60)
    assert second is not None
    assert second.epoch == 2


def test_each_transaction_pushes_the_end_of_the_lease_on(store: Store, clock: VirtualClock) -> None:
    lease = store.acquire("sync:a", "one", 60)
    assert lease is not None
    clock.advance(50)
    assert store.left(lease) == pytest.approx(10)
    with store.write(lease):
        pass
    assert store.left(lease) == pytest.approx(60)
    clock.advance(50)
    assert store.acquire("sync:a", "two", 60) is None


def test_a_worker_that_lost_its_lease_stores_nothing(store: Store, clock: VirtualClock) -> None:
    sleeper = store.acquire("sync:a", "one", 60)
    assert sleeper is not None
    clock.advance(61)
    assert store.acquire("sync:a", "two", 60) is not None
    with pytest.raises(Fenced):
        with store.write(sleeper) as tx:
            tx.insert(t.setting, [{"name": "x", "value": 1}])
    with store.read() as tx:
        assert tx.all(sa.select(t.setting)) == []
    assert store.left(sleeper) == 0


def test_the_same_holder_with_an_older_lease_is_fenced_too(store: Store) -> None:
    old = store.acquire("sync:a", "one", 60)
    new = store.acquire("sync:a", "one", 60)
    assert old is not None
    assert new is not None
    with pytest.raises(Fenced):
        with store.write(old):
            pass
    with store.write(new):
        pass


def test_giving_back_a_lost_lease_does_not_take_it_from_its_new_holder(store: Store, clock: VirtualClock) -> None:
    sleeper = store.acquire("sync:a", "one", 60)
    assert sleeper is not None
    clock.advance(61)
    heir = store.acquire("sync:a", "two", 60)
    assert heir is not None
    store.release(sleeper)
    assert store.left(heir) == pytest.approx(60)


def test_what_was_broken_off_gives_back_its_leases_as_the_store_is_closed(
    databases: Databases, clock: VirtualClock
) -> None:
    url = databases.url()
    broken, heir = Store(url, clock).open(), Store(url, clock).open()
    held, given_back = broken.acquire("feed:a", "one", 300), broken.acquire("sync:a", "one", 300)
    assert held is not None
    assert given_back is not None
    broken.release(given_back)
    other = heir.acquire("sync:a", "two", 300)
    assert other is not None
    assert heir.acquire("feed:a", "two", 300) is None
    broken.close()
    assert heir.acquire("feed:a", "two", 300) is not None
    assert heir.left(other) == pytest.approx(300)
    heir.close()


# -- turns


def test_each_interval_of_a_sync_has_one_turn_whoever_asks(store: Store) -> None:
    every = timedelta(minutes=5)

    def take(sync: str, minute: float, holder: str) -> bool:
        return store.take_turn(sync, every, datetime(2026, 11, 2, 8, tzinfo=UTC) + timedelta(minutes=minute), holder)

    assert take("a", 0, "one")
    assert not take("a", 0, "two")
    assert not take("a", 4.9, "one")
    assert take("b", 0, "two")
    assert take("a", 5, "two")
    assert not take("a", 3, "one")  # a run that was late for long has nothing left to do
    assert take("a", 15.1, "one")


def test_another_interval_begins_with_the_next_turn(store: Store) -> None:
    moment = datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert store.take_turn("a", timedelta(minutes=5), moment, "one")
    assert store.take_turn("a", timedelta(hours=1), moment + timedelta(hours=1), "one")
    assert store.take_turn("a", timedelta(minutes=1), moment + timedelta(minutes=61), "one")
