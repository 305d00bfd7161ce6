"""Copies of a store: whole while others write, private, recognisable, put back only where nobody is at work."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.sandbox.clock import VirtualClock
from keepstep.store import backup
from keepstep.store import tables as t
from keepstep.store.errors import StoreError
from keepstep.store.store import REVISION, Store

NOW = "2026-11-02T01:00:00.000Z"
LATER = "2026-11-03T02:30:00.000Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keep store.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = at(path).open()
    yield store
    store.close()


def at(path: Path) -> Store:
    return Store(f"sqlite:///{path}", VirtualClock())


def put(store: Store, **values: object) -> None:
    with store.write() as tx:
        tx.upsert(t.setting, [{"name": name, "value": value} for name, value in values.items()])


def settings(path: Path) -> dict[str, object]:
    store = at(path).open()
    with store.read() as tx:
        found = {row["name"]: row["value"] for row in tx.all(sa.select(t.setting))}
    store.close()
    return found


def trouble(work: object, *args: object) -> str:
    with pytest.raises(StoreError) as error:
        work(*args)  # type: ignore[operator]
    return error.value.code


def test_a_copy_holds_what_the_store_held_and_says_when_it_was_taken(store: Store, path: Path, tmp_path: Path) -> None:
    put(store, x=1)
    copy = backup.copy(path, tmp_path / "copy", NOW)
    assert (copy.revision, copy.taken_at, copy.last_run) == (REVISION, NOW, None)
    assert settings(copy.file) == {"x": 1, backup.COPY: {"taken_at": NOW}}
    assert settings(path) == {"x": 1}
    assert stat.S_IMODE(os.stat(copy.file).st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir() if "store" not in each.name) == ["copy"]


def test_a_copy_is_of_one_moment_while_others_write(store: Store, path: Path, tmp_path: Path) -> None:
    """Two values are always written together: no copy has one without the other, and no writer is kept waiting."""
    stop = threading.Event()

    def write() -> None:
        writer = at(path).open()
        number = 0
        while not stop.is_set():
            number += 1
            put(writer, a=number, b=number, text="x" * 50_000)
        writer.close()

    put(store, a=0, b=0)
    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(10):
            copied = settings(backup.copy(path, tmp_path / f"copy{number}", NOW).file)
            assert copied["a"] == copied["b"]
    finally:
        stop.set()
        thread.join()


def test_nothing_is_overwritten_and_nothing_half_done_is_left(store: Store, path: Path, tmp_path: Path) -> None:
    taken = tmp_path / "letter"
    taken.write_text("dear")
    assert trouble(backup.copy, path, taken, NOW) == "store_copy_there"
    assert taken.read_text() == "dear"
    assert trouble(backup.copy, path, tmp_path / "nowhere" / "copy", NOW) == "store_not_written"
    assert trouble(backup.inspect, taken) == "store_no_copy"
    assert trouble(backup.inspect, tmp_path / "missing") == "store_not_written"
    with closing(sqlite3.connect(tmp_path / "other")) as raw:
        raw.execute("CREATE TABLE setting (x)")
        raw.commit()
    assert trouble(backup.inspect, tmp_path / "other") == "store_no_copy"


def test_a_damaged_store_gives_no_copy(path: Path, tmp_path: Path) -> None:
    store = at(path).open()
    put(store, **{f"s{number}": "x" * 900 for number in range(200)})
    store.close()
    whole = path.read_bytes()
    half = len(whole) // 2
    path.write_bytes(whole[:half] + b"\xff" * 8192 + whole[half + 8192 :])
    assert trouble(backup.copy, path, tmp_path / "copy", NOW) == "store_broken"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_copy_is_put_in_place_and_the_former_store_stays_beside_it(path: Path, tmp_path: Path) -> None:
    store = at(path).open()
    put(store, x="before")
    copy = backup.copy(path, tmp_path / "copy", NOW)
    put(store, x="after")
    store.close()
    beside = backup.put_back(path, copy.file, LATER)
    assert beside == path.with_name("keep store.db.replaced-20261103T023000Z")
    assert settings(beside) == {"x": "after"}
    assert settings(path) == {"x": "before", backup.COPY: {"taken_at": NOW}}
    assert settings(copy.file) == settings(path)


def test_a_copy_is_put_where_nothing_is(path: Path, tmp_path: Path) -> None:
    store = at(path).open()
    put(store, x=1)
    copy = backup.copy(path, tmp_path / "copy", NOW)
    store.close()
    path.unlink()
    assert backup.put_back(path, copy.file, LATER) is None
    assert settings(path)["x"] == 1


def test_a_broken_store_is_replaced_with_its_journal(path: Path, tmp_path: Path) -> None:
    store = at(path).open()
    put(store, x=1)
    copy = backup.copy(path, tmp_path / "copy", NOW)
    store.close()
    path.write_bytes(b"no database" * 1000)
    path.with_name(path.name + "-wal").write_bytes(b"rest")
    beside = backup.put_back(path, copy.file, LATER)
    assert beside is not None
    assert beside.read_bytes().startswith(b"no database")
    assert beside.with_name(beside.name + "-wal").read_bytes() == b"rest"
    assert settings(path)["x"] == 1


def test_tokens_that_were_renewed_since_stay(path: Path, tmp_path: Path) -> None:
    store = at(path).open()
    with store.write() as tx:
        tx.insert(t.sealed, [{"name": "crm:refresh", "secret": b"old"}, {"name": "board:token", "secret": b"same"}])
    copy = backup.copy(path, tmp_path / "copy", NOW)
    with store.write() as tx:
        tx.upsert(t.sealed, [{"name": "crm:refresh", "secret": b"new"}])
    store.close()
    backup.put_back(path, copy.file, LATER)
    with at(path).open().read() as tx:
        assert {row["name"]: row["secret"] for row in tx.all(sa.select(t.sealed))} == {
            "crm:refresh": b"new",
            "board:token": b"same",
        }


def test_a_store_that_somebody_has_open_is_not_replaced(store: Store, path: Path, tmp_path: Path) -> None:
    put(store, x=1)
    copy = backup.copy(path, tmp_path / "copy", NOW)
    assert trouble(backup.check_idle, path, LATER) == "store_in_use"
    assert trouble(backup.put_back, path, copy.file, LATER) == "store_in_use"
    assert sorted(each.name for each in tmp_path.iterdir() if "-" not in each.name) == ["copy", path.name]
    put(store, x=2)
    store.close()
    assert settings(path) == {"x": 2}


def test_a_store_whose_lease_has_not_ended_is_not_replaced(path: Path, tmp_path: Path) -> None:
    store = at(path).open()
    copy = backup.copy(path, tmp_path / "copy", store.now())
    lease = store.acquire("sync:tasks", "a worker that was killed", 60)
    now = store.now()
    store._engine.dispose()  # it gives nothing back
    assert lease is not None
    assert trouble(backup.put_back, path, copy.file, now) == "store_in_use"
    backup.put_back(path, copy.file, now.replace("T01:00", "T01:02"))


# -- before a migration


def former(path: Path, revision: str = "0002") -> None:
    """A store as an earlier release has left it."""
    from alembic import command
    from alembic.config import Config

    from keepstep.store import migrate

    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(sa.insert(t.setting), [{"name": "x", "value": 1}])
    engine.dispose()


def test_before_its_tables_change_a_store_is_copied(path: Path) -> None:
    former(path)
    store = at(path).open()
    assert store.copied is not None
    assert store.copied.name == "keep store.db.0002-20261102T010000Z.backup"
    store.close()
    copy = backup.inspect(store.copied)
    assert (copy.revision, copy.taken_at) == ("0002", NOW)
    assert settings(path) == {"x": 1}
    assert at(path).open().copied is None


def test_only_the_newest_few_of_those_copies_stay(path: Path) -> None:
    for stamp in ("0001-20250101T000000Z", "0001-20250201T000000Z", "0001-20250301T000000Z", "0001-20250401T000000Z"):
        path.with_name(f"{path.name}.{stamp}.backup").write_text("old")
    kept = path.with_name(f"{path.name}.mine.backup")
    kept.write_text("a person's own")
    former(path)
    at(path).open().close()
    there = sorted(each.name.removeprefix(f"{path.name}.") for each in path.parent.glob("*.backup"))
    assert there == [
        "0001-20250301T000000Z.backup",
        "0001-20250401T000000Z.backup",
        "0002-20261102T010000Z.backup",
        "mine.backup",
    ]


def test_without_room_for_the_copy_nothing_is_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    former(path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_to_disk", full)
    assert trouble(at(path).open) == "store_not_written"
    assert backup.inspect(path).revision == "0002"


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("postgresql+psycopg://me@db/keepstep", None),
        ("sqlite:///keep.db", "keep.db"),
        ("sqlite:////var/keep.db", "/var/keep.db"),
        ("sqlite:///file:/var/a%20b.db?mode=ro&uri=true", "/var/a b.db"),
    ],
)
def test_the_file_is_known_by_the_address(url: str, file: str | None) -> None:
    assert backup.place(url) == (Path(file) if file else None)
