"""Writes against the stand-in: creates that happen once, edits of what changes, status along the workflow."""

from __future__ import annotations

import pytest

from connectors.base import Write
from connectors.errors import GateClosed, WriteForbidden
from connectors.jira.crawl import SEARCH_LAG
from connectors.sandbox.exchange import Refusal
from connectors.sandbox.faults import Fault

DOC = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Hi"}]}]}


def new(intent="i1", marker="m1", **values):
    return Write(intent=intent, kind="create", marker=marker, values={"summary": "A", "project": "ACME", **values})


def edit(id, intent="i1", **values):
    return Write(intent=intent, kind="update", id=id, values=values)


def fields_of(desk, id, stream="issues"):
    return desk.sandbox.records(stream)[id]["fields"]


# -- creates


def test_a_create_carries_its_marker_as_label_and_property(desk):
    [done] = desk.push("issues", new(labels=["cables"]))
    [body] = desk.sandbox.sent("POST", "/issue/bulk")
    assert body["issueUpdates"] == [
        {
            "fields": {
                "summary": "A",
                "project": {"key": "ACME"},
                "issuetype": {"id": "10003"},
                "labels": ["cables", "keepstep-m1"],
            },
            "properties": [{"key": "keepstep", "value": {"marker": "m1"}}],
        }
    ]
    record = desk.one("issues", done.id)
    assert (done.status, record.marker, record.ours) == ("done", "m1", True)
    assert record.payload["fields"]["labels"] == ["cables"]
    assert "properties" not in record.payload


def test_the_marker_is_known_by_the_property_when_somebody_removed_the_label(desk):
    [done] = desk.push("issues", new())
    issue = desk.sandbox.world.issues[int(done.id)]
    desk.sandbox.change(desk.sandbox.person("Ann"), issue, {"labels": []})
    assert desk.one("issues", done.id).marker == "m1"


def test_an_epic_and_a_subtask_get_the_types_of_their_levels(desk):
    [epic] = desk.push("epics", new())
    [task] = desk.push("issues", new("i2", "m2", parent={"id": epic.id}))
    [sub] = desk.push("issues", new("i3", "m3", parent={"id": task.id}))
    levels = [desk.one(stream, o.id) for stream, o in (("epics", epic), ("issues", task), ("issues", sub))]
    assert [r.payload["fields"]["issuetype"]["hierarchyLevel"] for r in levels] == [1, 0, -1]


def test_fifty_creates_share_a_request(desk):
    outcomes = desk.push("issues", *[new(f"i{n}", f"m{n}", summary=f"Cable {n}") for n in range(120)])
    assert [o.status for o in outcomes] == ["done"] * 120
    assert [len(body["issueUpdates"]) for body in desk.sandbox.sent("POST", "/issue/bulk")] == [50, 50, 20]
    assert fields_of(desk, outcomes[77].id)["summary"] == "Cable 77"


def test_of_a_bulk_create_only_the_wrong_elements_fail(desk):
    writes = [
        new("i0", "m0"),
        new("i1", "m1", summary=""),
        new("i2", "m2", summary="C"),
        new("i3", "m3", labels=["two words"]),
    ]
    outcomes = desk.push("issues", *writes)
    assert [(o.intent, o.status, o.field) for o in outcomes] == [
        ("i0", "done", None),
        ("i1", "refused", "summary"),
        ("i2", "done", None),
        ("i3", "refused", "labels"),
    ]
    assert fields_of(desk, outcomes[2].id)["summary"] == "C"
    assert len(desk.sandbox.world.issues) == 2


def test_a_bulk_create_of_which_nothing_was_made_names_each_reason(desk):
    outcomes = desk.push("issues", new("i0", "m0", summary=""), new("i1", "m1", duedate="soon"))
    assert [(o.status, o.field, o.code) for o in outcomes] == [
        ("refused", "summary", "400"),
        ("refused", "duedate", "400"),
    ]


