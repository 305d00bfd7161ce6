"""Issues: search, read, create, edit, move along the workflow, delete, history."""

from __future__ import annotations

from abc import ABC
from datetime import timedelta
from typing import Any

import msgspec

from connectors.base import Clock
from connectors.jira.sandbox import jql, parts, values
from connectors.jira.sandbox.site import MAIL, Site, no
from connectors.jira.sandbox.world import Issue, Json, View
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Refusal, Request, Response

API = "/rest/api/3"
TOKEN_LIFE = timedelta(days=7).total_seconds()


class Search(msgspec.Struct):
    """A search under way: its rows are chosen once, its pages are read as they come."""

    jql: str
    rows: list[int]
    start: int
    reconcile: set[int]
    ends: float


class IssueRoutes(Site, ABC):
    """What the service does with issues."""

    def __init__(self, clock: Clock, seed: int = 1, language: str = "en") -> None:
        super().__init__(clock, seed, language)
        self._searches: dict[str, Search] = {}

    def forget_page_tokens(self) -> None:
        """Let every page token be unknown from now on."""
        self._searches.clear()

    # -- search

    @route("POST", f"{API}/search/jql")
    def search(self, request: Request) -> Response:
        body: Json = request.json() or {}
        wanted = body.get("fields") or ["id"]
        largest = 5000 if set(wanted) <= {"id", "key"} else 1000 if len(wanted) < 3 and "*all" not in wanted else 100
        size = min(int(body.get("maxResults") or 50), largest)
        token = body.get("nextPageToken")
        under_way = self._resume(token, body) if token else self._begin(body)
        rows = under_way.rows[under_way.start : under_way.start + size]
        shown = [
            self.shapes.issue(self.world.issues[id], view, wanted, body.get("properties") or ())
            for id in rows
            if (view := self._view(id, under_way.reconcile)) is not None
        ]
        answer: Json = {"issues": shown}
        end = under_way.start + size
        answer["isLast"] = end >= len(under_way.rows)
        if not answer["isLast"]:
            following = f"Ch0j{self.rng.getrandbits(64):016x}"
            self._searches[following] = msgspec.structs.replace(under_way, start=end)
            while len(self._searches) > 1000:
                del self._searches[next(iter(self._searches))]
            answer["nextPageToken"] = following
        return Response.json(answer)

    def _begin(self, body: Json) -> Search:
        reconcile = {int(id) for id in body.get("reconcileIssues") or ()}
        if len(reconcile) > 50:
            raise no(400, "The reconcileIssues list must hold at most 50 ids.")
        found = self._select(str(body.get("jql") or ""), reconcile)
        ends = self.clock.monotonic() + TOKEN_LIFE
        return Search(str(body.get("jql")), [issue.id for issue, _ in found], 0, reconcile, ends)

    def _resume(self, token: str, body: Json) -> Search:
        known = self._searches.get(token)
        reconcile = {int(id) for id in body.get("reconcileIssues") or ()}
        if known is None or known.ends < self.clock.monotonic() or known.jql != body.get("jql"):
            raise no(400, "The provided next page token is invalid or expired.")
        if known.reconcile != reconcile:
            raise no(400, "The reconcileIssues list must be the same for all pages.")
        return known

    def _select(self, text: str, reconcile: set[int]) -> list[tuple[Issue, View]]:
        query = jql.parse(text, self.world, self._caller, self.clock.now())
        rows = [(issue, view) for issue in self.world.issues.values() if (view := self._view(issue.id, reconcile))]
        return jql.select(query, rows)

    def _view(self, id: int, reconcile: set[int]) -> View | None:
        """An issue as search shows it: late, unless it is to be reconciled."""
        issue = self.world.issues.get(id)
        if issue is None or (id in self.world.denied and self.ours):
            return None
        if id in reconcile:
            return issue.view
        return issue.in_index(self.clock.monotonic())

    @route("POST", f"{API}/search/approximate-count")
    def count(self, request: Request) -> Response:
        return Response.json({"count": len(self._select(str((request.json() or {}).get("jql") or ""), set()))})

    # -- read

    @route("POST", f"{API}/issue/bulkfetch")
    def bulk_fetch(self, request: Request) -> Response:
        body: Json = request.json() or {}
        wanted = body.get("issueIdsOrKeys") or []
        if not 0 < len(wanted) <= 100:
            raise no(400, "You can request from 1 to 100 issues.")
        found = {}
        errors = []
        for each in wanted:
            issue = self.world.issue(str(each))
            if issue is not None and issue.id not in self.world.denied:
                found[issue.id] = issue
            else:
                errors.append({"id": str(each), "errorMessage": "Issue not found or no permission to view it."})
        fields = body.get("fields") or ["*navigable"]
        shown = [
            self.shapes.issue(found[id], found[id].view, fields, body.get("properties") or ()) for id in sorted(found)
        ]
        return Response.json({"expand": "schema,names", "issues": shown, "issueErrors": errors})

    @route("GET", f"{API}/issue/{{id}}")
    def one(self, request: Request, id: str) -> Response:
        issue = self.seen(id)
        fields = [name for part in request.args("fields") for name in part.split(",")] or ["*all"]
        properties = [name for part in request.args("properties") for name in part.split(",")]
        return Response.json(self.shapes.issue(issue, issue.view, fields, properties))

    # -- create

    @route("POST", f"{API}/issue/bulk")
    def create_many(self, request: Request) -> Response:
        updates = (request.json() or {}).get("issueUpdates") or []
        if not 0 < len(updates) <= 50:
            raise no(400, "The number of issues must be from 1 to 50.")
        made: list[Json] = []
        errors: list[Json] = []
        for number, update in enumerate(updates):
            try:
                made.append(self._created(self._make(update)))
            except Refusal as refusal:
                body = msgspec.json.decode(refusal.response.body)
                status = refusal.response.status
                errors.append({"status": status, "elementErrors": body, "failedElementNumber": number})
        return Response.json({"issues": made, "errors": errors}, 201 if made else 400)

    @route("POST", f"{API}/issue")
    def create_one(self, request: Request) -> Response:
        return Response.json(self._created(self._make(request.json() or {})), 201)

    def _created(self, issue: Issue) -> Json:
        return {"id": str(issue.id), "key": issue.key, "self": f"{self.world.site}{API}/issue/{issue.id}"}

    def _make(self, update: Json) -> Issue:
        properties = {each["key"]: each["value"] for each in update.get("properties") or ()}
        made = self.add_issue(self._caller, self.prepare(update.get("fields") or {}), properties)
        for step in (update.get("update") or {}).get("issuelinks") or ():
            self.join(self._caller, *self.joined(made, step["add"]))
        return made

    def prepare(self, fields: Json) -> Json:
        """Fields of a new issue in the site's own form. Raises ``Refusal`` that names what is missing or wrong."""
        kept = values.all_of(self.world, fields)
        missing = {name: f"{name} is required" for name in ("summary", "project", "issuetype") if not kept.get(name)}
        for kind in self.world.fields.values():
            if kind.required and kept.get(kind.id) is None:
                missing[kind.id] = f"{kind.name} is required."
        if missing:
            raise no(400, **missing)
        raw = {**values.blank(self.world), **kept}
        self.check_parent(raw, None)
        return raw

    def check_parent(self, raw: Json, issue: Issue | None) -> None:
        """A child stands exactly one level below its parent, in the same project; a subtask always has one."""
        level = self.world.types[raw["issuetype"]].level
        parent = self.world.issues.get(raw["parent"]) if raw["parent"] is not None else None
        if level == -1 and parent is None:
            raise no(400, parent="Issue type is a sub-task but parent issue key or id not specified.")
        if parent is None:
            return
        above = self.world.types[parent.view.raw["issuetype"]].level
        if above != level + 1 or parent is issue:
            raise no(400, parent="Given parent work item does not belong to appropriate hierarchy.")
        if level == -1 and parent.view.raw["project"] != raw["project"]:
            raise no(400, parent="A sub-task must be in the project of its parent.")

    # -- edit

    @route("PUT", f"{API}/issue/{{id}}")
    def edit_one(self, request: Request, id: str) -> Response:
        issue = self.writable(id)
        mail = self.mail(request)
        body: Json = request.json() or {}
        fields: Json = dict(body.get("fields") or {})
        changes: Json = dict(body.get("update") or {})
        links = [self.joined(issue, step.get("add") or {}) for step in changes.pop("issuelinks", ())]
        for name, steps in changes.items():
            if name in fields:
                raise no(400, f"Field '{name}' cannot appear in both 'fields' and 'update'")
            fields[name] = self._stepped(name, issue.view.raw.get(name), steps)
        self.rewrite(issue, fields, mail=mail)
        for kind, source, target in links:
            self.join(self._caller, kind, source, target)
        return Response(204)

    def mail(self, request: Request) -> bool:
        """Whether people are told. Raises ``Refusal`` 403 where the account may not keep it quiet."""
        if request.arg("notifyUsers", "true") != "false":
            return True
        if not self.hub_administers:
            raise no(403, MAIL)
        return False

    def _stepped(self, name: str, now: Any, steps: list[Json]) -> Any:
        if name in parts.PARTS:
            now = [{"id": id} for id in now]
        for step in steps:
            if "set" in step:
                now = step["set"]
            elif name in parts.PARTS and {"add", "remove"} & step.keys():
                now = parts.stepped(self.world, name, now, step)
            elif name == "labels" and "add" in step:
                now = [*now, step["add"]]
            elif name == "labels" and "remove" in step:
                now = [label for label in now if label != step["remove"]]
            else:
                raise no(400, **{name: f"Field '{name}' does not support the operation '{next(iter(step), '')}'"})
        return now

    def rewrite(self, issue: Issue, fields: Json, *, mail: bool) -> None:
        """Set fields as the edit screen does. Raises ``Refusal``."""
        if "project" in fields:
            raise no(400, project=values.NOT_THERE.format("project"))
        new = values.all_of(self.world, fields, issue.view.raw["project"])
        raw = {**issue.view.raw, **new}
        if {"parent", "issuetype"} & new.keys():
            before = self.world.types[issue.view.raw["issuetype"]].level
            if self.world.types[raw["issuetype"]].level != before:
                raise no(400, issuetype="The issue type selected is invalid.")
            self.check_parent(raw, issue)
        self.change(self._caller, issue, new, mail=mail)

    # -- workflow

    @route("GET", f"{API}/issue/{{id}}/transitions")
    def ways(self, request: Request, id: str) -> Response:
        issue = self.seen(id)
        screens = "transitions.fields" in (request.arg("expand") or "")
        project = issue.view.raw["project"]
        ways = [way for way in self.world.ways if way.start == issue.view.raw["status"]]
        return Response.json(
            {"expand": "transitions", "transitions": [self.shapes.transition(way, screens, project) for way in ways]}
        )

    @route("POST", f"{API}/issue/{{id}}/transitions")
    def go(self, request: Request, id: str) -> Response:
        issue = self.writable(id)
        body: Json = request.json() or {}
        chosen = str((body.get("transition") or {}).get("id"))
        status = issue.view.raw["status"]
        way = next((way for way in self.world.ways if way.id == chosen and way.start == status), None)
        if way is None:
            raise no(
                400,
                f"It seems that you have tried to perform a workflow operation ({chosen}) that is not valid for the "
                f"current state of this issue ({issue.key}).",
            )
        new = values.all_of(self.world, body.get("fields") or {}, issue.view.raw["project"])
        missing = {name: f"{name} is required." for name in way.requires if new.get(name) is None}
        if missing:
            raise no(400, **missing)
        self.change(self._caller, issue, {**new, "status": way.end})
        return Response(204)

    @route("DELETE", f"{API}/issue/{{id}}")
    def drop(self, request: Request, id: str) -> Response:
        issue = self.writable(id)
        children = [
            other
            for other in self.world.issues.values()
            if other.view.raw["parent"] == issue.id and self.world.types[other.view.raw["issuetype"]].level == -1
        ]
        if children and request.arg("deleteSubtasks") != "true":
            raise no(
                400,
                f"The issue '{issue.key}' has subtasks. You must specify the 'deleteSubtasks' parameter to delete "
                "this issue and all its subtasks.",
            )
        self.remove_issue(self._caller, issue)
        return Response(204)

    # -- history

    @route("POST", f"{API}/changelog/bulkfetch")
    def histories(self, request: Request) -> Response:
        body: Json = request.json() or {}
        wanted = body.get("issueIdsOrKeys") or []
        if not 0 < len(wanted) <= 1000:
            raise no(400, "You can request changelogs of 1 to 1000 issues.")
        issues = {issue.id: issue for each in wanted if (issue := self.world.issue(str(each))) is not None}
        rows = sorted(
            ((entry.created, issue.id, entry) for issue in issues.values() for entry in issue.history),
            key=lambda row: row[:2],
        )
        size = min(int(body.get("maxResults") or 1000), 10000)
        start = int(body.get("nextPageToken") or 0)
        logs: dict[int, list[Json]] = {}
        for _, id, entry in rows[start : start + size]:
            logs.setdefault(id, []).append(self.shapes.entry(entry))
        answer: Json = {
            "issueChangeLogs": [{"issueId": str(id), "changeHistories": found} for id, found in logs.items()]
        }
        if start + size < len(rows):
            answer["nextPageToken"] = str(start + size)
        return Response.json(answer)

    @route("GET", f"{API}/issue/{{id}}/changelog")
    def history_of(self, request: Request, id: str) -> Response:
        issue = self.seen(id)
        start, size = int(request.arg("startAt") or 0), min(int(request.arg("maxResults") or 100), 100)
        found = issue.history[start : start + size]
        address = f"{self.world.site}{API}/issue/{issue.id}/changelog"
        return Response.json(
            {
                "self": f"{address}?maxResults={size}&startAt={start}",
                "maxResults": size,
                "startAt": start,
                "total": len(issue.history),
                "isLast": start + size >= len(issue.history),
                "values": [self.shapes.entry(entry) for entry in found],
            }
        )
