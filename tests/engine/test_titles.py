"""What a thing is called where it is told of."""

from __future__ import annotations

import sqlalchemy as sa

from keepstep.engine.state import load
from keepstep.engine.titles import title
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench


def test_a_thing_is_called_what_is_agreed_else_what_a_record_shows_else_by_its_id() -> None:
    bench = Bench()
    record = bench.make("a", title="Requirements")
    bench.settle()
    [row] = bench.rows(t.record, t.record.c.side == "a.items", t.record.c.id == record)
    entity = row["entity"]
    with bench.ports.store.rehearse() as tx:

        def called() -> str:
            """From the store, and in memory: both the same."""
            [loaded] = load(tx, [entity]).values()
            assert loaded.title == title(tx, entity)
            return loaded.title

        assert called() == "Requirements"
        tx.connection.execute(sa.update(t.entity).values(agreed={}))
        tx.connection.execute(sa.update(t.record).values(shown={"title": "Anforderungen"}))
        assert called() == "Anforderungen"
        tx.connection.execute(sa.update(t.record).values(shown={}))
        assert called() == entity
        assert title(tx, "nothing") == "nothing"