def test_a_create_without_a_project_is_refused_unless_only_one_is_configured(desk):
    write = Write(intent="i", kind="create", marker="m", values={"summary": "A"})
    [refused] = desk.push("issues", write)
    assert (refused.status, refused.field) == ("refused", "project")
    assert desk.sandbox.wrote() == []
    [done] = desk.connect(projects=["ACME"]).push("issues", [write], lambda: None)
    assert done.status == "done"


@pytest.mark.parametrize("kind", ["lost_after", "broken_after", "cut_off", "late"])
def test_a_create_whose_answer_is_lost_is_unknown_and_found_by_its_marker_after_a_restart(desk, kind):
    desk.sandbox.faults.switch_on(Fault(kind, match="issue/bulk", times=1))
    [outcome] = desk.push("issues", new(marker="m7"))
    assert (outcome.status, outcome.id) == ("unknown", None)
    assert desk.sandbox.requests.count("POST /rest/api/3/issue/bulk") == 1
    desk.clock.advance(11)
    desk.sandbox.settle()  # a late effect comes now
    desk.clock.advance(2 * SEARCH_LAG)
    [found] = desk.connect().find("issues", "m7")
    assert (found.marker, found.payload["fields"]["summary"]) == ("m7", "A")
    assert desk.connect().find("epics", "m7") == []


def test_a_marker_nobody_carries_finds_nothing(desk):
    desk.push("issues", new())
    desk.clock.advance(SEARCH_LAG)
    assert desk.jira.find("issues", "m2") == []


def test_two_with_one_marker_are_found_oldest_first(desk):
    [first] = desk.push("issues", new())
    desk.clock.advance(1)
    [second] = desk.push("issues", new())
    assert [r.id for r in desk.jira.find("issues", "m1")] == [first.id, second.id]


@pytest.mark.parametrize("kind", ["lost_before", "rate_limited"])
def test_what_is_surely_not_sent_is_told_apart(desk, kind):
    desk.sandbox.faults.switch_on(Fault(kind, match="issue/bulk", times=1))
    [outcome] = desk.push("issues", new())
    assert outcome.status == ("not_sent" if kind == "rate_limited" else "unknown")
    assert outcome.retry_after == (5.0 if kind == "rate_limited" else None)
    assert desk.sandbox.world.issues == {}


def test_a_created_issue_walks_to_its_status(desk):
    [done] = desk.push("issues", new(status={"statusCategory": {"key": "done"}}))
    assert fields_of(desk, done.id)["status"]["name"] == "Done"


# -- edits


def test_an_edit_sends_only_what_changes_and_no_mail(desk):
    issue = desk.issue(assignee="Bo")
    [done] = desk.push("issues", edit(issue, summary="B", description=DOC))
    [(request, _)] = [pair for pair in desk.sandbox.traffic if pair[0].method == "PUT"]
    assert request.json() == {"fields": {"summary": "B", "description": DOC}}
    assert request.query == [("notifyUsers", "false")]
    assert (done.status, desk.sandbox.truth.writes()[-1].notified) == ("done", 0)


def test_without_the_right_to_be_quiet_the_edit_is_made_and_the_refusal_remembered(desk):
    desk.sandbox.hub_administers = False
    issue = desk.issue(assignee="Bo")
    desk.push("issues", edit(issue, summary="B"))
    [done] = desk.push("issues", edit(issue, summary="C"))
    queries = [r.query for r, _ in desk.sandbox.traffic if r.method == "PUT"]
    assert queries == [[("notifyUsers", "false")], [], []]
    assert (done.status, fields_of(desk, issue)["summary"]) == ("done", "C")
    assert desk.sandbox.truth.writes()[-1].notified == 2


def test_fields_are_cleared_with_null(desk):
    issue = desk.issue(duedate="2026-12-01", assignee="Bo", description="x")
    desk.push("issues", edit(issue, duedate=None, assignee=None, description=None))
    fields = fields_of(desk, issue)
    assert (fields["duedate"], fields["assignee"], fields["description"]) == (None, None, None)


