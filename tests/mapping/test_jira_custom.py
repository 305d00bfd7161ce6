"""Custom fields of every type: written through the connector, read back the same, told by the history, or refused."""

from __future__ import annotations

import json

import pytest

from connectors.base import Abilities, Description, Field, Record, Stream, Write
from connectors.errors import Misconfigured
from connectors.jira.describe import kind_of
from connectors.jira.history import value as changed
from connectors.jira.sandbox.world import Version
from connectors.sandbox.clock import VirtualClock
from mapping.fields import Options, Unmappable
from mapping.jira import MAPPING
from mapping.jira.custom import MAKERS
from mapping.model import Form, Kind, Loss
from tests.connectors.jira.conftest import Desk, Watched, open_gate
from tests.connectors.jira.test_recorded import SHARED

FIELD = "customfield_10300"

# kind of the stand-in's field, its options, entity, canonical field, value, another value, what goes over the wire
GOOD = [
    ("text", None, Kind.TASK, "title", "Cable A", "Cable B", "Cable A"),
    ("textarea", None, Kind.PROJECT, "description", "**now**\n\n- a", "later", None),
    ("textarea", None, Kind.TASK, "title", "3 * 4_a_", "five", None),
    ("url", None, Kind.TASK, "title", "https://x.example/p", "https://y.example", "https://x.example/p"),
    ("number", None, Kind.PROJECT, "revenue", {"amount": "12.5", "currency": "CNY"}, None, 12.5),
    ("date", None, Kind.TASK, "start_date", "2026-12-01", "2026-12-02", "2026-12-01"),
    (
        "datetime",
        None,
        Kind.TASK,
        "start_date",
        "2026-12-01T08:30:00.000Z",
        "2026-12-02T08:30:00.000Z",
        "2026-12-01T08:30:00.000+0000",
    ),
    ("option", ["高", "低"], Kind.TASK, "priority", "high", "low", {"value": "高"}),
    ("radio", ["高", "低"], Kind.TASK, "priority", "low", None, {"value": "低"}),
    ("option", ["Steel", "Copper, pure"], Kind.TASK, "title", "Copper, pure", "Steel", {"value": "Copper, pure"}),
    ("radio", ["ja", "nein"], Kind.TASK, "archived", True, False, {"value": "ja"}),
    ("checkboxes", ["archived"], Kind.TASK, "archived", True, False, [{"value": "archived"}]),
    ("options", ["a", "b", "c"], Kind.TASK, "labels", ["a", "c"], ["b"], [{"value": "a"}, {"value": "c"}]),
    ("checkboxes", ["a", "b"], Kind.TASK, "labels", ["a", "b"], [], [{"value": "a"}, {"value": "b"}]),
    ("labels", None, Kind.TASK, "labels", ["x", "电缆"], ["x"], ["x", "电缆"]),
    (
        "cascade",
        {"Europe": ["Poland", "Other"], "Asia": ["Other"]},
        Kind.TASK,
        "title",
        "Asia > Other",
        "Europe",
        {"value": "Asia", "child": {"value": "Other"}},
    ),
    ("group", None, Kind.TASK, "title", "jira-users", "engineers", {"name": "jira-users"}),
    ("groups", None, Kind.TASK, "labels", ["engineers", "jira-users"], ["engineers"], None),
    ("version", None, Kind.TASK, "title", "1.0", "2.0", {"name": "1.0"}),
    ("versions", None, Kind.TASK, "labels", ["1.0", "2.0"], ["2.0"], [{"name": "1.0"}, {"name": "2.0"}]),
    ("project", None, Kind.TASK, "title", "ACME", None, {"key": "ACME"}),
    ("user", None, Kind.TASK, "assignee", "Ann", "Bo", None),
    ("users", None, Kind.TASK, "assignee", "Ann", "Bo", None),
]
VALUES = {
    "priority": {"高": "high", "低": "low"},
    "archived": {"ja": "true", "nein": "false"},
}


def built(kind, options, canonical):
    clock = VirtualClock()
    desk = Desk(clock, Watched(clock))
    sandbox, jira = desk.sandbox, desk.connect(projects=["ACME"])
    sandbox.world.groups |= {"jira-users": "g1", "engineers": "g2"}
    project = next(iter(sandbox.world.projects))
    sandbox.world.versions |= {id: Version(id, project, name) for id, name in (("1", "1.0"), ("2", "2.0"))}
    sandbox.add_field(FIELD, "Ours", kind, options)
    table = {stream: {canonical: FIELD} for stream in ("issues", "epics")}
    chosen = Options(timezone="Asia/Shanghai", currency="CNY", custom=table, values=VALUES)
    return sandbox, jira, MAPPING.build(chosen, jira.describe())


def by_name(sandbox, value):
    if value in ("Ann", "Bo"):
        return {"account": sandbox.person(value).id, "name": value, "email": None}
    return value


