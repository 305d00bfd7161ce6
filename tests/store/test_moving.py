"""Moving a store from one database to another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox.clock import VirtualClock
from keepstep.store import tables as t
from keepstep.store.errors import StoreError
from keepstep.store.moving import move
from keepstep.store.peek import peek
from keepstep.store.store import MOVED, REVISION, Store
from tests.databases import Databases, raw

ODD = "it's \\ 名\x00 \x1a0 😀"
PAGE = [{"side": "crm.Deals", "id": f"{number}", "at": "x"} for number in range(2500)]
"""More than are copied at a time."""


def furnished(url: str) -> dict[str, list[Any]]:
    """A store with rows of every kind of column, and what stands in it."""
    store = Store(url, VirtualClock()).open()
    digest, seen = b"\x00\xff'", "2026-11-02T01:00:00.000Z"
    with store.write() as tx:
        tx.upsert(t.setting, [{"name": "store:identity", "value": "me"}, {"name": ODD, "value": {"a": [1, None, ODD]}}])
        tx.insert(t.sealed, [{"name": "crm:refresh", "secret": digest}])
        tx.insert(t.change_log, PAGE)
        row = {"side": "crm.Deals", "id": ODD, "kind": "project", "version": None, "digest": digest, "deleted": False}
        row |= {"shown": {"name": ODD, "revenue": {"amount": "1200.50", "currency": "EUR"}}, "ours": True}
        tx.insert(t.record, [row | {"seen_at": seen}])
    store.close()
    return rows(url)


def rows(url: str) -> dict[str, list[Any]]:
    store = Store(url, VirtualClock()).open()
    with store.read() as tx:
        found = {
            table.name: tx.all(sa.select(table).order_by(*table.primary_key.columns))
            for table in t.metadata.sorted_tables
        }
    store.close()
    return found


def test_every_row_goes_there_and_back_as_it_is(databases: Databases, tmp_path: Path) -> None:
    first, second, third = f"sqlite:///{tmp_path}/first.db", databases.url(), f"sqlite:///{tmp_path}/third.db"
    before = furnished(first)
    count = move(first, second, VirtualClock(), os.environ)
    assert count == sum(map(len, before.values()))
    assert rows(second) == before
    store = Store(second, VirtualClock()).open()
    with store.write() as tx:
        tx.insert(t.change_log, [{"side": "crm.Deals", "id": "next", "at": "x"}])
        newest = tx.scalar(sa.select(sa.func.max(t.change_log.c.n)))
    store.close()
    assert newest == len(PAGE) + 1
    assert move(second, third, VirtualClock(), os.environ) == count + 1
    assert rows(third)["record"] == before["record"]


def test_a_store_that_was_moved_is_left_in_peace(databases: Databases, tmp_path: Path) -> None:
    former = databases.url()
    furnished(former)
    target = f"sqlite:///{tmp_path}/other.db"
    move(former, target, VirtualClock(), os.environ)
    for again in (lambda: Store(former, VirtualClock()).open(), lambda: move(former, target, VirtualClock(), {})):
        with pytest.raises(StoreError, match="store_moved") as caught:
            again()
        assert caught.value.params["to"] == target
    assert MOVED not in {row["name"] for row in rows(target)["setting"]}


def test_nothing_happens_where_somebody_works_or_something_lies(databases: Databases, tmp_path: Path) -> None:
    source = databases.url()
    before = furnished(source)
    target = f"sqlite:///{tmp_path}/other.db"

    store = Store(source, VirtualClock()).open()
    with pytest.raises(StoreError, match="store_in_use"):
        move(source, target, VirtualClock(), os.environ)
    store.acquire("sync:tasks", "somebody", 300)
    store._engine.dispose()  # killed: it gives nothing back
    with pytest.raises(StoreError, match="store_in_use"):
        move(source, target, VirtualClock(), os.environ)
    assert not (tmp_path / "other.db").exists()
    store = Store(source, VirtualClock()).open()
    store.acquire("sync:tasks", "somebody", 0)
    store.close()

    furnished(target)
    with pytest.raises(StoreError, match="move_target_used"):
        move(source, target, VirtualClock(), os.environ)
    assert {name: each for name, each in rows(source).items() if name != "lease"} == {
        name: each for name, each in before.items() if name != "lease"
    }


def test_what_breaks_half_way_can_be_tried_again(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = f"sqlite:///{tmp_path}/first.db", databases.url()
    before = furnished(source)
    with monkeypatch.context() as broken:
        broken.setattr("keepstep.store.moving.BATCH", -1)
        with pytest.raises(ValueError, match="islice"):
            move(source, target, VirtualClock(), os.environ)
    assert not any(rows(target).values())
    move(source, target, VirtualClock(), os.environ)
    assert rows(target) == before


def test_where_nothing_is_nothing_is_made(tmp_path: Path) -> None:
    absent, target = f"sqlite:///{tmp_path}/absent.db", f"sqlite:///{tmp_path}/other.db"
    with pytest.raises(StoreError, match="move_nothing"):
        move(absent, target, VirtualClock(), os.environ)
    memory = (
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///:memory:?cache=shared",
        "sqlite:///file:x?mode=memory&uri=true",
    )
    for source, to in (*((absent, each) for each in memory), ("sqlite://", target)):
        with pytest.raises(StoreError, match="move_memory"):
            move(source, to, VirtualClock(), os.environ)
    assert list(tmp_path.iterdir()) == []


def test_an_older_store_is_brought_up_to_date_on_its_way(tmp_path: Path) -> None:
    source, target = f"sqlite:///{tmp_path}/first.db", f"sqlite:///{tmp_path}/other.db"
    furnished(source)
    older = raw(source)
    with older.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE feed DROP COLUMN listed_at")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0008'")
    older.dispose()
    move(source, target, VirtualClock(), os.environ)
    assert peek(target).revision == REVISION
    assert len(list(tmp_path.glob("first.db.0008-*.backup"))) == 1
