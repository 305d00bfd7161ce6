"""Jira's epics, issues, comments, remote links and versions, and the canonical model.

Epics are projects, versions are milestones.
Issues are tasks, or what a label of theirs says (``Options.labels``: kind -> label; feedback is
known by the connection's own label). Statuses are known by Jira's category, never by name, except where
``Options.values`` says otherwise by id or name.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.base import Description
from mapping.fields import Mapper, MappingPlugin, Options
from mapping.jira.attached import attachments, comments, links
from mapping.jira.custom import MAKERS
from mapping.jira.issues import IssueMapping, epic_rows, issue_rows
from mapping.jira.values import Words
from mapping.jira.versions import versions
from mapping.model import Form


def holds(stream: str) -> frozenset[Form]:
    """What custom fields can hold: versions, comments and links have none."""
    return frozenset(MAKERS) if stream in ("epics", "issues") else frozenset()


def build(options: Options, description: Description) -> Mapping[str, Mapper]:
    """Mappers of the streams that have a canonical counterpart."""
    words = Words.of(options, description)
    return {
        "epics": IssueMapping(epic_rows(words), words),
        "issues": IssueMapping(issue_rows(words), words),
        "comments": comments(),
        "attachments": attachments(),
        "remote_links": links(),
        "versions": versions(words),
    }


MAPPING = MappingPlugin(system="jira", build=build, checklists={"issues": "custom"}, holds=holds)