@pytest.mark.parametrize("labels", [["b", "c"], {"add": ["c"], "remove": ["a"]}], ids=["all", "delta"])
def test_labels_go_as_additions_and_removals_and_keep_the_marker(desk, labels):
    [done] = desk.push("issues", new(labels=["a", "b"]))
    desk.push("issues", edit(done.id, labels=labels))
    [body] = desk.sandbox.sent("PUT", f"/issue/{done.id}")
    assert body == {"update": {"labels": [{"add": "c"}, {"remove": "a"}]}}
    assert sorted(fields_of(desk, done.id)["labels"]) == ["b", "c", "keepstep-m1"]


def test_labels_that_are_right_already_are_not_written(desk):
    issue = desk.issue(labels=["a"])
    [done] = desk.push("issues", edit(issue, labels=["a"]))
    assert (done.status, desk.sandbox.wrote()) == ("done", [])


def test_a_refused_edit_names_the_field(desk):
    issue = desk.issue()
    [refused] = desk.push("issues", edit(issue, duedate="soon"))
    assert (refused.status, refused.field, refused.code) == ("refused", "duedate", "400")


def test_custom_fields_are_written_by_their_ids(desk):
    desk.sandbox.add_field("customfield_10100", "Customer", "option", ["Acme", "Globex"])
    issue = desk.issue()
    values = {"customfield_10100": {"value": "Globex"}, "customfield_10016": 5, "customfield_10015": "2026-11-20"}
    desk.push("issues", edit(issue, **values))
    fields = fields_of(desk, issue)
    assert (fields["customfield_10100"]["value"], fields["customfield_10016"], fields["customfield_10015"]) == (
        "Globex",
        5,
        "2026-11-20",
    )


def test_edits_and_deletes_of_what_is_gone(desk):
    writes = [edit("99999", summary="B"), edit("99999", "i2", labels=[]), Write(intent="i3", kind="delete", id="99999")]
    assert [o.status for o in desk.push("issues", *writes)] == ["gone", "gone", "gone"]


def test_a_delete_spares_an_issue_with_subtasks(desk):
    issue = desk.issue()
    desk.issue(parent={"id": issue})
    [refused] = desk.push("issues", Write(intent="i", kind="delete", id=issue))
    assert refused.status == "refused"
    assert "subtasks" in refused.reason


def test_trouble_before_the_first_write_leaves_all_of_them_unsent(desk):
    issue = desk.issue()
    desk.sandbox.faults.switch_on(Fault("unavailable", match="bulkfetch"))
    outcomes = desk.push("issues", edit(issue, labels=["a"]), new("b", "mb"))
    assert [(o.intent, o.status) for o in outcomes] == [("i1", "not_sent"), ("b", "not_sent")]
    assert desk.sandbox.wrote() == []


def test_outcomes_come_in_the_order_of_the_writes(desk):
    issue = desk.issue()
    writes = [new("a", "ma"), edit(issue, "b", summary="B"), new("c", "mc"), new("d", "md", summary="")]
    assert [(o.intent, o.status) for o in desk.push("issues", *writes)] == [
        ("a", "done"),
        ("b", "done"),
        ("c", "done"),
        ("d", "refused"),
    ]


def test_the_gate_is_asked_before_every_writing_request_and_stops_it(desk):
    issue = desk.issue()
    asked = []

    def gate():
        asked.append(len(desk.sandbox.wrote()))
        if len(asked) > 2:
            raise GateClosed("the lease is gone")

    writes = [
        edit(issue, "a", summary="B"),
        edit(issue, "b", summary="C"),
        edit(issue, "c", summary="D"),
        new("d", "m"),
    ]
    outcomes = desk.push("issues", *writes, gate=gate)
    assert [o.status for o in outcomes] == ["done", "done", "not_sent", "not_sent"]
    assert asked == [0, 1, 2, 2]
    assert fields_of(desk, issue)["summary"] == "C"


def test_a_connection_for_reading_refuses_to_write(desk):
    issue = desk.issue()
    jira = desk.connect(access="read")
    with pytest.raises(WriteForbidden):
        list(jira.push("issues", [edit(issue, summary="B")], lambda: None))
    assert desk.sandbox.wrote() == []


