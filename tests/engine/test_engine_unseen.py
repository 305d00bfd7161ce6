"""Writes in doubt whose record the account may not see (403): they stay in doubt until it can be looked at."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.memory_service import STREAM, Traits
from connectors.sandbox.faults import Fault
from keepstep.store import tables as t
from keepstep.testing.worlds import PAST_DOUBT, Bench

pytestmark = pytest.mark.usefixtures("benches")


def settled(*traits: Traits, **sync: Any) -> Bench:
    bench = Bench(*traits, **sync)
    bench.make("a", title="old", notes="n")
    bench.settle()
    return bench


@pytest.mark.parametrize("fault", ["lost_after", "lost_before"])
@pytest.mark.parametrize("traits", [Traits(), Traits(history=True), Traits(versioned=False)])
def test_an_unknown_write_that_may_not_be_looked_at_stays_in_doubt(fault: Any, traits: Traits) -> None:
    bench = settled(Traits(), traits)
    there, service = bench.only("b"), bench.services["b"]
    service.faults.switch_on(Fault(fault, "write", times=1))
    bench.edit("a", bench.only("a"), title="new")
    bench.round()
    service.denied.add(there)
    report = bench.round(PAST_DOUBT)
    assert (report.recovered.waiting, report.recovered.unclear) == (1, 0)
    [intent] = bench.open_intents()
    [told] = bench.rows(t.finding, t.finding.c.code == "write_unseen", t.finding.c.state == "open")
    assert (told["params"]["record"], told["params"]["title"]) == (there, "new")
    assert bench.rows(t.conflict) == []
    sent = len(bench.sent("b"))
    bench.round(PAST_DOUBT)
    assert (len(bench.sent("b")), [each["id"] for each in bench.open_intents()]) == (sent, [intent["id"]])
    service.denied.clear()
    bench.settle(PAST_DOUBT)
    assert bench.shown("b") == [{"title": "new", "notes": "n"}]
    assert bench.open_findings() == []


@pytest.mark.parametrize("history", [True, False])
def test_what_a_person_sets_back_while_it_may_not_be_seen_is_not_written_over(history: bool) -> None:
    bench = settled(Traits(), Traits(history=history))
    there, service = bench.only("b"), bench.services["b"]
    service.faults.switch_on(Fault("lost_after", "write", times=1))
    bench.edit("a", bench.only("a"), title="new")
    bench.round()
    service.denied.add(there)
    bench.round(PAST_DOUBT)
    bench.edit("b", there, title="old")
    bench.round(PAST_DOUBT)
    service.grant()
    bench.settle(PAST_DOUBT)
    shown = {name: bench.shown(name)[0]["title"] for name in "ab"}
    if history:
        assert shown == {"a": "old", "b": "old"}  # the history tells that "new" had been there before
    else:
        assert shown == {"a": "new", "b": "old"}
        [conflict] = bench.rows(t.conflict)
        assert {each["value"] for each in conflict["state"]["candidates"].values()} == {"new", "old"}


def test_a_create_with_a_reserved_id_that_may_not_be_looked_at_is_not_sent_again() -> None:
    bench = Bench(Traits(), Traits(marker="reserved_id"))
    bench.make("a", title="x")
    bench.round()
    bench.let_through()
    service = bench.services["b"]
    service.faults.switch_on(Fault("lost_after", "write", times=1))
    bench.round()
    there = bench.only("b")
    service.denied.add(there)
    assert bench.round(PAST_DOUBT).recovered.waiting == 1
    assert bench.open_findings() == ["write_unseen"]
    sent = len(bench.sent("b"))
    bench.round(PAST_DOUBT)
    assert (len(bench.sent("b")), len(bench.open_intents())) == (sent, 1)
    service.grant()
    bench.settle(PAST_DOUBT)
    assert (bench.only("b"), bench.open_findings()) == (there, [])


@pytest.mark.parametrize("kind", ["create", "update"])
def test_a_write_that_may_not_be_read_back_stays_acknowledged(kind: str) -> None:
    bench = Bench(Traits(), Traits(returns_record=False))
    bench.make("a", title="old")
    service = bench.services["b"]
    if kind == "update":
        bench.settle()
        bench.edit("a", bench.only("a"), title="new")
    else:
        bench.round()
        bench.let_through()
    right = service.write

    def write(*args: Any) -> Any:
        item = right(*args)
        service.denied.add(item.id)
        return item

    service.write = write  # type: ignore[method-assign]
    bench.round()
    assert [each["state"] for each in bench.open_intents()] == ["acknowledged"]
    assert bench.rows(t.conflict) == []
    bench.round()
    assert bench.open_findings() == ["write_unseen"]
    service.grant()
    service.write = right  # type: ignore[method-assign]
    bench.settle()
    assert bench.shown("b") == bench.shown("a")
    assert (bench.rows(t.conflict), bench.open_findings()) == ([], [])
    assert len(bench.sent("b")) == 1 + (kind == "update")


@pytest.mark.parametrize("cure", ["granted", "parked"])
def test_what_is_owed_to_a_record_that_may_not_be_seen_is_told_until_it_may_or_nothing_is_owed(cure: str) -> None:
    bench = Bench(match=("notes",), scope=lambda shown: all(each["title"] != "later" for each in shown.values()))
    for notes in ("one", "two"):
        bench.make("a", title="old", notes=notes)
    bench.settle()
    ids = {each["notes"]: id for id, each in bench.services["b"].records(STREAM).items()}
    here = bench.services["a"].records(STREAM)
    service = bench.services["b"]
    service.denied.add(ids["one"])
    for id in here:
        bench.edit("a", id, title="new")
    bench.round()
    [told] = bench.rows(t.finding, t.finding.c.state == "open")
    assert (told["code"], told["params"]["record"], told["params"]["title"]) == ("record_hidden", ids["one"], "new")
    assert {each["notes"]: each["title"] for each in service.records(STREAM).values()} == {"one": "old", "two": "new"}
    assert bench.round().applied.put_off == 1
    assert [each.finding for each in bench.engine.verifier(bench.sync).links() if each.standing == "unseen"] == [
        told["id"]
    ]
    if cure == "granted":
        service.grant()
    else:
        for id in here:
            bench.edit("a", id, title="later")
    bench.settle()
    assert bench.open_findings() == []
    if cure == "granted":
        assert bench.shown("b") == bench.shown("a")
