"""Components and versions of issues: what the stand-in takes and tells, and a history of whole values."""

from __future__ import annotations

import json

import pytest

from connectors.jira.parted import Step, steps, wholes
from connectors.sandbox.exchange import Refusal
from tests.connectors.jira.test_push import edit, fields_of, new
from tests.connectors.jira.test_recorded import SHARED

SINCE = "2026-11-02T00:00:00.000Z"


def named(*names):
    return [{"name": name} for name in names]


def shown(desk, issue, field="components"):
    return [each["name"] for each in fields_of(desk, issue)[field]]


def told(desk, *issues, since=SINCE):
    """Names before and after each change, sorted."""
    return [
        (change.field, *(sorted(each["name"] for each in side) for side in (change.old, change.new)), change.ours)
        for change in desk.jira.history("issues", issues, since)
    ]


@pytest.fixture
def parts(desk):
    """Components and versions by name."""
    made = {name: desk.sandbox.create("Ann", "components", {"name": name}) for name in ("Cables", "Docks", "Power")}
    return made | {name: desk.sandbox.create("Ann", "versions", {"name": name}) for name in ("1.0", "2.0")}


# -- the stand-in


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"components": named("Ropes")}, {"components": "Component name 'Ropes' is not valid"}),
        ({"components": [{"id": "7"}]}, {"components": "Component id '7' is not valid"}),
        ({"components": "Cables"}, {"components": "data was not an array"}),
        ({"components": ["Cables"]}, {"components": "expected Object"}),
        (
            {"fixVersions": named("3.0"), "versions": named("1.0", "")},
            {"fixVersions": "Version name '3.0' is not valid", "versions": "Version name '' is not valid"},
        ),
        ({"components": named("Elsewhere")}, {"components": "Component name 'Elsewhere' is not valid"}),
    ],
)
def test_what_the_project_lacks_is_refused_in_the_vendors_words(desk, parts, values, wrong):
    other = desk.sandbox.add_project("OTHER", "Other")
    desk.sandbox.create("Ann", "components", {"name": "Elsewhere", "projectId": other.id})
    issue = desk.issue(components=named("Docks"))
    [made, edited] = desk.push("issues", new(**values), edit(issue, **values))
    assert (made.status, edited.status) == ("refused", "refused")
    assert all(word in made.reason and word in edited.reason for word in wrong.values())
    assert edited.field in wrong
    assert shown(desk, issue) == ["Docks"]
    with pytest.raises(Refusal) as refusal:
        desk.sandbox.edit("Bo", "issues", issue, values)
    assert refusal.value.response.status == 400


def test_an_edit_is_told_as_what_went_and_what_came(desk, parts):
    issue = desk.issue(components=named("Cables", "Docks"), fixVersions=named("1.0"))
    desk.push("issues", edit(issue, components=[{"id": parts["Power"]}, *named("Docks")], fixVersions=named("2.0")))
    desk.push("issues", edit(issue, components=named("Docks", "Power")))
    assert (shown(desk, issue), shown(desk, issue, "fixVersions")) == (["Docks", "Power"], ["2.0"])
    [entry] = desk.jira._client.history(issue)
    nothing = {"from": None, "fromString": None, "to": None, "toString": None}
    component = nothing | {"field": "Component", "fieldtype": "jira", "fieldId": "components"}
    version = nothing | {"field": "Fix Version", "fieldtype": "jira", "fieldId": "fixVersions"}
    assert entry.items == [
        component | {"from": parts["Cables"], "fromString": "Cables"},
        component | {"to": parts["Power"], "toString": "Power"},
        version | {"from": parts["1.0"], "fromString": "1.0"},
        version | {"to": parts["2.0"], "toString": "2.0"},
    ]


def test_what_is_deleted_or_left_behind_in_another_project_goes_off_the_issue(desk, parts):
    desk.sandbox.add_project("OTHER", "Other")
    issue = desk.issue(components=named("Cables", "Docks"), versions=named("1.0", "2.0"))
    desk.sandbox.delete("Ann", "components", parts["Cables"])
    desk.sandbox.delete("Ann", "versions", parts["1.0"])
    assert (shown(desk, issue), shown(desk, issue, "versions")) == (["Docks"], ["2.0"])
    desk.sandbox.move("Bo", issue, "OTHER")
    assert (shown(desk, issue), shown(desk, issue, "versions")) == ([], [])


def test_additions_and_removals_are_taken_too(desk, parts):
    issue = desk.issue(components=named("Cables"))
    body = {"update": {"components": [{"add": {"name": "Docks"}}, {"remove": {"name": "Cables"}}]}}
    desk.jira._client.edit_issue(issue, body, lambda: None, quiet=True)
    assert shown(desk, issue) == ["Docks"]
    body = {"update": {"components": [{"set": named("Cables", "Power")}, {"remove": {"id": parts["Power"]}}]}}
    desk.jira._client.edit_issue(issue, body, lambda: None, quiet=True)
    assert shown(desk, issue) == ["Cables"]


