"""The stand-in shows the keys that real answers were seen to have."""

from __future__ import annotations

import json

import pytest

from tests.connectors.jira.test_recorded import SHARED


def recorded(name):
    file = SHARED / "recorded" / "jira" / "nango" / name
    if not file.exists():
        pytest.skip("KEEPSTEP_SHARED has no recorded payloads")
    return json.loads(file.read_text())["exchanges"][0]["response"]


def test_an_issue_has_the_keys_of_a_real_one(desk):
    real = recorded("get-issue.json")
    issue = desk.issue()
    mine = desk.sandbox.records("issues")[issue]
    assert set(mine) == set(real)
    own = {name for name in mine["fields"] if not name.startswith("customfield_")}
    theirs = {name for name in real["fields"] if not name.startswith("customfield_")}
    assert own == theirs
    for name in ("status", "issuetype", "project", "priority", "creator", "comment"):
        assert set(real["fields"][name]) - {"emailAddress"} <= set(mine["fields"][name]) | {"self"}, name
        assert set(mine["fields"][name]) <= set(real["fields"][name]) | {"self"}, name


def test_users_projects_and_comments_have_the_keys_of_real_ones(desk):
    shapes = desk.sandbox.shapes
    assert set(recorded("get-myself.json")) >= set(shapes.user(desk.sandbox.hub.id))
    project = next(iter(desk.sandbox.world.projects.values()))
    assert set(recorded("projects.json")["values"][0]) >= set(shapes.project(project))
    issue = desk.issue()
    desk.sandbox.create("Bo", "comments", {"issue": {"id": issue}, "body": "Hi"})
    [comment] = desk.sandbox.records("issues")[issue]["fields"]["comment"]["comments"]
    assert set(comment) == set(recorded("add-comment.json"))
