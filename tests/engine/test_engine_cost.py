"""What a round costs the store: counted, never timed."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import event

from keepstep.engine import guard, template
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench
from mapping.model import Kind


def with_tasks(count: int) -> Bench:
    bench = Bench()
    for number in range(count):
        bench.make("a", title=f"t{number}")
    bench.settle()
    bench.round()
    return bench


def statements(bench: Bench) -> list[str]:
    """What one round asks of the store."""
    asked: list[str] = []
    database = bench.store._engine

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(database, "before_cursor_execute", note)
    bench.round()
    event.remove(database, "before_cursor_execute", note)
    return asked


def test_a_quiet_round_asks_the_same_few_questions_however_much_there_is() -> None:
    few, many = statements(with_tasks(2)), statements(with_tasks(40))
    assert few == many
    # The configuration; a lease, a feed and its end for each of two sides; whether there is anything to do.
    assert len(few) <= 1 + 2 * 4 + 1


def test_no_question_of_a_round_with_a_change_goes_through_a_whole_table() -> None:
    bench = with_tasks(20)
    bench.edit("a", sorted(bench.services["a"].records("items"))[0], title="other")
    asked = {each for each in statements(bench) if each.startswith("SELECT") and "?" in each}
    large = {t.record.name, t.entity.name, t.link.name, t.change_log.name}
    whole = []
    with bench.store.read() as tx:
        for each in sorted(asked):
            steps = tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}", (None,) * each.count("?"))
            whole += [(step[3], each) for step in steps if step[3].partition("SCAN ")[2].split(" ")[0] in large]
    assert whole == []


def test_entities_are_found_by_their_ids_and_not_through_all_of_their_sync() -> None:
    bench = with_tasks(3)
    query = sa.select(t.entity.c.id).where(t.entity.c.id.in_(["a", "b"]), t.entity.c.sync == "tasks")
    with bench.store.read() as tx:
        sql = str(query.compile(tx.connection, compile_kwargs={"literal_binds": True}))
        steps = [step[3] for step in tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")]
    assert steps == ["SEARCH entity USING INDEX sqlite_autoindex_entity_1 (id=?)"]


def test_records_are_counted_no_further_than_it_matters() -> None:
    bench = with_tasks(5)
    with bench.store.read() as tx:
        one, other = (t.record.c.side == side for side in ("a.items", "c.items"))
        assert [guard._live_up_to(tx, limit, one) for limit in (0, 3, 5, 100)] == [0, 3, 5, 5]
        assert guard._live_up_to(tx, 100, other) == 0
        there = tx.scalar(sa.select(t.record.c.scope).where(one).limit(1))
        assert guard._live_up_to(tx, 100, one, guard._in_scope(there or "")) == 5
        assert guard._live_up_to(tx, 100, one, guard._in_scope("elsewhere")) == 0


def test_the_syncs_of_a_kind_are_told_with_those_that_are_no_more() -> None:
    bench = with_tasks(2)
    with bench.store.write() as tx:
        row = tx.all(sa.select(t.entity))[0]
        tx.insert(
            t.entity, [row | {"id": f"x{name}", "sync": name, "owing": name == "former"} for name in ("former", "z")]
        )
        assert template._syncs_of(tx, bench.world, Kind.TASK) == ["former", "tasks", "z"]
        assert template._syncs_of(tx, bench.world, Kind.PROJECT) == ["former", "z"]