# -- description


def test_names_of_all_followed_projects_are_described(desk, parts):
    other = desk.sandbox.add_project("OTHER", "Other")
    desk.sandbox.create("Ann", "components", {"name": "Elsewhere", "projectId": other.id})
    desk.sandbox.edit("Ann", "versions", parts["1.0"], {"archived": True})
    fields = {field.name: field for field in desk.connect().describe().stream("issues").fields}
    assert fields["components"].kind == "array of component"
    assert set(fields["components"].values) == {"Cables", "Docks", "Power", "Elsewhere"}
    assert (fields["versions"].kind, fields["fixVersions"].kind) == ("array of version", "array of version")
    assert fields["versions"].values == fields["fixVersions"].values == ["2.0"]
    only = {field.name: field for field in desk.connect(projects=["OTHER"]).describe().stream("epics").fields}
    assert (only["components"].values, only["fixVersions"].values) == (["Elsewhere"], [])


# -- history


def test_a_change_tells_the_whole_of_both_sides_and_one_edit_is_one_change(desk, parts):
    issue = desk.issue(components=named("Cables"), fixVersions=named("1.0"))
    desk.sandbox.edit("Bo", "issues", issue, {"components": named("Docks", "Power"), "summary": "B"})
    desk.push("issues", edit(issue, components=named("Docks"), fixVersions=[]))
    desk.sandbox.edit("Bo", "issues", issue, {"versions": named("1.0", "2.0")})
    changes = [(c.field, c.old, c.new, c.ours) for c in desk.jira.history("issues", [issue], SINCE)]
    part = {name: {"id": id, "name": name} for name, id in parts.items()}
    assert changes == [
        ("components", [part["Cables"]], [part["Docks"], part["Power"]], False),
        ("summary", "Order the cables", "B", False),
        ("components", [part["Docks"], part["Power"]], [part["Docks"]], True),
        ("fixVersions", [part["1.0"]], [], True),
        ("versions", [], [part["1.0"], part["2.0"]], False),
    ]


def test_only_what_was_changed_since_is_walked_back(desk, parts):
    issue = desk.issue(components=named("Cables"))
    desk.sandbox.edit("Bo", "issues", issue, {"components": named("Cables", "Docks")})
    desk.clock.advance(60)
    desk.sandbox.edit("Bo", "issues", issue, {"components": named("Power", "Docks")})
    since = "2026-11-02T01:00:30.000Z"
    assert told(desk, issue, since=since) == [("components", ["Cables", "Docks"], ["Docks", "Power"], False)]


def test_a_renamed_component_is_one_and_the_same_and_a_deleted_one_keeps_its_last_name(desk, parts):
    issue = desk.issue(components=named("Cables", "Power"))
    desk.sandbox.edit("Bo", "issues", issue, {"components": named("Cables", "Power", "Docks")})
    desk.sandbox.edit("Ann", "components", parts["Cables"], {"name": "Wires"})
    desk.sandbox.edit("Bo", "issues", issue, {"components": named("Wires", "Docks")})
    desk.sandbox.delete("Ann", "components", parts["Docks"])
    assert told(desk, issue) == [
        ("components", ["Power", "Wires"], ["Docks", "Power", "Wires"], False),
        ("components", ["Docks", "Power", "Wires"], ["Docks", "Wires"], False),
        ("components", ["Docks", "Wires"], ["Wires"], False),
    ]


def test_a_project_with_a_version_of_the_same_name_takes_the_issue(desk, parts):
    other = desk.sandbox.add_project("OTHER", "Other")
    there = desk.sandbox.create("Ann", "versions", {"name": "1.0", "projectId": other.id})
    issue = desk.issue(fixVersions=named("1.0"))
    desk.sandbox.move("Bo", issue, "OTHER")
    desk.sandbox.edit("Bo", "issues", issue, {"fixVersions": named("1.0")})
    changes = [c for c in desk.jira.history("issues", [issue], SINCE) if c.field == "fixVersions"]
    here = {"id": parts["1.0"], "name": "1.0"}
    assert [(c.old, c.new) for c in changes] == [([here], []), ([], [{"id": there, "name": "1.0"}])]


def test_issues_are_looked_at_together_and_only_where_such_a_field_was_changed(desk, parts):
    ids = [desk.issue() for _ in range(120)]
    desk.sandbox.traffic.clear()
    for id in ids:
        desk.sandbox.edit("Bo", "issues", id, {"summary": "B"})
    assert len(list(desk.jira.history("issues", ids, SINCE))) == 120
    assert [len(desk.sandbox.sent("POST", path)) for path in ("/changelog/bulkfetch", "/issue/bulkfetch")] == [1, 0]
    for id in ids[:101]:
        desk.sandbox.edit("Bo", "issues", id, {"components": named("Cables")})
    desk.sandbox.traffic.clear()
    changes = list(desk.jira.history("issues", ids, SINCE))
    assert sum(change.field == "components" for change in changes) == 101
    assert [len(desk.sandbox.sent("POST", path)) for path in ("/changelog/bulkfetch", "/issue/bulkfetch")] == [2, 2]
    updated = desk.jira.describe().stream("issues").abilities.costs.updated["components"]
    assert sum(price.of(101) for price in updated.push) == 3, "the first reading of the histories is every update's"


