"""Every recorded Jira payload is read, with the counts that its manifest gives."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from connectors.base import Record
from connectors.jira import worklogs
from connectors.jira.answers import reasons
from connectors.jira.models import Created, Transitions
from connectors.jira.records import Reader, embedded_comments, issue_and_comments, moment

SHARED = Path(os.environ.get("KEEPSTEP_SHARED", Path(__file__).parents[4] / "shared"))
MANIFEST = SHARED / "recorded" / "MANIFEST.json"

READ = {
    "issues",
    "comments",
    "users",
    "fields",
    "transitions",
    "statuses",
    "priorities",
    "issue-types",
    "projects",
    "worklogs",
}
ALSO = {"errors", "answer:worklogs", "answer:issues", "answer:comments", "acknowledgement", "createmeta"}
NOT_HERE = {
    "adf",  # rich text: the mapping's test reads these
    "webhook",  # webhooks have a test of their own
    "signature-vectors",
    "webhook-registrations",
    "sprints",
    "components",
    "versions",
    "watchers",
    "issue-links",
    "project-roles",
    "editmeta",
}
"""Readers that this connector does not have; a new name in the manifest must be put on one of the three lists."""

READER = Reader("https://acme.atlassian.net")


def entries():
    if not MANIFEST.exists():
        return []
    files = json.loads(MANIFEST.read_text())["files"]
    return [each for each in files if each.get("system") == "jira" and each["reader"]]


def answers(entry):
    """The decoded answer bodies of a file, whatever it wraps them in."""
    whole = json.loads((SHARED / "recorded" / entry["file"]).read_text())
    if isinstance(whole, dict) and "exchanges" in whole:
        return [exchange["response"] for exchange in whole["exchanges"]]
    if isinstance(whole, list) and whole and "data" in whole[0] and "input" in whole[0]:
        return [row["data"] for row in whole if row.get("data")]
    return [whole]


def rows(body, *names):
    """The records of an answer: a list under one of the names, a list, or one record."""
    if isinstance(body, list):
        return body
    for name in names:
        if isinstance(body, dict) and isinstance(body.get(name), list):
            return body[name]
    return [body]


def issues_in(entry):
    return [issue for body in answers(entry) for issue in rows(body, "issues")]


ENTRIES = entries()


def of(*readers):
    chosen = [entry for entry in ENTRIES if set(readers) & set(entry["reader"])]
    if not chosen:
        return [pytest.param(None, marks=pytest.mark.skip(reason="KEEPSTEP_SHARED has no recorded payloads"))]
    return [pytest.param(entry, id=entry["file"]) for entry in chosen]


def test_every_reader_in_the_manifest_is_on_a_list():
    if not ENTRIES:
        pytest.skip("KEEPSTEP_SHARED has no recorded payloads")
    named = {name for entry in ENTRIES for name in entry["reader"]}
    assert named <= READ | ALSO | NOT_HERE


@pytest.mark.parametrize("entry", of("issues"))
def test_issues(entry):
    found = issues_in(entry)
    records = [record for issue in found for record in issue_and_comments(READER, issue)]
    own = [r for r in records if r.stream in ("epics", "issues")]
    assert all(isinstance(record, Record) for record in records)
    assert len(own) == entry["expect"]["issues"]
    embedded = entry.get("embedded") or {}
    assert len([r for r in records if r.stream == "comments"]) >= embedded.get("comments", 0)
    for issue, record in zip(found, own, strict=True):
        assert (record.id, record.payload["key"]) == (str(issue["id"]), issue["key"])
        kept = {name: value for name, value in (issue.get("fields") or {}).items() if name != "comment"}
        assert {name: record.payload["fields"][name] for name in kept if name != "labels"} == {
            name: value for name, value in kept.items() if name != "labels"
        }
        assert set(issue) - {"fields", "properties"} <= set(record.payload)
        if kept.get("updated"):
            assert record.version == moment(kept["updated"])
            assert record.version.endswith("Z")
            assert len(record.version) == 24
    if (entry.get("distinct") or {}).get("issues"):
        assert len({r.id for r in own}) == entry["distinct"]["issues"]


@pytest.mark.parametrize("entry", of("comments"))
def test_comments(entry):
    found = [comment for body in answers(entry) for comment in rows(body, "comments")]
    records = [READER.comment(comment, "10002") for comment in found]
    assert len(records) == entry["expect"]["comments"]
    for comment, record in zip(found, records, strict=True):
        assert record.id == f"10002-{comment['id']}"
        assert {name: record.payload[name] for name in comment} == comment
        assert record.version <= "2027"


@pytest.mark.parametrize("entry", of("worklogs", "answer:worklogs"))
def test_worklogs(entry):
    found = [row for body in answers(entry) for row in rows(body, "worklogs")]
    records = [worklogs.record(row, READER) for row in found]
    assert len(records) == sum(entry["expect"].values())
    for row, record in zip(found, records, strict=True):
        assert (record.id, record.payload) == (row["id"], row)
        assert (record.scope, record.version) == (row.get("issueId"), moment(row["updated"]))


@pytest.mark.parametrize("entry", of("users"))
def test_users(entry):
    records = [READER.user(user) for body in answers(entry) for user in rows(body)]
    assert len(records) == entry["expect"]["users"]
    assert all(record.id and record.id != "None" for record in records)


METADATA = {"fields": (), "statuses": (), "priorities": ("values",), "issue-types": (), "projects": ("values",)}


@pytest.mark.parametrize("entry", of(*METADATA))
def test_metadata(entry):
    for name in METADATA.keys() & set(entry["reader"]):
        found = [row for body in answers(entry) for row in rows(body, *METADATA[name])]
        assert len(found) == entry["expect"][name]
        assert all(str(row["id"]) for row in found)


@pytest.mark.parametrize("entry", of("transitions"))
def test_transitions(entry):
    found = msgspec.convert(answers(entry)[0], type=Transitions).transitions
    assert len(found) == entry["expect"]["transitions"]
    assert all(each.id and each.to["id"] for each in found)


@pytest.mark.parametrize("entry", of("errors"))
def test_errors_are_understood(entry):
    words, _ = reasons(json.dumps(answers(entry)[0]).encode())
    assert words


@pytest.mark.parametrize("entry", of("answer:issues"))
def test_what_a_create_answered(entry):
    [made] = answers(entry)
    assert msgspec.convert({"issues": [made]}, type=Created).issues[0]["id"] == made["id"]


@pytest.mark.parametrize("entry", of("answer:comments"))
def test_what_a_comment_answered(entry):
    [made] = answers(entry)
    record = READER.comment(made, "10002")
    assert (record.id, record.version) == (f"10002-{made['id']}", moment(made["updated"]))


@pytest.mark.parametrize("entry", of("acknowledgement"))
def test_an_acknowledgement_is_empty(entry):
    assert answers(entry) == [""] * entry["expect"]["acknowledgement"]


@pytest.mark.parametrize("entry", of("createmeta"))
def test_createmeta(entry):
    found = answers(entry)
    assert len(found) == entry["expect"]["createmeta"]
    for project in found[0]["projects"]:
        for kind in project["issuetypes"]:
            assert all("required" in meta and "schema" in meta for meta in kind["fields"].values())


def test_embedded_comments_know_whether_they_are_all():
    page = {"comments": [{"id": "1"}], "total": 2}
    assert embedded_comments({"fields": {"comment": page}}) == ([{"id": "1"}], False)
    assert embedded_comments({"fields": {"comment": [{"id": "1"}]}}) == ([{"id": "1"}], True)
    assert embedded_comments({"fields": {}}) == ([], True)
