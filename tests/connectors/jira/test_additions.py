"""What the hub leaves behind, and taking it off again."""

from __future__ import annotations

from connectors.base import Write
from connectors.errors import GateClosed
from connectors.preparing import Prepares
from tests.connectors.jira.conftest import open_gate
from tests.connectors.jira.test_push import DOC, new


def test_everything_is_listed_and_nothing_needs_to_be_made(desk):
    assert isinstance(desk.jira, Prepares)
    additions = desk.jira.additions()
    assert len({each.id for each in additions}) == len(additions) == 8
    assert all(each.present and each.grant for each in additions)
    assert {each.stream for each in additions} == {"epics", "issues", "comments", "remote_links", "versions"}
    for each in additions:
        desk.jira.add(each.id, open_gate)
        desk.jira.remove(each.id, open_gate)
    assert desk.sandbox.traffic == []


def test_unmarking_takes_label_and_property_and_leaves_the_rest(desk):
    jira = desk.connect(projects=["ACME"])
    desk.jira = jira
    [made] = desk.push("issues", new("1", "m1", labels=["site"]))
    comment = {"issue": {"id": made.id}, "body": DOC}
    [said] = desk.push("comments", Write(intent="2", kind="create", marker="m2", values=comment))
    version = {"name": "Go live", "description": "All"}
    [goal] = desk.push("versions", Write(intent="3", kind="create", marker="m3", values=version))
    for stream, outcome in (("issues", made), ("comments", said), ("versions", goal)):
        assert desk.one(stream, outcome.id).marker
        [done, gone] = jira.unmark(stream, [outcome.id, "999999-1" if stream == "comments" else "999999"], open_gate)
        assert (done.status, done.intent, gone.status) == ("done", outcome.id, "gone")
        record = desk.one(stream, outcome.id)
        assert (record.marker, record.deleted) == (None, False)
        wrote = desk.sandbox.wrote()
        assert [each.status for each in jira.unmark(stream, [outcome.id], open_gate)] == ["done"]
        assert desk.sandbox.wrote() == wrote
    quiet = [
        dict(request.query)
        for request, _ in desk.sandbox.traffic
        if request.method == "PUT" and "/issue/" in request.path
    ]
    assert quiet == [{"notifyUsers": "false"}]
    issue = desk.sandbox.world.issues[int(made.id)]
    assert (issue.view.raw["labels"], issue.properties) == (["site"], {})
    assert desk.one("versions", goal.id).payload["description"] == "All"


def test_a_link_keeps_its_global_id_and_a_closed_gate_lets_nothing_out(desk):
    issue = desk.issue()
    link = {"issue": {"id": issue}, "object": {"title": "A", "url": "https://a.example"}}
    [made] = desk.push("remote_links", Write(intent="1", kind="create", marker="l1", values=link))
    assert [each.status for each in desk.jira.unmark("remote_links", [made.id], open_gate)] == ["refused"]

    def shut():
        raise GateClosed("lease lost")

    desk.jira = desk.connect(projects=["ACME"])
    [marked] = desk.push("issues", new("2", "m1"))
    before = desk.sandbox.wrote()
    assert [each.status for each in desk.jira.unmark("issues", [marked.id], shut)] == ["not_sent"]
    assert desk.sandbox.wrote() == before
