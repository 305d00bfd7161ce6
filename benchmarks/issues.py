"""The stub's issues: some 5.8 kB each, in the shape in which Jira Cloud sends them, rendered from a few templates."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

SITE = "https://acme.atlassian.net"
PROJECT = "ACME"
BEGAN = datetime(2025, 1, 6, 8, tzinfo=UTC)
STEP = timedelta(minutes=3)
"""Between the creation of one issue and the next: ids, times of creation and times of change all grow together."""
FIRST_ID = 10_000

TYPES: list[dict[str, Any]] = [
    {"id": "10000", "name": "Epic", "subtask": False, "hierarchyLevel": 1},
    {"id": "10001", "name": "Task", "subtask": False, "hierarchyLevel": 0},
    {"id": "10002", "name": "Bug", "subtask": False, "hierarchyLevel": 0},
]
STATUSES: list[dict[str, Any]] = [
    {"id": "1", "name": "To Do", "statusCategory": {"id": 2, "key": "new", "colorName": "blue-gray", "name": "To Do"}},
    {
        "id": "3",
        "name": "In Progress",
        "statusCategory": {"id": 4, "key": "indeterminate", "colorName": "yellow", "name": "In Progress"},
    },
    {"id": "5", "name": "Done", "statusCategory": {"id": 3, "key": "done", "colorName": "green", "name": "Done"}},
]
PRIORITIES = [{"id": str(number), "name": name} for number, name in enumerate(("High", "Medium", "Low"), 1)]
LABELS: tuple[list[str], ...] = (["website"], ["billing", "urgent"], [], ["backend"])
PEOPLE = ("Anna Berg", "Bo Lind", "Carl Ek", "王小明", "Dia Rao")
SENTENCES = (
    "The customer cannot see the invoice of last month in the portal.",
    "Export takes more than a minute when the list holds over a thousand rows.",
    "请在下周一之前确认需求文档的第三章。",
    "Two people changed the delivery date on the same afternoon, and nobody was told.",
)
TEMPLATES = 24


def stamp(number: int) -> int:
    """When the issue of that number was made and last changed, in epoch milliseconds."""
    return int((BEGAN + number * STEP).timestamp() * 1000)


def number_at(milliseconds: int) -> int:
    """The number of the first issue made at or after that time."""
    since = milliseconds - stamp(0)
    return max(0, -(-since // int(STEP.total_seconds() * 1000)))


def person(number: int) -> dict[str, Any]:
    """A user as Jira shows one."""
    name = PEOPLE[number % len(PEOPLE)]
    account = f"5b10ac8d82e05b22cc7d4e{number % len(PEOPLE):02d}"
    face = f"https://secure.gravatar.com/avatar/{account}?d=https%3A%2F%2Favatar-management.example%2Finitials"
    return {
        "self": f"{SITE}/rest/api/3/user?accountId={account}",
        "accountId": account,
        "emailAddress": f"person{number % len(PEOPLE)}@acme.example",
        "avatarUrls": {size: f"{face}&s={size[:2]}" for size in ("48x48", "24x24")},
        "displayName": name,
        "active": True,
        "timeZone": "Europe/Berlin",
        "accountType": "atlassian",
    }


def _text(text: str, *marks: str) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "text", "text": text}
    return node | ({"marks": [{"type": mark} for mark in marks]} if marks else {})


def _document(number: int) -> dict[str, Any]:
    def line(shift: int) -> str:
        return SENTENCES[(number + shift) % len(SENTENCES)]

    content: list[dict[str, Any]] = [
        {
            "type": "paragraph",
            "content": [_text(line(0) + " "), _text("Please look", "strong"), _text(" at %(number)s.")],
        }
    ]
    if number % 2:
        items = [
            {"type": "listItem", "content": [{"type": "paragraph", "content": [_text(line(shift))]}]}
            for shift in (1, 2)
        ]
        content.append({"type": "bulletList", "content": items})
    content.append({"type": "paragraph", "content": [_text(line(3))]})
    return {"type": "doc", "version": 1, "content": content}


def _template(number: int) -> bytes:
    kind = TYPES[1 + number % 2]
    fields: dict[str, Any] = {
        "statuscategorychangedate": "%(updated)s",
        "issuetype": {
            "self": f"{SITE}/rest/api/3/issuetype/{kind['id']}",
            "description": "A small, distinct piece of work.",
            "iconUrl": f"{SITE}/rest/api/2/universal_avatar/view/type/issuetype/avatar/10318?size=medium",
            "avatarId": 10318,
            **kind,
        },
        "project": {
            "self": f"{SITE}/rest/api/3/project/10000",
            "id": "10000",
            "key": PROJECT,
            "name": "Acme website",
            "projectTypeKey": "software",
            "simplified": False,
            "avatarUrls": {
                size: f"{SITE}/rest/api/3/universal_avatar/view/type/project/avatar/10424?size={size}"
                for size in ("xsmall", "small", "medium")
            },
        },
        "resolution": None,
        "resolutiondate": None,
        "workratio": -1,
        "created": "%(created)s",
        "updated": "%(updated)s",
        "priority": {
            "self": f"{SITE}/rest/api/3/priority/{1 + number % 3}",
            "iconUrl": f"{SITE}/images/icons/priorities/medium_new.svg",
            **PRIORITIES[number % 3],
        },
        "labels": LABELS[number % len(LABELS)],
        "versions": [],
        "fixVersions": [],
        "issuelinks": [],
        "components": [],
        "subtasks": [],
        "attachment": [],
        "assignee": person(number) if number % 5 else None,
        "reporter": person(number + 1),
        "creator": person(number + 1),
        "status": {
            "self": f"{SITE}/rest/api/3/status/{STATUSES[number % 3]['id']}",
            "description": "",
            "iconUrl": f"{SITE}/images/icons/statuses/generic.png",
            **STATUSES[number % 3],
        },
        "description": _document(number),
        "summary": "Piece of work %(number)s for the customer",
        "duedate": f"2026-0{1 + number % 9}-15",
        "environment": None,
        "timeestimate": None,
        "timeoriginalestimate": None,
        "timespent": None,
        "aggregatetimespent": None,
        "progress": {"progress": 0, "total": 0},
        "aggregateprogress": {"progress": 0, "total": 0},
        "security": None,
        "timetracking": {},
        **{f"customfield_{10_000 + field}": None for field in range(40)},
        "customfield_10019": "0|i%(number)s:",
        "customfield_10041": " ".join(SENTENCES),
        "customfield_10020": [
            {
                "id": 7,
                "name": "Sprint 7",
                "state": "active",
                "boardId": 2,
                "goal": SENTENCES[number % len(SENTENCES)],
                "startDate": "2026-01-05T08:00:00.000Z",
                "endDate": "2026-01-19T08:00:00.000Z",
            }
        ],
        "comment": {
            "comments": [],
            "self": f"{SITE}/rest/api/3/issue/%(id)s/comment",
            "maxResults": 0,
            "total": 0,
            "startAt": 0,
        },
    }
    issue = {
        "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
        "id": "%(id)s",
        "self": f"{SITE}/rest/api/3/issue/%(id)s",
        "key": f"{PROJECT}-%(number)s",
        "properties": {},
        "fields": fields,
    }
    return _rendered(issue)


def _rendered(issue: dict[str, Any]) -> bytes:
    """As a template for ``%``: what stands in an address stays as it is."""
    text = json.dumps(issue, ensure_ascii=False, separators=(",", ":")).replace("%", "%%")
    for name in ("id", "number", "created", "updated"):
        text = text.replace(f"%%({name})", f"%({name})")
    return text.encode()


WHOLE = [_template(number) for number in range(TEMPLATES)]
SMALL = _rendered(
    {
        "id": "%(id)s",
        "key": f"{PROJECT}-%(number)s",
        "fields": {"issuetype": TYPES[1], "updated": "%(updated)s", "created": "%(created)s"},
    }
)


def render(number: int, whole: bool, id: str | None = None) -> bytes:
    """One issue as JSON, with all its fields or with the few that a census asks for. ``id``: another than its own."""
    made = datetime.fromtimestamp(stamp(number) / 1000, UTC)
    at = made.strftime("%Y-%m-%dT%H:%M:%S.000+0000").encode()
    template = WHOLE[number % TEMPLATES] if whole else SMALL
    return template % {
        b"id": id.encode() if id is not None else b"%d" % (FIRST_ID + number),
        b"number": b"%d" % (1 + number),
        b"created": at,
        b"updated": at,
    }
