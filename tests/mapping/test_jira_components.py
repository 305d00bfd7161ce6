"""Jira's own components and versions as fields of one's own: written through the connector, read back, or refused."""

from __future__ import annotations

import pytest

from connectors.base import Abilities, Description, Field, Record, Stream, Write
from connectors.errors import Misconfigured
from connectors.sandbox.clock import VirtualClock
from mapping.fields import Options, Unmappable
from mapping.jira import MAPPING
from mapping.model import Form, Kind, Loss, Model, OwnField
from tests.connectors.jira.conftest import Desk, Watched, open_gate

FIELDS = ("components", "fixVersions", "versions")
OWN = Model({kind: {"areas": OwnField(form=Form.SET)} for kind in (Kind.TASK, Kind.PROJECT)})


def built(field, model=OWN):
    """A site with two projects, of which the second alone has ``elsewhere``; the connector and the mappers."""
    clock = VirtualClock()
    desk = Desk(clock, Watched(clock))
    stream = "components" if field == "components" else "versions"
    for name in ("α", "Cables, long", "2.0"):
        desk.sandbox.create("Ann", stream, {"name": name})
    other = desk.sandbox.add_project("OTHER", "Other")
    desk.sandbox.create("Ann", stream, {"name": "elsewhere", "projectId": other.id})
    table = {each: {"areas": field} for each in ("issues", "epics")}
    return desk, MAPPING.build(Options(custom=table, model=model), desk.jira.describe())


def issue(field, *names):
    shown = [{"id": str(number), "name": name} for number, name in enumerate(names)]
    return Record(stream="issues", id="1", payload={"id": "1", "fields": {field: shown}})


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("kind", "stream"), [(Kind.TASK, "issues"), (Kind.PROJECT, "epics")])
@pytest.mark.parametrize(
    ("first", "second"),
    [(["α"], ["2.0", "α"]), (["2.0", "Cables, long"], []), (["2.0", "α"], ["Cables, long"])],
)
def test_names_go_both_ways_and_the_history_tells_them(field, kind, stream, first, second):
    desk, mappers = built(field)
    mapper = mappers[stream]
    made = mapper.unmap(kind, {"areas": first})
    assert (made.values, made.losses) == ({field: [{"name": name} for name in first]}, [])
    values = {"summary": "A", "project": "ACME", **made.values}
    [outcome] = desk.jira.push(stream, [Write(intent="1", kind="create", values=values)], open_gate)
    [record] = desk.jira.get(stream, [outcome.id])
    assert mapper.canon(record).values["areas"] == sorted(first)

    changed = mapper.unmap(kind, {"areas": second}, record.payload)
    assert changed.losses == []
    desk.push(stream, Write(intent="2", kind="update", id=record.id, values=changed.values))
    [record] = desk.jira.get(stream, [record.id])
    assert mapper.canon(record).values["areas"] == sorted(second)
    [change] = desk.jira.history(stream, [record.id], "2026-11-01T00:00:00.000Z")
    assert mapper.system(kind, "areas") == change.field
    told = [mapper.canon_field(kind, "areas", side) for side in (change.old, change.new)]
    assert told == [sorted(first), sorted(second)]
    assert mapper.normalise(kind, "areas", ["b", "a", "b"]) == ["a", "b"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("value", "shown", "written", "losses"),
    [
        pytest.param(["α"], [], ["α"], [], id="offered"),
        pytest.param(["elsewhere"], [], ["elsewhere"], [], id="of another project that is followed: Jira says no"),
        pytest.param(["gone", "α"], [], None, [("areas", "no_such_value", "gone")], id="offered nowhere"),
        pytest.param(["archived", "α"], ["archived"], ["archived", "α"], [], id="on no list, and there already"),
        pytest.param([], ["archived"], [], [], id="none"),
        pytest.param(None, ["α"], [], [], id="empty"),
    ],
)
def test_a_name_that_no_project_has_is_told_before_it_is_sent(field, value, shown, written, losses):
    _, mappers = built(field)
    made = mappers["issues"].unmap(Kind.TASK, {"areas": value}, issue(field, *shown).payload)
    assert made.values == ({} if written is None else {field: [{"name": name} for name in written]})
    assert [(loss.field, loss.why, loss.value) for loss in made.losses] == losses


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ([], []),
        (None, []),
        ([{"id": "2", "name": "b "}, {"id": "1", "name": "a"}], ["a", "b"]),
        ([{"id": "1", "name": "1.0"}, {"id": "7", "name": "1.0"}], ["1.0"]),
    ],
)
def test_what_an_issue_shows_is_a_set_of_names(shown, expected):
    _, mappers = built("fixVersions")
    record = Record(stream="issues", id="1", payload={"id": "1", "fields": {"fixVersions": shown}})
    assert mappers["issues"].canon(record).values["areas"] == expected


def test_a_part_without_a_name_is_told_and_left_alone():
    _, mappers = built("components")
    record = Record(stream="issues", id="1", payload={"id": "1", "fields": {"components": [{"id": "7"}]}})
    assert mappers["issues"].canon(record).losses == [Loss("components", "unknown_value", {"id": "7"})]
    made = mappers["issues"].unmap(Kind.TASK, {"areas": ["α"]}, record.payload)
    assert (made.values, [loss.why for loss in made.losses]) == ({}, ["unknown_value"])
    with pytest.raises(Unmappable):
        mappers["issues"].canon_field(Kind.TASK, "areas", [{"id": "7"}])


def test_where_the_site_does_not_say_what_it_allows_jira_is_asked():
    field = Field(name="components", kind="array of component")
    known = Description(system="jira", streams=[Stream(name="issues", abilities=Abilities(), fields=[field])], feeds=[])
    mapper = MAPPING.build(Options(custom={"issues": {"areas": "components"}}, model=OWN), known)["issues"]
    made = mapper.unmap(Kind.TASK, {"areas": ["anything"]})
    assert (made.values, made.losses) == ({"components": [{"name": "anything"}]}, [])


def test_they_hold_nothing_but_a_set():
    text = Model({Kind.TASK: {"areas": OwnField(form=Form.TEXT)}})
    with pytest.raises(Misconfigured, match=r"components is of type array of component, which cannot hold a text"):
        built("components", model=text)
