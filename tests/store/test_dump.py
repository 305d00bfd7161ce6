"""Copies of a store on PostgreSQL, by the tools that are installed here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.sandbox.clock import VirtualClock
from keepstep.store import backup
from keepstep.store import tables as t
from keepstep.store.dump import Server
from keepstep.store.errors import StoreError
from keepstep.store.store import REVISION, Store

LATER = "2026-11-03T02:30:00.000Z"
TOOLS = ("pg_dump", "pg_restore", "psql")
here = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="PostgreSQL's client programs are not installed")


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    postgres = pytest.importorskip("keepstep.testing.postgres")
    try:
        with postgres.running(os.environ) as server:
            yield server
    except postgres.NoServer as reason:
        pytest.skip(str(reason))


@pytest.fixture
def url(running: Any) -> Iterator[str]:
    made = running.empty()
    yield made
    running.drop(made)


def put(store: Store, **values: object) -> None:
    with store.write() as tx:
        tx.upsert(t.setting, [{"name": name, "value": value} for name, value in values.items()])


def settings(url: str) -> dict[str, object]:
    store = Store(url, VirtualClock()).open()
    with store.read() as tx:
        found = {row["name"]: row["value"] for row in tx.all(sa.select(t.setting))}
    store.close()
    return found


@here
def test_a_dump_is_put_back_and_says_what_it_is(url: str, tmp_path: Path) -> None:
    server = Server(url, os.environ)
    assert server.store() is None
    store = Store(url, VirtualClock()).open()
    put(store, **{"x": "it's \\ 名", "store:identity": "me"})
    with store.write() as tx:
        tx.insert(t.sealed, [{"name": "crm:refresh", "secret": b"old"}])
        tx.insert(t.change_log, [{"side": "s", "id": "1", "at": "x"}])
    copy = server.copy(tmp_path / "copy.dump")
    assert (copy.revision, copy.identity, copy.file.stat().st_mode & 0o777) == (REVISION, "me", 0o600)
    assert copy.taken_at is not None
    put(store, x="after")
    with store.write() as tx:
        tx.upsert(t.sealed, [{"name": "crm:refresh", "secret": b"it's new\x00"}])
    with pytest.raises(StoreError, match="store_in_use"):
        server.put_back(copy.file, LATER)
    store.close()
    beside = server.put_back(copy.file, LATER)
    assert beside == tmp_path / "copy.dump.replaced-20261103T023000Z"
    assert settings(url) == {"x": "it's \\ 名", "store:identity": "me", backup.COPY: {"taken_at": copy.taken_at}}
    with Store(url, VirtualClock()).open().write() as tx:
        assert [bytes(row["secret"]) for row in tx.all(sa.select(t.sealed))] == [b"it's new\x00"]
        tx.insert(t.change_log, [{"side": "s", "id": "2", "at": "x"}])
        assert [row["n"] for row in tx.all(sa.select(t.change_log).order_by(t.change_log.c.n))] == [1, 2]


@here
def test_a_dump_is_put_where_nothing_is(url: str, running: Any, tmp_path: Path) -> None:
    store = Store(url, VirtualClock()).open()
    put(store, x=1)
    store.close()
    copy = Server(url, os.environ).copy(tmp_path / "copy.dump")
    other = running.empty()
    assert Server(other, os.environ).put_back(copy.file, LATER) is None
    assert settings(other)["x"] == 1
    running.drop(other)


@here
def test_what_fails_half_way_changes_nothing(url: str, tmp_path: Path) -> None:
    store = Store(url, VirtualClock()).open()
    put(store, x=1)
    copy = Server(url, os.environ).copy(tmp_path / "copy.dump")
    with store.write() as tx:
        tx.connection.exec_driver_sql("CREATE VIEW mine AS SELECT * FROM setting")  # keeps the table from going
    put(store, x=2)
    store.close()
    with pytest.raises(StoreError, match="store_tools_failed"):
        Server(url, os.environ).put_back(copy.file, LATER)
    assert settings(url) == {"x": 2}


def test_what_is_no_dump_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(StoreError, match="store_no_copy"):
        Server("postgresql+psycopg://db/x", os.environ).inspect(tmp_path / "letter")


def test_without_the_tools_it_is_said_which_one_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(StoreError) as error:
        Server("postgresql+psycopg://me:secret@db/x", {}).copy(tmp_path / "copy.dump")
    assert (error.value.code, error.value.params["detail"]) == ("store_tools_missing", "pg_dump")
    assert "secret" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
