"""A store that was put back behind the hub's back, as a disk image: it does not know what it made since."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from connectors.memory_service import BOT, STREAM, Traits
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench
from tests.engine.test_engine_guard import held, many

pytestmark = pytest.mark.usefixtures("benches")

Image = dict[sa.Table, list[dict[str, Any]]]


def image(bench: Bench) -> Image:
    with bench.store.read() as tx:
        return {table: tx.all(sa.select(table)) for table in t.metadata.sorted_tables}


def put_back(bench: Bench, rows: Image) -> None:
    with bench.store.write() as tx:
        for table in reversed(t.metadata.sorted_tables):
            tx.execute(sa.delete(table))
        for table, was in rows.items():
            tx.insert(table, was)


def aged(since: int) -> Bench:
    """A bench whose store has forgotten that so many records of side `a` were carried over to `b`."""
    bench = many(2)
    before = image(bench)
    for number in range(since):
        bench.make("a", title=f"since {number}")
    bench.settle()
    put_back(bench, before)
    bench.restart()
    return bench


def test_what_it_made_since_is_not_made_again_unseen() -> None:
    bench = aged(3)
    writes = bench.writes()
    report = bench.round()
    assert [(hold.reason, hold.params) for hold in report.holds] == [
        ("made_unknown", {"side": "b.items", "creates": 3, "unknown": 3})
    ]
    assert held(bench) == ["made_unknown"]
    assert (bench.writes(), len(bench.shown("b"))) == (writes, 5)
    assert sorted(bench.open_findings()) == ["guard_made_unknown", *["made_unknown"] * 3]


def test_a_person_who_knows_better_lets_it_through() -> None:
    bench = aged(3)
    bench.round()
    assert bench.let_through() == ["made_unknown"]
    bench.settle()
    assert len(bench.shown("b")) == 8


def test_what_is_acknowledged_holds_nothing_up() -> None:
    bench = aged(3)
    bench.round()
    with bench.store.write() as tx:
        tx.execute(sa.update(t.finding).where(t.finding.c.code == "made_unknown").values(state="acknowledged"))
    assert held(bench) == []


def test_two_records_hold_nothing_up() -> None:
    assert held(aged(2)) == []


@pytest.mark.parametrize(("marker", "reasons"), [("in_create", []), ("fingerprint", ["made_unknown"])])
def test_what_somebody_made_by_hand_with_our_account_is_told_by_the_marker_it_lacks(
    marker: Any, reasons: list[str]
) -> None:
    bench = Bench(Traits(), Traits(marker=marker))
    bench.make("a", title="first")
    bench.settle()
    for number in range(3):
        bench.services["b"].create(BOT, STREAM, {"title": f"by hand {number}"})
    bench.settle()
    assert bench.open_findings() == ["made_unknown"] * 3
    bench.make("a", title="new")
    assert held(bench) == reasons


def test_edits_go_on_where_nothing_would_be_made() -> None:
    bench = aged(3)
    bench.round()
    for id in list(bench.services["a"].records(STREAM))[2:]:
        bench.services["a"].delete("Ada", STREAM, id)
    bench.edit("a", next(iter(bench.services["a"].records(STREAM))), title="edited")
    bench.settle()
    assert "edited" in [each["title"] for each in bench.shown("b")]
