"""The ground under every route: who calls, what changes, what is logged, and what the search index knows."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar

from connectors.base import Clock, utc
from connectors.jira.sandbox import custom, parts
from connectors.jira.sandbox.screens import Screens
from connectors.jira.sandbox.values import wiki
from connectors.jira.sandbox.world import Entry, Issue, IssueLink, Json, LinkType, Project, User, View, World
from connectors.sandbox.core import SandboxCore
from connectors.sandbox.exchange import Refusal, Request, Response

HUB_EMAIL = "hub@acme.example"
HUB_TOKEN = "sandbox-api-token"
HUB_REFRESH = "sandbox-refresh-token"
GONE = "Issue does not exist or you do not have permission to see it."
HIDDEN = "You do not have the permission to see the specified issue."
MAIL = "To discard the user notification either admin or project admin permissions are required."

ITEM_NAMES = {"parent": "IssueParentAssociation"}
"""What the changelog calls a field, where it is not its id; such entries name no id."""


def no(status: int, *words: str, **errors: str) -> Refusal:
    """A refusal in Jira's form."""
    return Refusal(status, {"errorMessages": list(words), "errors": errors})


class Site(SandboxCore, ABC):
    """State of one site and the acts that change it."""

    system: ClassVar[str] = "jira"

    def __init__(self, clock: Clock, seed: int = 1, language: str = "en") -> None:
        super().__init__(clock, seed)
        self.world = World(language)
        self.search_lag = 5.0
        """Seconds until the search index knows of a change."""
        self.hub_administers = True
        """Whether the hub's account may keep Jira from sending mail."""
        self.lacks: set[str] = set()
        """Permissions that the hub's account does not have."""
        self.deployment = "Cloud"
        self.per_issue: list[tuple[int, float]] = []
        """Most writes to one issue within so many seconds, e.g. ``(20, 2.0)``; empty: no such limit."""
        self.hub = self.add_user("Keepstep", HUB_EMAIL)
        self.world.add_project("ACME", "Acme")
        self._tokens = {"Basic " + base64.b64encode(f"{HUB_EMAIL}:{HUB_TOKEN}".encode()).decode()}
        self._refresh = HUB_REFRESH
        self.cloud_id = "cid"
        self._codes: dict[str, tuple[str, str]] = {}
        """Codes of consents: redirect and challenge."""
        self._caller: User = self.hub
        self._written: dict[int, deque[float]] = {}

    # -- people

    def add_user(self, name: str, email: str | None = None, kind: str = "atlassian") -> User:
        id = f"712020:{self.rng.getrandbits(128):032x}"
        user = User(id, name, email or f"user{len(self.world.users)}@acme.example", kind=kind)
        self.world.users[id] = user
        return user

    def person(self, name: str) -> User:
        """The user of that display name; a new one if there is none."""
        found = next((user for user in self.world.users.values() if user.name == name), None)
        return found or self.add_user(name)

    # -- who calls

    def admit(self, request: Request) -> None:
        if request.path == "/oauth/token":
            return
        if request.headers.get("authorization") not in self._tokens:
            raise Refusal(401, {"message": "Client must be authenticated to access this resource.", "status-code": 401})
        self._caller = self.hub

    def refuse(self, kind: str) -> Response:
        if kind == "expired":
            return Response.json({"code": 401, "message": "Unauthorized"}, 401)
        return self.too_many("jira-burst-based", 5)

    def too_many(self, reason: str, seconds: float) -> Response:
        headers = {
            "Retry-After": str(max(1, round(seconds))),
            "RateLimit-Reason": reason,
            "X-RateLimit-Limit": "350",
            "X-RateLimit-Remaining": "0",
        }
        return Response.json({"errorMessages": ["Rate limit exceeded."], "errors": {}}, 429, headers)

    def no_route(self, request: Request, allowed: list[str]) -> Response:
        status = 405 if allowed else 404
        body = {"timestamp": self.now(), "status": status, "error": "Not Found", "path": request.path}
        return Response.json(body, status)

    @property
    def shapes(self) -> Screens:
        return Screens(self.world, self._caller)

    @property
    def ours(self) -> bool:
        return self._caller is self.hub

    # -- time

    def ms(self) -> int:
        return round(self.clock.now().timestamp() * 1000)

    # -- issues

    def seen(self, key_or_id: str) -> Issue:
        """An issue that the caller may see. Raises ``Refusal``."""
        issue = self.world.issue(key_or_id)
        if issue is None:
            raise no(404, GONE)
        if issue.id in self.world.denied and self.ours:
            raise no(403, HIDDEN)
        return issue

    def writable(self, key_or_id: str) -> Issue:
        """The same before a write, within the limit of writes to one issue."""
        issue = self.seen(key_or_id)
        if self.ours and self.per_issue:
            now = self.clock.monotonic()
            sent = self._written.setdefault(issue.id, deque())
            for count, seconds in self.per_issue:
                recent = [at for at in sent if at > now - seconds]
                if len(recent) >= count:
                    answer = self.too_many("jira-per-issue-on-write", recent[0] + seconds - now)
                    refusal = Refusal(429)
                    refusal.response = answer
                    raise refusal
            sent.append(now)
            while sent and sent[0] < now - 60:
                sent.popleft()
        return issue

    def new_view(self, issue: Issue, raw: Json) -> None:
        """The issue as it is from now on; the index learns of it later. No two states share a time of change."""
        issue.view = View(raw, max(self.ms(), issue.view.updated + 1))
        issue.indexed.append((self.clock.monotonic() + self.search_lag, issue.view))

    def touch(self, issue: Issue) -> None:
        """A change beside the fields: a comment, a link."""
        self.new_view(issue, issue.view.raw)

    def stream_of(self, issue: Issue) -> str:
        return "epics" if self.world.types[issue.view.raw["issuetype"]].level == 1 else "issues"

    def add_issue(self, actor: User, raw: Json, properties: Mapping[str, Any] | None = None) -> Issue:
        """A new issue at the start of its workflow."""
        project = self.world.projects[raw["project"]]
        project.last_number += 1
        now = self.ms()
        first = self.world.ways[0].start
        whole = {**raw, "status": first, "creator": actor.id, "reporter": raw.get("reporter") or actor.id}
        issue = Issue(self.world.number(), f"{project.key}-{project.last_number}", View(whole, now), now)
        issue.status_changed = now
        issue.properties = dict(properties or {})
        issue.indexed.append((self.clock.monotonic() + self.search_lag, issue.view))
        self.world.issues[issue.id] = issue
        self.world.keys[issue.key] = issue.id
        if self.world.types[whole["issuetype"]].level == -1:
            self.world.subtasks.add(issue.id)
        changes = {name: (None, self.shapes.value(name, value)) for name, value in whole.items() if value}
        self._log(actor, "create", self.stream_of(issue), str(issue.id), changes, self.audience(issue, actor))
        return issue

    def change(self, actor: User, issue: Issue, new: Json, *, mail: bool = True) -> bool:
        """Set fields in the site's own form. What stays the same is no change, not even of the time."""
        old = issue.view.raw
        new = {name: value for name, value in new.items() if old[name] != value}
        if "status" in new:
            new |= self._resolution(issue, new)
        if not new:
            return False
        self.new_view(issue, {**old, **new})
        entry = Entry(self.world.number(), actor.id, issue.view.updated, [])
        for name, value in new.items():
            if name in parts.PARTS:
                entry.items += parts.items(self.world, name, old[name], value)
            else:
                entry.items.append(self._item(name, old[name], value))
        issue.history.append(entry)
        changes = {name: (self.shapes.value(name, old[name]), self.shapes.value(name, new[name])) for name in new}
        notified = self.audience(issue, actor) if mail else 0
        self._log(actor, "update", self.stream_of(issue), str(issue.id), changes, notified)
        return True

    def rekey(self, actor: User, issue: Issue, project: Project) -> None:
        """An issue goes to another project: a new key, the same id, and nothing that belongs to the old project."""
        if issue.view.raw["project"] == project.id:
            return
        old = issue.key
        project.last_number += 1
        issue.key = f"{project.key}-{project.last_number}"
        self.world.keys[issue.key] = issue.id
        self.change(actor, issue, {"project": project.id, **{name: [] for name in parts.PARTS}})
        item: Json = {"field": "Key", "fieldtype": "jira", "from": None, "fromString": old}
        issue.history[-1].items.append(item | {"to": None, "toString": issue.key})

    def _resolution(self, issue: Issue, new: Json) -> Json:
        """A finished issue has a resolution, an open one has none."""
        before = self.world.statuses[issue.view.raw["status"]].category
        after = self.world.statuses[new["status"]].category
        if before != after:
            issue.status_changed = self.ms()
        if after == "done":
            issue.resolved = self.ms()
            chosen = new.get("resolution") or issue.view.raw["resolution"] or next(iter(self.world.resolutions))
            return {} if chosen == issue.view.raw["resolution"] else {"resolution": chosen}
        issue.resolved = None
        return {"resolution": None} if issue.view.raw["resolution"] else {}

    def _item(self, name: str, old: Any, new: Any) -> Json:
        before, after = self._said(name, old), self._said(name, new)
        custom = name in self.world.fields
        item: Json = {
            "field": self.world.fields[name].name if custom else ITEM_NAMES.get(name, name),
            "fieldtype": "custom" if custom else "jira",
            "fieldId": name,
            "from": before[0],
            "fromString": before[1],
            "to": after[0],
            "toString": after[1],
        }
        if name in ITEM_NAMES:
            del item["fieldId"]
        if name in ("assignee", "reporter"):
            item |= {"tmpFromAccountId": old, "tmpToAccountId": new}
        return item

    def _said(self, name: str, raw: Any) -> tuple[str | None, str | None]:
        """A value in the changelog: its id, where it has one, and its text."""
        if raw is None:
            return None, None
        kind = self.world.fields.get(name)
        if kind is not None and kind.kind in custom.MANY | dict.fromkeys(("radio", "cascade", "version", "project")):
            return custom.said(self.world, kind, raw)
        match kind.kind if kind else name:
            case "description" | "environment" | "textarea":
                return None, wiki(raw)
            case "labels":
                return None, " ".join(raw)
            case "duedate" | "date":
                return raw, f"{raw} 00:00:00.0"
            case "assignee" | "reporter" | "user":
                return raw, self.world.users[raw].name
            case "parent":
                parent = self.world.issues.get(raw)
                return str(raw), parent.key if parent else None
            case "status":
                return raw, self.world.statuses[raw].name
            case "priority":
                return raw, self.world.priorities[raw]
            case "issuetype":
                return raw, self.world.types[raw].name
            case "project":
                return raw, self.world.projects[raw].name
            case "resolution":
                return raw, self.world.resolutions[raw]
            case "option":
                return custom.said(self.world, kind, raw) if kind else (None, None)
            case "datetime":
                shown = str(self.shapes.time(raw))
                return shown, shown
            case "number":
                return None, str(raw)
        return None, str(raw)

    def remove_issue(self, actor: User, issue: Issue) -> None:
        """An issue is gone for good, with all that hangs on it; epics leave their children behind."""
        for other in list(self.world.issues.values()):
            if other.view.raw["parent"] == issue.id:
                if self.world.types[other.view.raw["issuetype"]].level == -1:
                    self.remove_issue(actor, other)
                else:
                    self.change(actor, other, {"parent": None})
        for log in [log for log in self.world.worklogs.values() if log.issue == issue.id]:
            del self.world.worklogs[log.id]
            self.world.worklogs_gone[log.id] = self.ms()
        for id in issue.comments:
            self._log(actor, "delete", "comments", f"{issue.id}-{id}", {}, 0)
        for id in issue.links:
            self._log(actor, "delete", "remote_links", f"{issue.id}-{id}", {}, 0)
        for link in [each for each in self.world.issue_links.values() if issue.id in (each.source, each.target)]:
            self.part(actor, link)
        del self.world.issues[issue.id]
        self.world.subtasks.discard(issue.id)
        self._log(actor, "delete", self.stream_of(issue), str(issue.id), {}, self.audience(issue, actor))

    @abstractmethod
    def part(self, actor: User, link: IssueLink) -> None:
        """Take a link between two issues away."""

    @abstractmethod
    def joined(self, issue: Issue, step: Json) -> tuple[LinkType, Issue, Issue]: ...

    @abstractmethod
    def join(self, actor: User, kind: LinkType, source: Issue, target: Issue) -> int: ...

    def audience(self, issue: Issue, actor: User) -> int:
        """People who get mail about the issue: who reported it and who works on it, not who did it."""
        people = {issue.view.raw["reporter"], issue.view.raw["assignee"]} - {None, actor.id, self.hub.id}
        return len(people)

    def _log(self, actor: User, kind: str, stream: str, id: str, changes: Json, notified: int) -> None:
        self.truth.add(
            at=utc(self.clock.now()),
            actor=actor.name,
            kind=kind,
            stream=stream,
            id=id,
            changes=changes,
            ours=actor is self.hub,
            notified=notified,
        )
