"""A service's schema that moves: a finding on the field, which closes when it is mended, while the others flow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from connectors.base import Description, Field
from connectors.memory import Memory
from connectors.memory_service import STREAM
from keepstep.engine import drift
from keepstep.engine.reconfigured import NEVER_SEEN
from keepstep.engine.world import Connection, Side, World
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench
from mapping.fields import FieldMap, Mapper, Options, StreamMapping
from mapping.memory import MAPPING
from mapping.model import STANDARD, Kind
from mapping.pairs import choice, day, text

STATES = ["open", "closed"]


class Watched:
    """A connection whose description a test changes between two looks."""

    def __init__(self, bench: Bench | None = None) -> None:
        self.bench = bench or Bench()
        self.fields = [
            Field(name="name", label="Name"),
            Field(name="due", kind="date"),
            Field(name="state", kind="picklist", values=STATES),
            Field(name="internal", kind="number"),
        ]
        self.classes = {"open": "todo", "closed": "done"}
        self.options = "one"

    def mapper(self) -> Mapper:
        rows = [
            FieldMap("title", "name", *text()),
            FieldMap("due_date", "due", *day(Options().zone)),
            FieldMap("status", "state", *choice(self.classes)),
        ]
        return StreamMapping({Kind.TASK: rows})

    def look(self) -> list[tuple[str, dict[str, Any]]]:
        """Compare once; the findings that are open then."""
        memory = Memory(self.bench.services["a"])
        stream = msgspec.structs.replace(memory.describe().streams[0], fields=self.fields)
        description: Description = msgspec.structs.replace(memory.describe(), streams=[stream])
        connection = Connection("a", memory, description, {STREAM: self.mapper()})
        with self.bench.store.write() as tx:
            drift.compare(tx, self.bench.ports, {"a": connection}, {"a": {STREAM}}, {"a": self.options}, STANDARD)
        rows = self.bench.rows(t.finding, t.finding.c.state == "open")
        return sorted((row["code"], row["params"]) for row in rows)

    def field(self, name: str, **values: Any) -> None:
        self.fields = [msgspec.structs.replace(each, **values) if each.name == name else each for each in self.fields]


@pytest.fixture
def watched() -> Watched:
    made = Watched()
    assert made.look() == []
    assert made.look() == []
    return made


def test_a_field_that_is_gone_is_told_until_it_is_back(watched: Watched) -> None:
    there = list(watched.fields)
    watched.fields = there[1:]
    told = [("field_gone", {"side": "a.items", "field": "name", "names": ["title"]})]
    assert watched.look() == told
    assert watched.look() == told, "not only once: it is still gone"
    watched.fields = there
    assert watched.look() == []


def test_a_field_that_nobody_maps_may_go(watched: Watched) -> None:
    watched.fields = watched.fields[:-1]
    assert watched.look() == []


def test_a_field_of_another_type_is_told_until_it_is_changed_back(watched: Watched) -> None:
    watched.field("due", kind="text")
    params = {"side": "a.items", "field": "due", "names": ["due_date"], "before": "date", "after": "text"}
    assert watched.look() == [("field_retyped", params)]
    watched.field("due", kind="datetime")
    assert watched.look() == [("field_retyped", params | {"after": "datetime"})]
    watched.field("due", kind="date")
    assert watched.look() == []


def test_values_that_belong_to_no_class_are_told_until_their_meaning_is_said(watched: Watched) -> None:
    watched.field("state", values=[*STATES, "parked", "waiting"])
    params = {"side": "a.items", "field": "state", "names": ["status"], "shown": ["parked", "waiting"]}
    assert watched.look() == [("field_values_unknown", params)]
    watched.classes["parked"] = "todo"  # the mapping learned it by itself, as from the service's own class
    assert watched.look() == [("field_values_unknown", params | {"shown": ["waiting"]})]
    watched.field("state", values=[*STATES, "parked"])
    assert watched.look() == []
    watched.field("state", values=["open"])
    assert watched.look() == [], "a value less is no trouble"


def test_a_value_that_loses_its_meaning_is_told_as_people_call_it_until_it_has_one_again(watched: Watched) -> None:
    del watched.classes["closed"]
    watched.field("state", called={"closed": "Läuft gerade"})
    params = {"side": "a.items", "field": "state", "names": ["status"], "shown": ["Läuft gerade"]}
    assert watched.look() == [("field_values_unknown", params)]
    assert watched.look() == [("field_values_unknown", params)], "not only once: it still has none"
    watched.classes["closed"] = "done"
    assert watched.look() == []
    assert watched.look() == []


@pytest.mark.parametrize("there_before", [True, False])
def test_once_a_value_has_a_meaning_the_side_is_read_anew(there_before: bool) -> None:
    watched = Watched()
    watched.bench.make("a", title="x")
    watched.bench.look()
    if there_before:
        watched.field("state", values=[*STATES, "parked"])
    watched.look()
    watched.field("state", values=[*STATES, "parked"])
    watched.look()
    (read,) = watched.bench.rows(t.feed, t.feed.c.name.startswith("a/"))
    assert read["cursor"] is not None
    watched.classes["parked"] = "todo"
    assert watched.look() == []
    (read,) = watched.bench.rows(t.feed, t.feed.c.name.startswith("a/"))
    assert read["cursor"] is None
    assert [row["digest"] for row in watched.bench.rows(t.record)] == [NEVER_SEEN]
    watched.bench.look()
    assert watched.look() == []
    (read,) = watched.bench.rows(t.feed, t.feed.c.name.startswith("a/"))
    assert read["cursor"] is not None, "once"


def test_what_was_unknown_from_the_beginning_is_no_drift() -> None:
    watched = Watched()
    watched.field("state", values=[*STATES, "parked"])
    assert watched.look() == []
    assert watched.look() == []


def test_values_of_other_fields_come_and_go(watched: Watched) -> None:
    watched.field("name", values=["x"])
    watched.look()
    watched.field("name", values=["x", "y"])
    assert watched.look() == []


def test_a_changed_configuration_begins_anew(watched: Watched) -> None:
    watched.field("due", kind="text")
    watched.fields = watched.fields[1:]
    assert len(watched.look()) == 2
    watched.options = "two"
    assert watched.look() == []
    watched.field("due", kind="date")
    assert [code for code, _ in watched.look()] == ["field_retyped"]


def test_a_stream_that_no_sync_uses_is_not_watched(watched: Watched) -> None:
    with watched.bench.store.write() as tx:
        drift.compare(tx, watched.bench.ports, {}, {}, {}, STANDARD)
    assert watched.look() == []


def test_a_stream_that_is_not_described_for_a_while_keeps_what_was_known(watched: Watched) -> None:
    memory = Memory(watched.bench.services["a"])
    nothing = Connection("a", memory, msgspec.structs.replace(memory.describe(), streams=[]), {})
    with watched.bench.store.write() as tx:
        drift.compare(tx, watched.bench.ports, {"a": nothing}, {"a": {STREAM}}, {"a": watched.options}, STANDARD)
    watched.field("due", kind="text")
    assert [code for code, _ in watched.look()] == ["field_retyped"]


def test_a_field_that_goes_is_never_taken_for_cleared_and_the_others_flow() -> None:
    bench = Bench()
    id = bench.make("a", title="x", notes="keep me", due="2026-11-30")
    bench.settle()
    service = bench.services["b"]
    service.traits = replace(service.traits, fields=("title", "due"))
    connections = {}
    for name, each in bench.world.connections.items():
        description = each.connector.describe()
        mappers = MAPPING.build(Options(), description)
        connections[name] = Connection(name, each.connector, description, mappers, each.access)
    sides = {side: Side(connections[each.connection.name], each.stream) for side, each in bench.sync.sides.items()}
    bench.sync = replace(bench.sync, sides=sides)
    bench.world = World(connections, {"tasks": bench.sync})
    bench.restart()
    bench.edit("a", id, title="y", notes="still here")
    bench.settle()
    assert bench.services["a"].records(STREAM)[id]["notes"] == "still here"
    assert bench.services["b"].records(STREAM)[bench.only("b")]["title"] == "y"


# -- what records show


def odd(bench: Bench) -> str:
    """A record whose due date is none: its title and notes flow on."""
    id = bench.make("a", title="x", due="2026-11-30")
    bench.settle()
    bench.edit("a", id, due="soon", title="y")
    bench.settle()
    return id


def test_what_cannot_be_read_is_told_and_the_other_fields_flow() -> None:
    bench = Bench()
    id = odd(bench)
    [row] = bench.rows(t.finding, t.finding.c.state == "open")
    assert (row["code"], row["params"]["side"], row["params"]["field"]) == ("value_unread", "a.items", "due")
    assert "soon" in row["params"]["shown"][0]
    there = bench.services["b"].records(STREAM)[bench.only("b")]
    assert (there["title"], there["due"]) == ("y", "2026-11-30"), "neither cleared nor written over"
    bench.edit("b", bench.only("b"), due="2026-12-01")
    bench.settle()
    assert bench.services["a"].records(STREAM)[id]["due"] == "soon"
    assert bench.open_findings() == ["value_unread"]


def test_it_is_over_once_no_record_shows_it_any_more() -> None:
    bench = Bench()
    first = odd(bench)
    second = bench.make("a", title="z", due="later")
    bench.settle()
    [row] = bench.rows(t.finding, t.finding.c.state == "open")
    assert len(row["params"]["shown"]) == 2
    bench.edit("a", first, due="2026-12-01")
    bench.settle()
    [row] = bench.rows(t.finding, t.finding.c.state == "open")
    assert ["later" in each for each in row["params"]["shown"]] == [True]
    bench.services["a"].delete("Ada", STREAM, second)
    bench.settle()
    assert bench.findings()["value_unread"] == "resolved"
    bench.edit("a", first, due="never")
    bench.round()
    assert bench.findings()["value_unread"] == "open"