@pytest.mark.parametrize(
    ("kind", "options", "entity", "canonical", "value", "other", "wire"),
    GOOD,
    ids=[f"{row[0]}-{row[3]}" for row in GOOD],
)
def test_a_custom_field_holds_a_value_both_ways(kind, options, entity, canonical, value, other, wire):
    sandbox, jira, mappers = built(kind, options, canonical)
    stream = "epics" if entity is Kind.PROJECT else "issues"
    mapper = mappers[stream]
    value, other = by_name(sandbox, value), by_name(sandbox, other)

    made = mapper.unmap(entity, {canonical: value})
    assert made.losses == []
    if wire is not None:
        assert made.values == {FIELD: wire}
    write = Write(intent="1", kind="create", values={"summary": "A", **made.values})
    [outcome] = jira.push(stream, [write], open_gate)
    assert outcome.status == "done", outcome
    [record] = jira.get(stream, [outcome.id])
    mapped = mapper.canon(record)
    assert mapped.values[canonical] == value
    assert not [loss for loss in mapped.losses if loss.field.startswith(FIELD)]
    if canonical != "assignee":
        assert mapper.normalise(entity, canonical, value) == value

    changed = mapper.unmap(entity, {canonical: other}, record.payload)
    assert changed.losses == []
    [outcome] = jira.push(stream, [Write(intent="2", kind="update", id=record.id, values=changed.values)], open_gate)
    assert outcome.status == "done", outcome
    [record] = jira.get(stream, [record.id])
    assert mapper.canon(record).values[canonical] == other

    [change] = jira.history(stream, [record.id], "2026-11-01T00:00:00.000Z")
    if kind == "project":  # the changelog tells a project's id and name, never its key
        with pytest.raises(Unmappable):
            mapper.canon_field(entity, canonical, change.old)
    elif kind != "checkboxes" or canonical != "archived":
        assert mapper.canon_field(entity, canonical, change.old) == value
    if other is not None and other != []:
        assert mapper.canon_field(entity, canonical, change.new) == other


@pytest.mark.parametrize(
    ("kind", "options", "canonical", "value", "why"),
    [
        ("text", None, "title", "x" * 256, "too_long"),
        ("url", None, "title", "no address", "not_an_address"),
        ("option", ["a"], "title", "b", "no_such_value"),
        ("options", ["a"], "labels", ["a", "b"], "no_such_value"),
        ("cascade", {"a": ["b"]}, "title", "a > c", "no_such_value"),
        ("labels", None, "labels", ["two words"], "label_with_space"),
        ("option", ["高"], "priority", "highest", "no_such_value"),
    ],
)
def test_what_a_field_cannot_hold_is_told_before_it_is_sent(kind, options, canonical, value, why):
    _, _, mappers = built(kind, options, canonical)
    made = mappers["issues"].unmap(Kind.TASK, {canonical: value})
    assert made.values == {}
    assert [(loss.field, loss.why) for loss in made.losses] == [(canonical, why)]
    with pytest.raises(Unmappable):
        mappers["issues"].normalise(Kind.TASK, canonical, value)


@pytest.mark.parametrize(
    ("kind", "canonical", "said"),
    [
        ("user", "title", "of type userpicker, which cannot hold a text; types that can: textfield"),
        ("text", "start_date", "cannot hold a date; types that can: datepicker, date, datetime"),
        ("number", "labels", "cannot hold a set"),
        ("epic", "project", "an issue's epic is its parent and needs no custom field"),
        ("text", "description", "cannot hold a rich"),
    ],
)
def test_a_type_that_does_not_fit_is_a_mistake_in_the_configuration(kind, canonical, said):
    with pytest.raises(Misconfigured, match=f"custom: .*{canonical}: .*{FIELD}") as caught:
        built(kind, None, canonical)
    assert said in str(caught.value)


def test_a_sprint_is_read_and_never_written():
    _, _, mappers = built("sprint", None, "title")
    mapper = mappers["issues"]
    sprints = [{"name": "S1", "state": "closed"}, {"name": "S3", "state": "future"}, {"name": "S2", "state": "active"}]
    assert mapper.canon_field(Kind.TASK, "title", sprints) == "S2"
    assert mapper.canon_field(Kind.TASK, "title", sprints[:2]) == "S3"
    assert mapper.canon_field(Kind.TASK, "title", sprints[:1]) == "S1"
    dumps = [
        f"com.atlassian.greenhopper.service.sprint.Sprint@{at}[id={at},rapidViewId=2,state={state},name={name},"
        "goal=,startDate=2026-11-01T14:02:10.170Z,endDate=<null>,completeDate=<null>,sequence=1]"
        for at, state, name in ((7, "CLOSED", "S1"), (8, "ACTIVE", "S2, the second"))
    ]
    assert mapper.canon_field(Kind.TASK, "title", dumps) == "S2, the second"
    assert mapper.canon_field(Kind.TASK, "title", dumps[:1]) == "S1"
    with pytest.raises(Unmappable):
        mapper.canon_field(Kind.TASK, "title", ["S1"])
    assert mapper.mode(Kind.TASK, "title") == "read"
    assert mapper.unmap(Kind.TASK, {"title": "S9"}).values == {}


