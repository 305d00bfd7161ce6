"""The contract suite against Jira's stand-in, stream by stream."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from connectors.jira import CONNECTOR
from connectors.jira.sandbox import SANDBOX
from connectors.sandbox.clock import VirtualClock
from keepstep.testing.contract import ConnectorContract, World

ASKING = r"(?!.*(/search/jql|/bulkfetch|/comment/list|/worklog/list|/approximate-count))"


class JiraContract(ConnectorContract):
    crowd = 230
    writing = rf"^(POST|PUT|DELETE) {ASKING}/rest/"

    def make(self, clock: VirtualClock) -> World:
        return World.served(CONNECTOR, SANDBOX, clock)


class IssueContract(JiraContract):
    sample = {"summary": "Order the cables", "labels": ["site"], "duedate": "2026-12-01"}
    edit = {"summary": "Order the new cables", "duedate": "2026-12-08", "labels": ["site", "urgent"]}
    loud = frozenset({"create", "delete"})

    def make(self, clock: VirtualClock) -> World:
        world = super().make(clock)
        world.place = {"project": {"key": "ACME"}}
        return world

    def shown(self, payload: Mapping[str, Any], name: str) -> Any:
        return payload["fields"].get(name)


class TestIssues(IssueContract):
    stream = "issues"


class TestEpics(IssueContract):
    stream = "epics"


def said(text: str) -> dict[str, Any]:
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": text}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}


class AttachedContract(JiraContract):
    """What lies under an issue."""

    crowd = 0
    unknown = "999999-999999"

    def make(self, clock: VirtualClock) -> World:
        world = super().make(clock)
        issue = world.core.create("Anna Berg", "issues", {"summary": "Order the cables"})
        world.place = {"issue": {"id": issue, "stream": "issues"}}
        return world


class TestComments(AttachedContract):
    stream = "comments"
    loud = frozenset({"create"})
    sample = {"body": said("Which colour?")}
    edit = {"body": said("Which colour, and how many?")}


class TestAttachments(AttachedContract):
    stream = "attachments"
    loud = frozenset({"create"})
    sample = {"filename": "plan.txt"}
    content = b"All of it"


class TestRemoteLinks(AttachedContract):
    stream = "remote_links"
    sample = {"object": {"title": "Plan", "url": "https://files.example/plan"}}
    edit = {"object": {"title": "Plan, second edition", "url": "https://files.example/plan"}}


class TestWorklogs(JiraContract):
    stream = "worklogs"
    crowd = 0
    sample = {"timeSpentSeconds": 3600}
    edit = {"timeSpentSeconds": 5400}

    def make(self, clock: VirtualClock) -> World:
        world = super().make(clock)
        world.place = {"issueId": world.core.create("Anna Berg", "issues", {"summary": "Order the cables"})}
        return world


class TestVersions(JiraContract):
    """Within a project no two versions have one name, so each create has its own."""

    stream = "versions"
    crowd = 60
    sample = {"name": "Go live", "releaseDate": "2026-12-01", "description": "All of it"}
    edit = {"releaseDate": "2026-12-08", "description": "Nearly all"}
    numbers = count()

    def values(self, world: World, n: int | None = None) -> dict[str, Any]:
        return {**super().values(world, n), "name": f"Go live {next(self.numbers)}"}

    def make(self, clock: VirtualClock) -> World:
        world = super().make(clock)
        world.place = {"project": "ACME"}
        return world