def test_an_edit_while_the_history_is_read_is_in_it_or_after_it(desk, parts):
    issue = desk.issue(components=named("Cables"))
    desk.sandbox.edit("Bo", "issues", issue, {"components": named("Cables", "Docks")})
    fetch = desk.jira._client.bulk_fetch

    def meanwhile(ids, fields):
        desk.sandbox.edit("Bo", "issues", issue, {"components": named("Cables", "Docks", "Power")})
        answer = fetch(ids, fields)
        desk.sandbox.edit("Bo", "issues", issue, {"components": named("Power")})
        return answer

    desk.jira._client.bulk_fetch = meanwhile
    assert told(desk, issue) == [
        ("components", ["Cables"], ["Cables", "Docks"], False),
        ("components", ["Cables", "Docks"], ["Cables", "Docks", "Power"], False),
        ("components", ["Cables", "Docks", "Power"], ["Power"], False),
    ]


def test_of_an_issue_that_is_gone_meanwhile_nothing_is_told(desk, parts):
    issue, other = desk.issue(), desk.issue()
    for id in (issue, other):
        desk.sandbox.edit("Bo", "issues", id, {"components": named("Cables")})
    fetch = desk.jira._client.bulk_fetch

    def meanwhile(ids, fields):
        desk.sandbox.delete("Bo", "issues", issue)
        return fetch(ids, fields)

    desk.jira._client.bulk_fetch = meanwhile
    assert [change.id for change in desk.jira.history("issues", [issue, other], SINCE)] == [other]


A, B, B2 = {"id": "1", "name": "A"}, {"id": "2", "name": "B"}, {"id": "2", "name": "B2"}


def came(id, name):
    return {"field": "Component", "from": None, "fromString": None, "to": id, "toString": name}


def went(id, name):
    return {"field": "Component", "from": id, "fromString": name, "to": None, "toString": None}


@pytest.mark.parametrize(
    ("entries", "present", "expected"),
    [
        pytest.param([[came("2", "B")]], [A, B], [([A], [A, B])], id="one came"),
        pytest.param([[went("2", "B")]], [A], [([A, B], [A])], id="one went"),
        pytest.param([[went("1", "A"), came("2", "B")]], [B], [([A], [B])], id="one for another, in two items"),
        pytest.param(
            [[{"from": "1", "fromString": "A", "to": "2", "toString": "B"}]], [B], [([A], [B])], id="in one item"
        ),
        pytest.param([[came("9", "A")]], [A, B], [([A, B], [A, B, {"id": "9", "name": "A"}])], id="deleted unseen"),
        pytest.param([[came(None, "B")]], [A, B], [([A], [A, B])], id="no id, by name"),
        pytest.param([[went(None, "C")]], [A], [([A, {"name": "C"}], [A])], id="no id, and gone"),
        pytest.param([[came("2", "old B")]], [B], [([], [B])], id="renamed since"),
        pytest.param([[came("2", "B")], [went("2", "B2")]], [], [([], [B2]), ([B2], [])], id="came and went"),
        pytest.param([[came("2", "B")]], [A], [([A], [A, B])], id="newer than what was shown"),
        pytest.param([[came("2", "B"), went("2", "B")]], [A], [([A], [A])], id="there and back"),
        pytest.param([[came("2", None)]], [B, "odd"], [([], [B])], id="no name"),
    ],
)
def test_whole_values_come_from_what_is_shown_and_the_entries(entries, present, expected):
    found = wholes([[step for item in entry for step in steps(item)] for entry in entries], present)
    assert found == expected


def test_an_item_that_tells_nothing_has_no_step():
    assert steps({"field": "Component"}) == []
    assert steps(came("1", "A")) == [Step(A, True)]


def test_a_recorded_entry_is_read():
    file = SHARED / "recorded/jira/devlake/raw_jira_api_issues_for_due_date.json"
    if not file.exists():
        pytest.skip("KEEPSTEP_SHARED has no recorded payloads")
    [entry] = [
        [item for item in entry["items"] if item.get("fieldId") == "fixVersions"]
        for row in json.loads(file.read_text())
        for entry in ((row.get("data") or {}).get("changelog") or {}).get("histories") or ()
        if any(item.get("fieldId") == "fixVersions" for item in entry["items"])
    ]
    found = [step for item in entry for step in steps(item)]
    assert [(step.part["name"], step.came) for step in found] == [("v2.7.0", False), ("SaaS", True)]
    [(old, new)] = wholes([found], [{"id": "10026", "name": "SaaS"}])
    assert (old, new) == ([{"id": "10008", "name": "v2.7.0"}], [{"id": "10026", "name": "SaaS"}])