def test_several_people_are_nobody_in_particular_and_stay():
    sandbox, _, mappers = built("users", None, "assignee")
    people = [sandbox.shapes.user(sandbox.person(name).id) for name in ("Ann", "Bo")]
    record = Record(stream="issues", id="1", payload={"id": "1", "fields": {FIELD: people}})
    mapped = mappers["issues"].canon(record)
    assert ("assignee" in mapped.values, mapped.losses) == (False, [Loss(FIELD, "several_people", 2)])
    made = mappers["issues"].unmap(Kind.TASK, {"assignee": by_name(sandbox, "Ann")}, record.payload)
    assert (made.values, made.losses) == ({}, [Loss("assignee", "several_people", 2)])


def test_markup_in_a_field_for_plain_text_is_told_and_kept():
    _, _, mappers = built("textarea", None, "title")
    bold = {"type": "text", "text": "now", "marks": [{"type": "strong"}]}
    document = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [bold]}]}
    record = Record(stream="issues", id="1", payload={"id": "1", "fields": {FIELD: document}})
    mapped = mappers["issues"].canon(record)
    assert (mapped.values["title"], mapped.losses) == ("now", [Loss(f"{FIELD}.text", "markup_dropped")])
    assert mappers["issues"].unmap(Kind.TASK, {"title": "now"}, record.payload).values == {FIELD: document}


def test_options_with_commas_in_a_history_are_known_by_id_alone():
    sandbox, jira, mappers = built("options", ["a, b", "c"], "labels")
    id = sandbox.create("Ann", "issues", {"summary": "A"})
    sandbox.edit("Ann", "issues", id, {FIELD: [{"value": "a, b"}, {"value": "c"}]})
    [change] = jira.history("issues", [id], "2026-11-01T00:00:00.000Z")
    assert [set(part) for part in change.new] == [{"id"}, {"id"}]
    with pytest.raises(Unmappable):
        mappers["issues"].canon_field(Kind.TASK, "labels", change.new)


MAKER, AGILE = "com.atlassian.jira.plugin.system.customfieldtypes:", "com.pyxis.greenhopper.jira:"


@pytest.mark.parametrize(
    ("schema", "kind", "form"),
    [
        ({"type": "number", "custom": AGILE + "jsw-story-points"}, "number", Form.NUMBER),
        ({"type": "number", "custom": MAKER + "importid"}, "number", Form.NUMBER),
        ({"type": "string", "custom": AGILE + "gh-epic-label"}, "string", Form.TEXT),
        ({"type": "option", "custom": AGILE + "gh-epic-status"}, "option", Form.CHOICE),
        ({"type": "team", "custom": MAKER + "atlassian-team"}, "team", Form.TEXT),
        ({"type": "date", "custom": "com.atlassian.jpo:jpo-custom-field-baseline-end"}, "date", Form.DATE),
        ({"type": "array", "items": "user", "custom": MAKER + "people"}, "people", Form.PERSON),
        ({"type": "any", "custom": AGILE + "gh-lexo-rank"}, "any", None),
        ({"type": "any", "custom": AGILE + "gh-epic-link"}, "gh-epic-link", None),
        ({"type": "any"}, "any", None),
        ({}, "any", None),
        (None, "any", None),
    ],
)
def test_types_that_say_no_more_than_their_schema_are_held_by_it(schema, kind, form):
    assert kind_of({"schema": schema}) == kind
    holding = [each for each, makers in MAKERS.items() if kind in makers]
    assert form in holding if form else not holding


def test_a_team_is_read_by_its_name_and_never_written():
    team = Field(name=FIELD, kind="team", custom=True)
    known = Description(system="jira", streams=[Stream(name="issues", abilities=Abilities(), fields=[team])], feeds=[])
    mapper = MAPPING.build(Options(custom={"issues": {"title": FIELD}}), known)["issues"]
    shown = {"id": "36885b3c-1bf0", "name": "Platform 平台", "avatarUrl": "", "isVisible": True, "isShared": True}
    record = Record(stream="issues", id="1", payload={"id": "1", "fields": {FIELD: shown}})
    assert mapper.canon(record).values == {"title": "Platform 平台"}
    assert mapper.mode(Kind.TASK, "title") == "read"
    assert mapper.unmap(Kind.TASK, {"title": "Other"}, record.payload).values == {}
    told = changed(FIELD, {"type": "team"}, "36885b3c-1bf0", "Platform 平台")
    assert mapper.canon_field(Kind.TASK, "title", told) == "Platform 平台"


def test_the_types_of_recorded_fields_are_known():
    file = SHARED / "recorded/jira/mattermost/cloud-get-create-issue-metadata-for-project-many-fields.json"
    if not file.exists():
        pytest.skip("KEEPSTEP_SHARED has no recorded payloads")
    kinds = {}
    for kind in json.loads(file.read_text())["projects"][0]["issuetypes"]:
        for name, meta in kind["fields"].items():
            if name.startswith("customfield_"):
                kinds[name] = kind_of(meta)
    assert kinds["customfield_10074"] == "cascadingselect"
    assert {"multicheckboxes", "datepicker", "datetime", "labels", "float", "radiobuttons", "multiselect"} <= set(
        kinds.values()
    )
    assert {"select", "textarea", "textfield", "url", "userpicker", "gh-sprint", "gh-epic-link"} <= set(kinds.values())
