"""When two entities become one, what names several others follows as well."""

from __future__ import annotations

from keepstep.engine.match.following import follow
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench


def test_one_of_several_references_follows_wherever_it_stands() -> None:
    bench = Bench()
    bench.make("a", title="Pour")
    bench.settle()
    [task] = bench.rows(t.entity)
    agreed = task["agreed"] | {"depends_on": {"value": ["dig", "plan"], "n": 0, "source": "a.items", "at": ""}}
    with bench.store.write() as tx:
        tx.change(t.entity, [{"id": task["id"], "agreed": agreed}])
        [link, *_] = [row for row in tx.all(t.link.select()) if row["side"] == "a.items"]
        fields = link["fields"] | {"depends_on": [["dig", "plan"], 0, -1, None, None]}
        tx.change(t.link, [{"entity": link["entity"], "side": link["side"], "fields": fields}])
    with bench.store.write() as tx:
        follow(tx, bench.ports, {"dig": "work"})
    [now] = bench.rows(t.entity)
    assert now["agreed"]["depends_on"]["value"] == ["plan", "work"]
    [link] = bench.rows(t.link, t.link.c.side == "a.items")
    assert link["fields"]["depends_on"] == [["plan", "work"], 0, -1, None, None]
    assert link["fields"]["title"] == fields["title"]
    assert [row["entity"] for row in bench.rows(t.due)] == [task["id"]]