def test_a_throttled_issue_is_spaced_out_while_others_go_on(desk):
    desk.sandbox.per_issue = [(1, 30.0)]
    one, other = desk.issue(), desk.issue()
    first = desk.push("issues", edit(one, "a", summary="B"), edit(one, "b", summary="C"), edit(other, "c", summary="D"))
    assert [o.status for o in first] == ["done", "not_sent", "done"]
    assert first[1].retry_after == 30.0
    sent = len(desk.sandbox.wrote())
    [held] = desk.push("issues", edit(one, "d", summary="C"))
    assert (held.status, held.retry_after, len(desk.sandbox.wrote())) == ("not_sent", 30.0, sent)
    desk.clock.advance(31)
    [done] = desk.push("issues", edit(one, "e", summary="C"))
    assert done.status == "done"


# -- status


def moves(desk, id):
    return [body["transition"]["id"] for body in desk.sandbox.sent("POST", f"/issue/{id}/transitions")]


@pytest.mark.parametrize(
    "target",
    [{"id": "10003"}, {"name": "Done"}, {"statusCategory": {"key": "done"}}],
    ids=["id", "name", "category"],
)
def test_a_status_three_transitions_away_is_reached_step_by_step(desk, target):
    issue = desk.issue()
    [done] = desk.push("issues", edit(issue, status=target))
    assert (done.status, moves(desk, issue)) == ("done", ["11", "31", "51"])
    assert fields_of(desk, issue)["status"]["name"] == "Done"


def test_a_status_that_is_right_already_is_no_transition(desk):
    issue = desk.issue(status={"name": "In Review"})
    before = len(desk.sandbox.truth.entries)
    [done] = desk.push("issues", edit(issue, status={"statusCategory": {"key": "indeterminate"}}))
    assert (done.status, moves(desk, issue)) == ("done", [])
    assert len(desk.sandbox.truth.entries) == before


def test_what_was_learned_of_the_workflow_avoids_detours(desk):
    issue, other = desk.issue(), desk.issue(status={"name": "In Review"})
    desk.push("issues", edit(issue, status={"name": "Done"}))
    [done] = desk.push("issues", edit(other, status={"name": "To Do"}))
    assert (done.status, moves(desk, other)) == ("done", ["41", "21"])


def test_a_screen_on_the_way_gets_the_fields_it_asks_for(desk):
    desk.sandbox.require_on_transition("Done", "resolution")
    issue = desk.issue(status={"name": "In Review"})
    [refused] = desk.push("issues", edit(issue, status={"name": "Done"}))
    assert (refused.status, refused.field, moves(desk, issue)) == ("refused", "resolution", [])
    [done] = desk.push("issues", edit(issue, status={"name": "Done"}, resolution={"name": "Done"}))
    [body] = desk.sandbox.sent("POST", f"/issue/{issue}/transitions")
    assert (done.status, body["fields"]) == ("done", {"resolution": {"name": "Done"}})


def test_no_legal_path_is_refused_before_anything_is_written(desk):
    issue = desk.issue()
    desk.sandbox.world.ways.clear()
    [refused] = desk.push("issues", edit(issue, status={"name": "Done"}, summary="B"))
    assert (refused.status, refused.field, refused.code) == ("refused", "status", "no_transition_path")
    assert desk.sandbox.wrote() == []


def test_a_finished_issue_is_reopened_before_it_is_edited_and_finished_after(desk):
    issue = desk.issue(status={"name": "Done"})
    desk.push("issues", edit(issue, status={"name": "To Do"}, summary="B"))
    assert [line.split()[0] for line in desk.sandbox.wrote()] == ["POST", "PUT"]
    desk.push("issues", edit(issue, "i2", status={"name": "Done"}, summary="C"))
    assert [line.split()[0] for line in desk.sandbox.wrote()][2:] == ["PUT", "POST", "POST", "POST"]


def test_a_transition_whose_answer_is_lost_after_an_edit_is_unknown(desk):
    issue = desk.issue()
    desk.sandbox.faults.switch_on(Fault("lost_after", match=f"POST .*/{issue}/transitions", times=1))
    [outcome] = desk.push("issues", edit(issue, status={"name": "In Progress"}, summary="B"))
    assert outcome.status == "unknown"


