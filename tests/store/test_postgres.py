"""What only a PostgreSQL server can do to a store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from connectors.sandbox.clock import VirtualClock
from keepstep.language import say
from keepstep.store import databases as kinds
from keepstep.store import tables as t
from keepstep.store.errors import StoreError
from keepstep.store.store import Store
from keepstep.testing.postgres import GUARDED
from tests.databases import OnPostgres, raw

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(on_postgres: OnPostgres) -> str:
    return on_postgres.url()


@pytest.fixture
def opened(url: str) -> Iterator[Callable[[], Store]]:
    """Opens the store once more, as another process would."""
    stores: list[Store] = []

    def another() -> Store:
        stores.append(Store(url, VirtualClock()).open())
        return stores[-1]

    yield another
    for store in stores:
        store.close()


def trouble(url: str, work: Callable[[Store], object] = Store.open) -> StoreError:
    with pytest.raises(StoreError) as error:
        work(Store(url, VirtualClock()))
    said = say(error.value.code, error.value.params, "en")
    assert sa.make_url(url).database in said  # type: ignore[operator]
    return error.value


def ask(url: str, *statements: str) -> list[tuple[object, ...]]:
    with raw(url).begin() as connection:
        results = [connection.exec_driver_sql(statement) for statement in statements]
        return [tuple(row) for row in results[-1].all()] if results[-1].returns_rows else []


# -- opening


def test_everything_is_sorted_and_compared_by_code_point(opened: Callable[[], Store]) -> None:
    store = opened()
    names = ["a", "B", "ä", "_", "Z", "z", "-a", "é", "名", "a b", "ab"]
    with store.write() as tx:
        tx.insert(t.setting, [{"name": name, "value": 1} for name in names])
    with store.read() as tx:
        found = [row["name"] for row in tx.all(sa.select(t.setting).order_by(t.setting.c.name))]
        later = tx.all(sa.select(t.setting).where(t.setting.c.name > "Z"))
    assert found == sorted(names)
    assert {row["name"] for row in later} == {name for name in names if name > "Z"}


def test_no_column_of_text_is_sorted_as_the_server_would(opened: Callable[[], Store], url: str) -> None:
    opened()
    query = (
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
    )
    assert ask(url, query) == [("alembic_version", "version_num")]


def test_a_newer_store_is_refused_and_left_alone(opened: Callable[[], Store], url: str) -> None:
    opened()
    ask(url, "UPDATE alembic_version SET version_num = '9999'")
    error = trouble(url)
    assert (error.code, error.params["revision"]) == ("store_newer", "9999")
    assert ask(url, "SELECT version_num FROM alembic_version") == [("9999",)]


def test_a_database_of_somebody_else_is_refused_and_left_alone(url: str) -> None:
    ask(url, "CREATE TABLE person (x int)")
    assert trouble(url).code == "store_foreign"
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    assert ask(url, tables) == [("person",)]


def test_a_server_that_is_too_old_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "OLDEST_POSTGRES", 99)
    error = trouble(url)
    assert (error.code, error.params["oldest"]) == ("store_server_old", 99)
    assert error.params["version"] in say(error.code, error.params, "en")


def test_a_database_that_is_not_there_is_absent(url: str) -> None:
    assert trouble(url + "x" if "?" not in url else url.replace("?", "x?")).code == "store_absent"


def test_a_server_that_is_not_there_is_unreachable() -> None:
    error = trouble("postgresql://keepstep:hush-hush@127.0.0.1:1/db")
    assert error.code == "store_unreachable"
    assert "hush" not in f"{error} {error.params}"


def test_a_wrong_password_is_refused_and_not_shown(on_postgres: OnPostgres, url: str) -> None:
    if not on_postgres.server.private:
        pytest.skip("needs a private PostgreSQL server: its roles sign in as this test says")
    on_postgres.server.execute(f"DROP ROLE IF EXISTS {GUARDED}")
    on_postgres.server.execute(f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'right'")
    address = sa.make_url(url).set(username=GUARDED)
    for wrong in (address.set(password="a-wrong-one"), address, address.set(username="nobody-here")):
        error = trouble(wrong.render_as_string(hide_password=False))
        assert error.code == "store_denied"
        assert "a-wrong-one" not in f"{error} {error.params}"
    # The right one may sign in, but since PostgreSQL 15 not make tables in what others own.
    error = trouble(address.set(password="right").render_as_string(hide_password=False))
    assert error.code == "store_no_rights"
    on_postgres.server.execute(f'GRANT ALL ON DATABASE "{address.database}" TO {GUARDED}')
    ask(url, f"GRANT ALL ON SCHEMA public TO {GUARDED}")
    Store(address.set(password="right").render_as_string(hide_password=False), VirtualClock()).open().close()
    ask(url, f"DROP OWNED BY {GUARDED} CASCADE")
    on_postgres.server.execute(f'REVOKE ALL ON DATABASE "{address.database}" FROM {GUARDED}')
    on_postgres.server.execute(f"DROP ROLE {GUARDED}")


# -- transactions


def test_a_server_that_may_only_be_read_says_so_on_writing(opened: Callable[[], Store], url: str) -> None:
    opened()
    ask(url, f'ALTER DATABASE "{sa.make_url(url).database}" SET default_transaction_read_only TO on')
    store = opened()
    with store.read() as tx:
        assert tx.all(sa.select(t.setting)) == []
    with pytest.raises(StoreError) as error, store.write() as tx:
        tx.insert(t.setting, [{"name": "x", "value": 1}])
    assert error.value.code == "store_read_only"


def test_all_looks_of_one_reading_show_the_same_moment(opened: Callable[[], Store]) -> None:
    one, two = opened(), opened()
    with one.read() as tx:
        assert tx.all(sa.select(t.setting)) == []
        with two.write() as other:
            other.insert(t.setting, [{"name": "x", "value": 1}])
        assert tx.all(sa.select(t.setting)) == []
    with one.read() as tx:
        assert len(tx.all(sa.select(t.setting))) == 1


def test_the_numbers_of_the_change_log_become_visible_in_their_order(opened: Callable[[], Store]) -> None:
    """Else a sync would move its position past a number whose transaction has not ended, and never see it."""
    one, two = opened(), opened()
    begun, ended = threading.Event(), threading.Event()

    def second() -> None:
        begun.set()
        with two.write() as tx:
            tx.insert(t.change_log, [{"side": "b", "id": "2", "at": "now"}])
        ended.set()

    with one.write() as tx:
        tx.insert(t.change_log, [{"side": "a", "id": "1", "at": "now"}])
        thread = threading.Thread(target=second)
        thread.start()
        assert begun.wait(30)
        assert not ended.wait(0.3)
    thread.join(30)
    with one.read() as tx:
        rows = tx.all(sa.select(t.change_log).order_by(t.change_log.c.n))
    assert [row["id"] for row in rows] == ["1", "2"]


def test_a_writer_whose_turn_does_not_come_says_that_the_store_is_in_use(
    opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "PATIENCE", 1)
    one, two = opened(), opened()
    with one.write():
        with pytest.raises(StoreError) as error, two.write():
            raise AssertionError("two writers at once")
    assert error.value.code == "store_locked"
    with two.write():
        pass


def test_a_writer_that_stands_still_is_ended_and_the_others_go_on(
    opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "FROZEN", 1)
    frozen, other = opened(), opened()

    def stand_still() -> None:
        with frozen.write() as tx:
            tx.insert(t.setting, [{"name": "frozen", "value": 1}])
            with other.write() as another:
                another.insert(t.setting, [{"name": "other", "value": 1}])
            tx.insert(t.setting, [{"name": "again", "value": 1}])

    with pytest.raises(StoreError) as error:
        stand_still()
    assert error.value.code in ("store_frozen", "store_unreachable")
    with frozen.read() as tx:
        assert [row["name"] for row in tx.all(sa.select(t.setting))] == ["other"]


def test_a_connection_that_the_server_closed_is_made_anew(opened: Callable[[], Store], url: str) -> None:
    store = opened()
    with store.read() as tx:
        tx.all(sa.select(t.setting))
    ask(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()")  # fmt: skip
    with store.write() as tx:
        tx.insert(t.setting, [{"name": "x", "value": 1}])


def test_settings_of_the_address_are_kept_beside_ours(url: str) -> None:
    mark = "&" if "?" in url else "?"
    ask(url, "CREATE SCHEMA other")
    store = Store(f"{url}{mark}options=-c%20search_path%3Dother&application_name=mine", VirtualClock()).open()
    with store.read() as tx:
        shown = [tx.scalar(sa.text(f"SHOW {name}")) for name in ("search_path", "lock_timeout", "application_name")]  # type: ignore[arg-type]
    store.close()
    assert shown == ["other", f"{kinds.PATIENCE}s", "mine"]
    assert ask(url, "SELECT count(*) FROM other.record") == [(0,)]


# -- what the server knows of the tables


def page(number: int) -> list[dict[str, object]]:
    """A hundred records as a crawl would keep them."""
    row = {"side": "a", "kind": "task", "digest": b"", "shown": {"notes": "x" * 1000}, "deleted": False, "ours": False}
    return [row | {"id": f"{number:03}{place:02}", "seen_at": "2026-01-01T00:00:00Z"} for place in range(100)]


def looks(store: Store) -> list[str]:
    """What makes the server look at a table, as it happens."""
    said: list[str] = []
    with store.write() as tx:
        engine = tx.connection.engine

    @sa.event.listens_for(engine, "before_cursor_execute")
    def listen(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("ANALYZE"):
            said.append(statement)

    return said


def test_while_records_come_for_the_first_time_a_page_is_found_by_its_keys(
    opened: Callable[[], Store], url: str
) -> None:
    store = opened()
    for number in range(30):
        with store.write() as tx:
            tx.upsert(t.record, page(number))
    ids = ",".join(f"'{number:05}'" for number in range(0, 3000, 30))
    plan = ask(url, f"EXPLAIN SELECT digest FROM record WHERE side = 'a' AND id IN ({ids})")  # noqa: S608
    assert any("Index Cond" in str(line) and "(side)" in str(line) and "(id)" in str(line) for line in plan), plan


def test_the_server_looks_at_a_table_as_often_as_it_doubles(opened: Callable[[], Store]) -> None:
    store = opened()
    said, looked = looks(store), []
    for number in range(20):
        with store.write() as tx:
            tx.insert(t.record, page(number))
        looked.append(len(said))
    assert looked == [1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5]
    assert set(said) == {"ANALYZE (SKIP_LOCKED) record"}


def test_rows_that_are_written_again_are_no_growth(opened: Callable[[], Store]) -> None:
    store = opened()
    with store.write() as tx:
        for number in range(8):
            tx.insert(t.record, page(number))
    again = opened()
    said = looks(again)
    for number in (*range(7), 8):
        assert said == []
        with again.write() as tx:
            tx.upsert(t.record, page(number))
    assert len(said) == 1
