"""Looking a connection over: rights, screens, statuses, the clock, the token's end, and who else syncs here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from connectors.base import utc
from connectors.context import Context
from connectors.examining import Symptom
from connectors.jira.client import Client
from connectors.jira.describe import PROJECTS
from connectors.jira.models import Json, part
from connectors.jira.moving import BULK
from connectors.jira.places import Places
from connectors.jira.records import STREAM_OF_LEVEL, level, moment
from connectors.jira.settings import Settings
from connectors.jira.signin import EXPIRES

READS = {"BROWSE_PROJECTS": "reading"}
WRITES = {
    "CREATE_ISSUES": "new issues",
    "EDIT_ISSUES": "edits of issues",
    "ASSIGN_ISSUES": "assignees",
    "TRANSITION_ISSUES": "statuses",
    "ADD_COMMENTS": "new comments",
    "EDIT_OWN_COMMENTS": "edits of comments",
    "DELETE_OWN_COMMENTS": "deletes of comments",
    "LINK_ISSUES": "links",
}
GLOBAL = {BULK: "many statuses at once"}
"""Rights that are held for the whole site, and that the hub is only quicker with."""
EXCESS = {"SYSTEM_ADMIN": "", "ADMINISTER": "edits without mail to watchers"}
"""Global rights that the hub can do without, and what they would be good for."""

WRITTEN = ("description", "duedate", "assignee", "priority", "labels")
"""Fields that the mapping writes, beside those that every create has."""
FILLED = {"summary", "project", "issuetype", "reporter", "parent", *WRITTEN}

TOOLS = ("unito", "exalate", "getint", "backbone", "zigiops", "zapier", "workato", "make for jira", "planyway")
"""Products that sync Jira, as the accounts of their apps are called."""

SKEW = 30.0
"""Seconds between the clocks from which deadlines and tokens go wrong."""

SOON = timedelta(days=30)


def examine(client: Client, settings: Settings, context: Context, places: Places) -> Iterator[Symptom]:
    """Symptoms, the ones that stop everything first. Reads only: a few requests, two a project, one a type in it."""
    server = client.server_info()
    kind = server.get("deploymentType")
    if kind != "Cloud":
        yield Symptom(code="not_cloud", severity="error", params={"kind": str(kind or "Server")})
        return
    yield from _clock(server, context)
    yield from _token(context)
    projects = client.projects(settings.projects)[:PROJECTS]
    yield from _rights(client, context, [str(project["key"]) for project in projects])
    if context.access == "write":
        for project in projects:
            yield from _screens(client, places, str(project["key"]))
            yield from _statuses(client, str(project["key"]))
        for stream in ("comments", "remote_links", "versions"):
            yield Symptom(code="window", severity="info", params={"stream": stream})
    yield from _others(client)


def _clock(server: Json, context: Context) -> Iterator[Symptom]:
    theirs = moment(server.get("serverTime"))
    if theirs is None:
        return
    seconds = (datetime.fromisoformat(theirs) - context.clock.now()).total_seconds()
    if abs(seconds) > SKEW:
        yield Symptom(code="clock_skew", params={"seconds": round(seconds)})


def _token(context: Context) -> Iterator[Symptom]:
    ends = context.tokens.load(EXPIRES)
    if ends is None or ends > utc(context.clock.now() + SOON):
        return
    over = ends <= utc(context.clock.now())
    yield Symptom(code="expires", severity="error" if over else "warning", params={"what": "API token", "at": ends})


def _rights(client: Client, context: Context, projects: Sequence[str]) -> Iterator[Symptom]:
    wanted = READS | (WRITES if context.access == "write" else {})
    for project in projects:
        held = client.my_permissions(*wanted, project=project)
        for name, use in wanted.items():
            if not held[name]:
                params = {"scope": name, "needed_for": use, "place": project}
                yield Symptom(code="scope_missing", severity="error", params=params)
    useful = GLOBAL if context.access == "write" else {}
    held = client.my_permissions(*useful, *EXCESS)
    for name, use in useful.items():
        if not held[name]:
            yield Symptom(code="scope_missing", params={"scope": name, "needed_for": use})
    for name, use in EXCESS.items():
        if held[name]:
            yield Symptom(code="scope_excess", params={"scope": name, "needed_for": use})


def _screens(client: Client, places: Places, project: str) -> Iterator[Symptom]:
    """Per type of issue: what a create must fill and the hub does not, and what the hub writes and nobody sees."""
    for kind in places.types(project):
        stream = STREAM_OF_LEVEL.get(level({"fields": {"issuetype": kind}}))
        if stream is None:
            continue
        screen = {str(row["fieldId"]): row for row in client.create_fields(project, str(kind["id"]))}
        place = f"{project}/{kind.get('name')}"
        for id, meta in screen.items():
            if meta.get("required") and not meta.get("hasDefaultValue") and id not in FILLED:
                params = {"stream": stream, "field": id, "label": str(meta.get("name") or id), "place": place}
                yield Symptom(code="field_required", severity="error", params=params)
        for id in WRITTEN:
            if id not in screen:
                yield Symptom(code="field_off_screen", params={"stream": stream, "field": id, "place": place})


def _statuses(client: Client, project: str) -> Iterator[Symptom]:
    """Per type of issue: classes that no status of its workflow has, and statuses of no class."""
    for kind, statuses in client.project_statuses(project):
        place = f"{project}/{kind}"
        classes = {str(status.get("name")): str(part(status, "statusCategory").get("key")) for status in statuses}
        for name, key in classes.items():
            if key not in ("new", "indeterminate", "done"):
                yield Symptom(code="value_unmapped", params={"stream": "issues", "field": "status", "value": name})
        for key in ("new", "indeterminate", "done"):
            if key not in classes.values():
                yield Symptom(code="path_missing", params={"place": place, "from": "*", "to": key})


def _others(client: Client) -> Iterator[Symptom]:
    """Apps that sync this site, by the names of their accounts among the first thousand."""
    for user in next(client.users(), []):
        if not isinstance(user, dict):
            continue
        name = str(user.get("displayName") or "")
        if user.get("accountType") == "app" and user.get("active") and name.lower().startswith(TOOLS):
            yield Symptom(code="other_tool", params={"tool": name, "where": "apps"})
