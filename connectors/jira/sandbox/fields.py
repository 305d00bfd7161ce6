"""The fields that every site has, and what they show where nothing can change it."""

from __future__ import annotations

from connectors.jira.sandbox.world import Json

SYSTEM_FIELDS: dict[str, tuple[str, Json | None]] = {
    "statuscategorychangedate": ("Status Category Changed", {"type": "datetime"}),
    "issuetype": ("Issue Type", {"type": "issuetype"}),
    "project": ("Project", {"type": "project"}),
    "fixVersions": ("Fix versions", {"type": "array", "items": "version"}),
    "statusCategory": ("Status Category", {"type": "statusCategory"}),
    "parent": ("Parent", None),
    "resolution": ("Resolution", {"type": "resolution"}),
    "resolutiondate": ("Resolved", {"type": "datetime"}),
    "created": ("Created", {"type": "datetime"}),
    "updated": ("Updated", {"type": "datetime"}),
    "priority": ("Priority", {"type": "priority"}),
    "labels": ("Labels", {"type": "array", "items": "string"}),
    "assignee": ("Assignee", {"type": "user"}),
    "status": ("Status", {"type": "status"}),
    "components": ("Components", {"type": "array", "items": "component"}),
    "versions": ("Affects versions", {"type": "array", "items": "version"}),
    "issuekey": ("Key", None),
    "description": ("Description", {"type": "string"}),
    "environment": ("Environment", {"type": "string"}),
    "summary": ("Summary", {"type": "string"}),
    "creator": ("Creator", {"type": "user"}),
    "subtasks": ("Sub-tasks", {"type": "array", "items": "issuelinks"}),
    "reporter": ("Reporter", {"type": "user"}),
    "duedate": ("Due date", {"type": "date"}),
    "comment": ("Comment", {"type": "comments-page"}),
    "issuelinks": ("Linked Issues", {"type": "array", "items": "issuelinks"}),
}
"""Every field that a site has by itself: its label, and its schema."""

OPERATIONS = {
    "labels": ["add", "set", "remove"],
    "issuelinks": ["add"],
    "components": ["add", "set", "remove"],
    "fixVersions": ["set", "add", "remove"],
    "versions": ["set", "add", "remove"],
}
"""What an edit may do with a field, if it is more than setting it, or less."""

NAVIGABLE_NOT = {"comment", "worklog", "attachment", "timetracking", "issuerestriction"}
"""Fields that ``*navigable`` leaves out."""

CONSTANTS: Json = {
    "timespent": None,
    "timeoriginalestimate": None,
    "aggregatetimespent": None,
    "timetracking": {},
    "security": None,
    "aggregatetimeestimate": None,
    "workratio": -1,
    "issuerestriction": {"issuerestrictions": {}, "shouldDisplay": True},
    "lastViewed": None,
    "aggregateprogress": {"progress": 0, "total": 0},
    "timeestimate": None,
    "aggregatetimeoriginalestimate": None,
    "progress": {"progress": 0, "total": 0},
    "votes": {"self": "", "votes": 0, "hasVoted": False},
    "worklog": {"startAt": 0, "maxResults": 20, "total": 0, "worklogs": []},
    "customfield_10019": "0|i00007:",
    "customfield_10020": None,
    "customfield_10021": None,
}
"""What an issue also shows, and no one here can change."""