def test_statuses_of_a_localised_site_are_reached_by_category(desk):
    desk.sandbox.localise("zh")
    issue = desk.issue("李雷")
    desk.push("issues", edit(issue, status={"statusCategory": {"key": "done"}}))
    assert fields_of(desk, issue)["status"]["name"] == "完成"


# -- comments and links


def test_a_comment_carries_its_marker_and_comes_back_whole(desk):
    issue = desk.issue()
    write = Write(
        intent="i", kind="create", marker="c1", values={"issue": {"id": issue, "stream": "issues"}, "body": DOC}
    )
    [done] = desk.push("comments", write)
    [body] = desk.sandbox.sent("POST", f"/issue/{issue}/comment")
    assert body == {"body": DOC, "properties": [{"key": "keepstep", "value": {"marker": "c1"}}]}
    assert (done.record.id, done.record.marker, done.record.ours) == (done.id, "c1", True)
    assert desk.one("comments", done.id).payload == done.record.payload
    desk.settled()
    assert [r.id for r in desk.connect().find("comments", "c1")] == [done.id]


def test_a_comment_whose_answer_is_lost_is_found_by_its_marker(desk):
    issue = desk.issue()
    desk.sandbox.faults.switch_on(Fault("lost_after", match="POST .*/comment$", times=1))
    write = Write(intent="i", kind="create", marker="c1", values={"issue": {"id": issue}, "body": DOC})
    [outcome] = desk.push("comments", write)
    assert outcome.status == "unknown"
    desk.clock.advance(2 * SEARCH_LAG)
    [found] = desk.connect().find("comments", "c1")
    assert found.marker == "c1"


def test_comments_are_edited_without_losing_their_restriction_and_deleted(desk):
    issue = desk.issue()
    team = {"type": "role", "value": "Developers", "identifier": "Developers"}
    comment = desk.sandbox.create("Bo", "comments", {"issue": {"id": issue}, "body": "Hello"})
    own = int(comment.split("-")[1])
    desk.sandbox.world.issues[int(issue)].comments[own].visibility = team
    [done] = desk.push("comments", Write(intent="i", kind="update", id=comment, values={"body": DOC}))
    assert desk.sandbox.sent("PUT", f"/issue/{issue}/comment/{own}") == [{"body": DOC, "visibility": team}]
    assert (done.status, done.record.payload["body"], done.version) == ("done", DOC, done.record.version)
    writes = [Write(intent="j", kind="delete", id=comment), Write(intent="k", kind="delete", id=comment)]
    assert [o.status for o in desk.push("comments", *writes)] == ["done", "gone"]


def test_our_comments_on_an_issue_are_listed_strongly(desk):
    issue = desk.issue()
    desk.sandbox.create("Bo", "comments", {"issue": {"id": issue}, "body": "Hello"})
    [done] = desk.push("comments", Write(intent="i", kind="create", values={"issue": {"id": issue}, "body": DOC}))
    assert [r.id for r in desk.jira.made_since("comments", issue, "2026-11-02T00:00:00.000Z")] == [done.id]
    assert list(desk.jira.made_since("comments", issue, "2027-01-01T00:00:00.000Z")) == []


def link(issue, marker="l1", title="Plan"):
    values = {"issue": {"id": issue}, "object": {"title": title, "url": "https://x.example/p"}, "relationship": "plans"}
    return Write(intent="i", kind="create", marker=marker, values=values)


def test_a_link_created_twice_is_one(desk):
    issue = desk.issue()
    [first] = desk.push("remote_links", link(issue))
    [again] = desk.connect().push("remote_links", [link(issue, title="Plan 2")], lambda: None)
    assert first.id == again.id
    record = desk.one("remote_links", first.id)
    assert (record.marker, record.payload["object"]["title"]) == ("l1", "Plan 2")
    assert "globalId" not in record.payload
    desk.settled()
    assert [r.id for r in desk.connect().find("remote_links", "l1")] == [first.id]


