"""What is kept of what records point at, and how long."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Record
from keepstep.engine.match.addresses import keep_addresses
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench

pytestmark = pytest.mark.usefixtures("benches")

CARD = "https://trello.com/c/aBcDeFgH"


def look(bench: Bench, record: Record, values: dict[str, Any]) -> None:
    row = {"side": f"a.{record.stream}", "id": record.id, "kind": "comment", "shown": values}
    with bench.store.write() as tx:
        keep_addresses(tx, bench.world, bench.world.connections["a"], [(record, row)])


def kept(bench: Bench) -> list[tuple[str, str, bool]]:
    rows = bench.rows(t.address, t.address.c.own.is_(False))
    return sorted((f"{row['side']}:{row['id']}", row["address"], row["whole"]) for row in rows)


def test_a_link_points_for_what_it_hangs_on_as_well() -> None:
    bench = Bench()
    link = Record(stream="links", id="7", payload={"issue": {"stream": "issues", "id": "12"}, "object": {"url": CARD}})
    look(bench, link, {})
    assert kept(bench) == [
        ("a.issues:12", "trello.com aBcDeFgH", True),
        ("a.links:7", "trello.com aBcDeFgH", True),
    ]


def test_what_a_comment_mentions_points_for_the_comment_alone() -> None:
    bench = Bench()
    comment = Record(stream="comments", id="7", payload={"issue": {"stream": "issues", "id": "12"}})
    look(bench, comment, {"body": f"see also {CARD}"})
    assert kept(bench) == [("a.comments:7", "trello.com aBcDeFgH", False)]


def test_a_new_look_replaces_what_was_kept_and_a_deleted_record_points_at_nothing() -> None:
    bench = Bench()
    link = {"issue": {"stream": "issues", "id": "12"}, "object": {"url": CARD}}
    look(bench, Record(stream="links", id="7", payload=link), {})
    look(bench, Record(stream="links", id="7", payload=link | {"issue": {"stream": "issues", "id": "13"}}), {})
    assert [place for place, _, _ in kept(bench)] == ["a.issues:13", "a.links:7"]
    look(bench, Record(stream="links", id="7", deleted=True), {})
    assert kept(bench) == []
