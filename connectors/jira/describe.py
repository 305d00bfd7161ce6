"""What this account sees: streams, fields with what they allow, feeds with what they cost, limits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from connectors.base import Abilities, Costs, Description, Extra, Feed, Field, Price, Quota, Stream
from connectors.jira import attachments, versions, worklogs
from connectors.jira.client import COMMENT_BATCH, CREATE_BATCH, FETCH_BATCH, HISTORY_BATCH, MOVE_BATCH, Client
from connectors.jira.crawl import SEARCH_LAG
from connectors.jira.models import Json, part
from connectors.jira.moving import BULK, RUNS_ON
from connectors.jira.parted import PARTED
from connectors.jira.places import Places
from connectors.jira.records import STREAM_OF_LEVEL, level
from connectors.jira.settings import Settings

# Metadata costs a request per project and issue type; beyond this many projects fields are described site-wide.
PROJECTS = 20

TYPES = {
    "com.atlassian.jira.plugin.system.customfieldtypes": {
        *("textfield", "textarea", "url", "readonlyfield", "labels", "float", "datepicker", "datetime"),
        *("select", "radiobuttons", "multiselect", "multicheckboxes", "cascadingselect"),
        *("userpicker", "multiuserpicker", "people", "grouppicker", "multigrouppicker"),
        *("version", "multiversion", "project"),
    },
    "com.pyxis.greenhopper.jira": {"gh-sprint", "gh-epic-link"},
}
"""Maker -> its types of custom fields whose name says more than their schema (which of all texts takes a document). Any
other type is what its schema says: story points and an import's id are numbers, an epic's name is a text."""

READ_ONLY = {
    "created",
    "updated",
    "creator",
    "statuscategorychangedate",
    "statusCategory",
    "subtasks",
    "progress",
    "aggregateprogress",
    "workratio",
    "resolutiondate",
    "issuekey",
    "votes",
    "watches",
    "comment",
    "worklog",
    "attachment",
    "lastViewed",
}

FEEDS = [
    Feed(name="issues", streams=["epics", "issues", "comments"], cost=2, deletes=False),
    Feed(name="remote_links", streams=["remote_links"], cost=2, deletes=False),
    Feed(name="attachments", streams=["attachments"], cost=2, deletes=False),
    Feed(name="worklogs", streams=["worklogs"], cost=2),
    Feed(name="users", streams=["users"], cost=2, deletes=False),
]

ISSUES = Abilities(
    create=True,
    update=True,
    delete=True,
    hides=True,
    history=True,
    versioned=True,
    marker="in_create",
    batch=CREATE_BATCH,
    search_lag=SEARCH_LAG,
    costs=Costs(
        get=(Price(1, FETCH_BATCH),),
        create=(Price(1, CREATE_BATCH),),
        # Status and labels change from what is there: one look a hundred before the edits.
        update=(Price(), Price(1, FETCH_BATCH)),
        history=(Price(1, HISTORY_BATCH),),
        # Two requests a step: which there are, and to take one. From a finished status it is often two steps.
        created={"status": Extra(4, push=(Price(3, FETCH_BATCH), Price(1, HISTORY_BATCH)))},
        # Links come with the edit, and go one by one.
        # What components and versions were before and after cannot be read from the changelog alone.
        updated={
            "status": Extra(4),
            "issuelinks": Extra(0, 1),
            **{name: Extra(push=(Price(1, FETCH_BATCH), Price(1, HISTORY_BATCH))) for name in PARTED},
        },
        read_units=1,
    ),
    after_create=frozenset({"status"}),
    stepwise=frozenset({"status"}),
)
TASKS = Price(8, MOVE_BATCH)
"""Which steps there are, to take one, and how far it is, some twice or thrice."""
IN_BULK: dict[str, Any] = {
    "together": {"status": MOVE_BATCH},
    "settle": RUNS_ON,
    "costs": msgspec.structs.replace(
        ISSUES.costs,
        created={"status": Extra(push=(Price(3, FETCH_BATCH), Price(1, HISTORY_BATCH), TASKS))},
        updated={**ISSUES.costs.updated, "status": Extra(push=(Price(1, FETCH_BATCH), TASKS))},
    ),
}
"""What is different where the account may make bulk changes."""
COMMENTS = Abilities(
    create=True,
    update=True,
    delete=True,
    versioned=True,
    returns_record=True,
    marker="in_create",
    search_lag=SEARCH_LAG,
    # A look at the comment's restriction before it is edited, and one at the issue's kind after each write.
    costs=Costs(
        get=(Price(1, FETCH_BATCH), Price(1, COMMENT_BATCH)), create=(Price(2),), update=(Price(3),), read_units=1
    ),
)
LINKS = Abilities(
    create=True,
    update=True,
    delete=True,
    marker="unique_field",
    search_lag=SEARCH_LAG,
    # Read one by one, each with a look at its issue's kind; and read before they are replaced.
    costs=Costs(get=(Price(2),), update=(Price(2),), read_units=1),
)

POINTS = Quota(unit="points", amount=65_000, seconds=3600.0)
"""An app's, counted by the hour and shared by all its users (Atlassian's page on rate limiting; the amount is the one
announced, an app may have more). Requests with an API token are held only by bursts, for which there is no figure."""

LIMITS = {
    "issues per create request": "50",
    "issues per read request": "100",
    "summary": "255 characters, one line",
    "label": "255 characters, no spaces",
    "search": "a write may be missing from it for seconds to minutes",
    "statuses per bulk request": "1000, and five bulk operations of the site at a time",
    "rate": "429 with Retry-After; RateLimit-Reason says whether one issue, one endpoint or the whole quota is meant",
}


def describe(client: Client, settings: Settings, places: Places) -> Description:
    """Ask Jira for its metadata and put it into the contract's words."""
    projects = client.projects(settings.projects)
    keys = [str(project["key"]) for project in projects] if len(projects) <= PROJECTS else []
    fields = client.fields()
    metas = {key: {str(kind["id"]): kind for kind in places.types(key)} for key in keys}
    screens: dict[str, list[Json]] = {"epics": [], "issues": []}
    issues = msgspec.structs.replace(ISSUES, **IN_BULK) if client.my_permissions(BULK)[BULK] else ISSUES
    kinds: dict[str, Json] = {}
    for key, types in metas.items():
        for id, kind in types.items():
            kinds[id] = kind
            stream = STREAM_OF_LEVEL.get(level({"fields": {"issuetype": kind}}))
            if stream:
                screens[stream].append({row["fieldId"]: row for row in client.create_fields(key, id)})
    if not keys:
        kinds = {str(kind["id"]): kind for kind in client.issue_types()}
    statuses = _statuses(client, keys)
    priorities = [str(row["id"]) for row in client.priorities()]
    links = {str(row["id"]): str(row.get("name") or row["id"]) for row in client.link_types()}
    streams = [
        Stream(
            name=name,
            abilities=issues,
            fields=[_field(row, screens[name], kinds, statuses, priorities, links, settings, name) for row in fields],
        )
        for name in ("epics", "issues")
    ]
    helpdesk = any(project.get("projectTypeKey") == "service_desk" for project in projects)
    comments = msgspec.structs.replace(COMMENTS, audience="client") if helpdesk else COMMENTS
    files = attachments.abilities(client.attachment_settings(), "client" if helpdesk else "team")
    streams += [
        Stream(name="attachments", abilities=files, parent="issues", fields=list(attachments.FIELDS)),
        Stream(name="comments", abilities=comments, parent="issues", fields=_comment_fields()),
        Stream(name="remote_links", abilities=LINKS, parent="issues", fields=_link_fields()),
        Stream(name="users", abilities=Abilities(), fields=_user_fields()),
        Stream(name="worklogs", abilities=worklogs.ABILITIES, fields=list(worklogs.FIELDS)),
        Stream(name="versions", abilities=versions.ABILITIES, fields=list(versions.FIELDS)),
    ]
    cost = -(-len(projects) // 50) + len(projects)
    feeds = [*FEEDS, Feed(name="versions", streams=["versions"], cost=cost, deletes=False)]
    quota = POINTS if settings.oauth else None
    return Description(system="jira", streams=streams, feeds=feeds, limits=dict(LIMITS), quota=quota)


def _statuses(client: Client, keys: Sequence[str]) -> dict[str, str]:
    """Status id -> key of its category, of the configured projects' workflows."""
    rows: Iterable[Json]
    if keys:
        rows = [status for key in keys for _, statuses in client.project_statuses(key) for status in statuses]
    else:
        rows = client.statuses()
    return {row["id"]: str(part(row, "statusCategory").get("key") or "undefined") for row in rows}


def _field(
    row: Json,
    screens: Sequence[Json],
    kinds: dict[str, Json],
    statuses: dict[str, str],
    priorities: list[str],
    links: dict[str, str],
    settings: Settings,
    stream: str,
) -> Field:
    id = str(row["id"])
    shown = [screen[id] for screen in screens if id in screen]
    values = _options(shown) if row.get("custom") or id in PARTED else _allowed(shown)
    classes: dict[str, str] | None = None
    called: dict[str, str] | None = None
    writable = id not in READ_ONLY and (bool(shown) or not screens)
    if id == "status":
        values, classes, writable = list(statuses), statuses, True
    elif id == "issuetype":
        levels = {key: level({"fields": {"issuetype": kind}}) for key, kind in kinds.items()}
        classes = {key: str(at) for key, at in levels.items() if STREAM_OF_LEVEL.get(at) == stream}
        values = list(classes)
    elif id == "priority":
        values = values or priorities
    elif id == "issuelinks":
        values, called = list(links), links
    elif id == "labels":
        classes = {settings.feedback_label: "feedback"}
    return Field(
        name=id,
        label=str(row.get("name") or id),
        kind=kind_of(row),
        writable=writable,
        required=bool(screens) and all(_demanded(screen.get(id)) for screen in screens),
        custom=bool(row.get("custom")),
        values=values,
        classes=classes,
        called=called,
    )


def kind_of(row: Json) -> str:
    """Jira's own word: of a custom field the type that an administrator chose where that says more than its schema."""
    schema = part(row, "schema")
    maker, _, chosen = str(schema.get("custom") or "").partition(":")
    if chosen in TYPES.get(maker, ()):
        return chosen
    kind = str(schema.get("type") or "any")
    return f"array of {schema['items']}" if kind == "array" and schema.get("items") else kind


def _demanded(meta: Json | None) -> bool:
    return bool(meta and meta.get("required") and not meta.get("hasDefaultValue"))


def _allowed(metas: Sequence[Json]) -> list[str] | None:
    """Ids (else values) that any of the screens allows; None where anything goes."""
    found: dict[str, None] = {}
    for meta in metas:
        for each in meta.get("allowedValues") or ():
            key = (each.get("id") or each.get("value") or each.get("name")) if isinstance(each, dict) else each
            found[str(key)] = None
    return list(found) or None


def _options(metas: Sequence[Json]) -> list[str] | None:
    """Names that any of the screens allows, of a cascading list also both steps together; None where anything goes."""
    found: dict[str, None] = {}
    known = False
    for meta in metas:
        known = known or "allowedValues" in meta
        for each in meta.get("allowedValues") or ():
            name = each
            if isinstance(each, dict):
                # A project is written by its key; anything else has one name.
                name = each.get("value") or (each.get("key") if "projectTypeKey" in each else None) or each.get("name")
            found[str(name)] = None
            for child in (each.get("children") or ()) if isinstance(each, dict) else ():
                found[f"{name} > {child.get('value')}"] = None
    return list(found) if known else None


def _comment_fields() -> list[Field]:
    return [
        Field(name="issue", label="Issue", kind="issue", required=True),
        Field(name="body", label="Body", kind="document", required=True),
        Field(name="author", label="Author", kind="user", writable=False),
        Field(name="created", label="Created", kind="datetime", writable=False),
        Field(name="updated", label="Updated", kind="datetime", writable=False),
    ]


def _link_fields() -> list[Field]:
    return [
        Field(name="issue", label="Issue", kind="issue", required=True),
        Field(name="object", label="Target: title and url", kind="object", required=True),
        Field(name="relationship", label="Relationship"),
        Field(name="application", label="Application", kind="object"),
    ]


def _user_fields() -> list[Field]:
    names = {"accountId": "Account", "displayName": "Name", "emailAddress": "E-mail", "timeZone": "Time zone"}
    return [Field(name=name, label=label, writable=False) for name, label in names.items()]
