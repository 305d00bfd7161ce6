"""A connection looks itself over, without a write."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.base import utc
from connectors.examining import Examines


@pytest.fixture
def healthy(desk):
    desk.sandbox.lacks |= {"ADMINISTER", "SYSTEM_ADMIN"}
    return desk


def found(desk, **settings):
    return [(each.code, dict(each.params)) for each in desk.connect(**settings).examine() if each.code != "window"]


def test_a_healthy_site_has_no_symptom_but_what_jira_leaves_open(healthy):
    assert isinstance(healthy.jira, Examines)
    symptoms = healthy.jira.examine()
    assert {(each.code, each.params["stream"], each.severity) for each in symptoms} == {
        ("window", stream, "info") for stream in ("comments", "remote_links", "versions")
    }
    assert healthy.sandbox.wrote() == []


def test_rights_that_lack_or_abound_are_named(desk):
    desk.sandbox.lacks |= {"TRANSITION_ISSUES", "SYSTEM_ADMIN"}
    assert found(desk) == [
        ("scope_missing", {"scope": "TRANSITION_ISSUES", "needed_for": "statuses", "place": "ACME"}),
        ("scope_excess", {"scope": "ADMINISTER", "needed_for": "edits without mail to watchers"}),
    ]
    assert [code for code, _ in found(desk, access="read")] == ["scope_excess"]


def test_a_right_without_which_statuses_take_more_requests_is_a_warning(healthy):
    healthy.sandbox.lacks.add("BULK_CHANGE")
    [symptom] = [each for each in healthy.jira.examine() if each.code != "window"]
    assert (symptom.code, symptom.severity) == ("scope_missing", "warning")
    assert symptom.params == {"scope": "BULK_CHANGE", "needed_for": "many statuses at once"}
    assert found(healthy, access="read") == []


def test_a_required_field_that_no_create_fills_is_told_for_each_type(healthy):
    healthy.sandbox.add_field("customfield_10100", "Customer", "option", ["Acme"], required=True)
    symptoms = found(healthy)
    assert {code for code, _ in symptoms} == {"field_required"}
    assert symptoms[0][1] == {
        "stream": "epics",
        "field": "customfield_10100",
        "label": "Customer",
        "place": "ACME/Epic",
    }
    assert len(symptoms) == len(healthy.sandbox.world.types)


def test_a_field_that_is_written_and_on_no_screen_is_told(healthy, monkeypatch):
    screen = healthy.jira._client.create_fields
    jira = healthy.connect()
    monkeypatch.setattr(
        jira._client, "create_fields", lambda *args: [row for row in screen(*args) if row["fieldId"] != "duedate"]
    )
    told = [dict(each.params) for each in jira.examine() if each.code == "field_off_screen"]
    assert {"stream": "issues", "field": "duedate", "place": "ACME/Task"} in told
    assert len(told) == len(healthy.sandbox.world.types)


def test_a_class_that_no_status_has_and_a_status_of_no_class_are_told(healthy, monkeypatch):
    jira = healthy.connect()
    kinds = [{"name": "Task", "statuses": [
        {"name": "Open", "statusCategory": {"key": "new"}},
        {"name": "?", "statusCategory": {"key": "undefined"}},
        {"name": "Closed", "statusCategory": {"key": "done"}},
    ]}]  # fmt: skip
    shown = [(kind["name"], kind["statuses"]) for kind in kinds]
    monkeypatch.setattr(jira._client, "project_statuses", lambda project: shown)
    told = [
        (each.code, dict(each.params)) for each in jira.examine() if each.code in ("path_missing", "value_unmapped")
    ]
    assert told == [
        ("value_unmapped", {"stream": "issues", "field": "status", "value": "?"}),
        ("path_missing", {"place": "ACME/Task", "from": "*", "to": "indeterminate"}),
    ]


@pytest.mark.parametrize(("days", "severity"), [(-1, "error"), (10, "warning"), (90, None)])
def test_the_end_of_a_token_is_told_in_time(healthy, days, severity):
    at = utc(healthy.clock.now() + timedelta(days=days))
    healthy.tokens.kept["token_expires"] = at
    told = [(each.severity, dict(each.params)) for each in healthy.jira.examine() if each.code == "expires"]
    assert told == ([(severity, {"what": "API token", "at": at})] if severity else [])


def test_clocks_that_differ_are_told(healthy, monkeypatch):
    ahead = healthy.clock.now() + timedelta(seconds=90)
    jira = healthy.connect()
    answer = {"deploymentType": "Cloud", "serverTime": utc(ahead)}
    monkeypatch.setattr(jira._client, "server_info", lambda: answer)
    [told] = [each for each in jira.examine() if each.code == "clock_skew"]
    assert told.params == {"seconds": 90}


def test_a_server_is_no_cloud_and_nothing_else_is_looked_at(healthy):
    healthy.sandbox.deployment = "Server"
    assert found(healthy) == [("not_cloud", {"kind": "Server"})]
    assert len(healthy.sandbox.traffic) == 1


def test_another_tool_is_known_by_its_apps_account(healthy):
    healthy.sandbox.add_user("Unito for Jira", kind="app")
    healthy.sandbox.add_user("Unito Person")
    healthy.sandbox.add_user("Slack", kind="app")
    assert found(healthy) == [("other_tool", {"tool": "Unito for Jira", "where": "apps"})]


@pytest.mark.parametrize(
    ("stream", "place", "told"),
    [
        ("issues", {"project": "ACME"}, []),
        ("epics", {"project": "ACME", "issuetype": "Epic"}, []),
        ("issues", {"project": "NOPE"}, [("place_missing", {"place": "project NOPE"})]),
        (
            "issues",
            {"project": "ACME", "issuetype": "Storry"},
            [("place_missing", {"place": "issue type Storry in ACME"})],
        ),
        ("issues", {}, [("place_unsaid", {"what": "project"})]),
        ("comments", {"project": "NOPE"}, []),
    ],
)
def test_a_place_for_new_issues_that_is_not_there_is_told(desk, stream, place, told):
    jira = desk.connect(projects=[])
    assert [(each.code, dict(each.params)) for each in jira.misplaced(stream, place)] == told
    assert desk.sandbox.wrote() == []