def test_an_edited_link_keeps_what_it_had(desk):
    issue = desk.issue()
    [done] = desk.push("remote_links", link(issue))
    [edited] = desk.push(
        "remote_links", Write(intent="j", kind="update", id=done.id, values={"object": {"title": "B"}})
    )
    record = desk.one("remote_links", done.id)
    assert edited.status == "done"
    assert (record.payload["object"]["title"], record.payload["object"]["url"]) == ("B", "https://x.example/p")
    assert (record.marker, record.payload["relationship"]) == ("l1", "plans")
    [gone] = desk.push("remote_links", Write(intent="k", kind="delete", id=done.id))
    assert (gone.status, desk.one("remote_links", done.id).deleted) == ("done", True)


# -- history


def changes(desk, issue):
    return [(c.field, c.old, c.new, c.ours) for c in desk.jira.history("issues", [issue], "2026-11-02T00:00:00.000Z")]


def test_history_tells_old_and_new_in_the_form_of_a_payload(desk):
    epic = desk.sandbox.create("Ann", "epics", {"summary": "New factory"})
    issue = desk.issue(labels=["a"])
    bo = desk.sandbox.person("Bo").id
    desk.sandbox.edit("Ann", "issues", issue, {"summary": "B", "assignee": "Bo", "duedate": "2026-12-01"})
    desk.push("issues", edit(issue, labels=["b"], priority={"id": "1"}, parent={"id": epic}))
    desk.sandbox.edit("Ann", "issues", issue, {"description": "Two\n\nparts", "customfield_10016": 3})
    key = desk.sandbox.world.issues[int(epic)].key
    assert changes(desk, issue) == [
        ("summary", "Order the cables", "B", False),
        ("assignee", None, {"accountId": bo, "displayName": "Bo"}, False),
        ("duedate", None, "2026-12-01", False),
        ("priority", {"id": "3", "name": "Medium"}, {"id": "1", "name": "Highest"}, True),
        ("parent", None, {"id": epic, "key": key}, True),
        ("labels", ["a"], ["b"], True),
        ("description", None, "Two\n\nparts", False),
        ("customfield_10016", None, 3, False),
    ]


def test_history_begins_at_the_time_asked_for_and_names_author_and_time(desk):
    issue = desk.issue()
    desk.sandbox.edit("Ann", "issues", issue, {"summary": "B"})
    desk.clock.advance(60)
    desk.sandbox.edit("Bo", "issues", issue, {"summary": "C"})
    [change] = desk.jira.history("issues", [issue], "2026-11-02T01:00:30.000Z")
    assert (change.id, change.at, change.by) == (issue, "2026-11-02T01:01:00.000Z", desk.sandbox.person("Bo").id)


def test_history_of_many_issues_comes_in_one_request_and_pages(desk):
    ids = [desk.issue() for _ in range(60)]
    for id in ids:
        for n in range(20):
            desk.sandbox.edit("Ann", "issues", id, {"summary": f"{n}"})
    found = list(desk.jira.history("issues", [*ids, "99999"], "2026-11-02T00:00:00.000Z"))
    assert len(found) == 1200
    assert [c.new for c in found if c.id == ids[7]] == [str(n) for n in range(20)]
    assert len(desk.sandbox.sent("POST", "/changelog/bulkfetch")) == 2


def test_history_of_a_batch_that_jira_refuses_is_asked_one_by_one(desk):
    issue = desk.issue()
    desk.sandbox.edit("Ann", "issues", issue, {"summary": "B"})
    many = [str(number) for number in range(20000, 20000 + 3)]
    world = desk.sandbox.world
    original = world.issue

    def refusing(key):
        if desk.sandbox.requests[-1].endswith("/changelog/bulkfetch"):
            raise Refusal(404, {"errorMessages": ["gone"], "errors": {}})
        return original(key)

    world.issue = refusing
    assert [c.new for c in desk.jira.history("issues", [issue, *many], "2026-11-02T00:00:00.000Z")] == ["B"]
