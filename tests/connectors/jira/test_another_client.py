"""Another client of Jira does its ordinary work against the stand-in, and gets what it expects of the service."""

from __future__ import annotations

import pytest
from jira import JIRA, JIRAError

from connectors.jira.sandbox import HUB_EMAIL, HUB_TOKEN
from connectors.sandbox.hosting import SandboxTransport
from tests.connectors.jira.conftest import SITE
from tests.connectors.jira.test_push import DOC


@pytest.fixture
def client(desk):
    options = {"server": SITE, "rest_api_version": "3", "check_update": False}
    made = JIRA(options=options, basic_auth=(HUB_EMAIL, HUB_TOKEN), get_server_info=False, max_retries=0)
    transport = SandboxTransport(desk.sandbox)
    made._session.mount("https://", transport)
    made.deploymentType = made.server_info()["deploymentType"]
    return made


def test_it_sees_the_site(client):
    assert client._is_cloud
    assert client.myself()["displayName"] == "Keepstep"
    assert {field["id"] for field in client.fields()} >= {"summary", "customfield_10016"}
    assert [kind.name for kind in client.issue_types()] == ["Epic", "Subtask", "Task", "Story"]
    assert client.priorities()[0].name == "Highest"
    assert {each.name for each in client.statuses()} == {"To Do", "In Progress", "In Review", "Done"}


def test_an_issue_lives_its_life(client, desk):
    issue = client.create_issue(project={"key": "ACME"}, summary="Order the cables", issuetype={"name": "Task"})
    assert issue.key == "ACME-1"
    assert issue.fields.status.name == "To Do"
    desk.settled()
    [found] = client.search_issues("project = ACME ORDER BY created ASC", maxResults=10, use_post=True)
    assert (found.id, found.fields.summary) == (issue.id, "Order the cables")

    issue.update(fields={"summary": "Order the new cables", "description": DOC, "labels": ["site"]})
    issue = client.issue("ACME-1")
    assert (issue.fields.summary, issue.fields.labels) == ("Order the new cables", ["site"])
    assert issue.raw["fields"]["description"] == DOC

    ways = {each["name"]: each["id"] for each in client.transitions(issue)}
    assert ways == {"Start": "11"}
    client.transition_issue(issue, "Start")
    assert client.issue("ACME-1").fields.status.statusCategory.key == "indeterminate"
    with pytest.raises(JIRAError, match="not valid"):
        client.transition_issue(issue, "51")

    issue.delete()
    with pytest.raises(JIRAError) as caught:
        client.issue("ACME-1")
    assert caught.value.status_code == 404


def test_comments_links_and_versions(client, desk):
    issue = client.create_issue(project={"key": "ACME"}, summary="A", issuetype={"name": "Task"})
    said = client.add_comment(issue.key, DOC)
    assert [each.id for each in client.comments(issue.key)] == [said.id]
    assert client.comment(issue.key, said.id).author.displayName == "Keepstep"
    said.delete()
    assert client.comments(issue.key) == []

    linked = client.add_simple_link(issue.key, {"url": "https://files.example/plan", "title": "Plan"})
    assert [each.object.title for each in client.remote_links(issue.key)] == ["Plan"]
    assert linked.id == client.remote_links(issue.key)[0].id

    goal = client.create_version("Go live", "ACME", releaseDate="2026-12-01")
    goal.update(released=True)
    shown = client.version(goal.id)
    assert (shown.name, shown.releaseDate, shown.released) == ("Go live", "2026-12-01", True)
    goal.delete()
    with pytest.raises(JIRAError):
        client.version(goal.id)


def test_a_refusal_names_the_field(client):
    with pytest.raises(JIRAError) as caught:
        client.create_issue(project={"key": "ACME"}, summary="", issuetype={"name": "Task"})
    assert (caught.value.status_code, "summary" in caught.value.response.text) == (400, True)
