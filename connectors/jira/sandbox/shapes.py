"""How the service shows what exists: the key sets of real answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.jira.sandbox import custom
from connectors.jira.sandbox.custom import MANY
from connectors.jira.sandbox.fields import CONSTANTS, NAVIGABLE_NOT
from connectors.jira.sandbox.parts import PARTS, named
from connectors.jira.sandbox.world import (
    CATEGORIES,
    CATEGORY_NAMES,
    Attachment,
    Comment,
    Component,
    Entry,
    FieldKind,
    Issue,
    IssueType,
    Json,
    LinkType,
    Project,
    Status,
    User,
    Version,
    View,
    Worklog,
    World,
)

EMBEDDED = 20
"""Comments that come within an issue."""

SIZES = ("48x48", "24x24", "16x16", "32x32")


class Shapes:
    """Payloads of one site as one account sees them: hidden e-mails, times in the account's zone."""

    def __init__(self, world: World, viewer: User) -> None:
        self._world = world
        self._viewer = viewer
        self._zone = ZoneInfo(viewer.timezone)
        self._api = f"{world.site}/rest/api/3"

    def time(self, ms: int | None) -> str | None:
        """With the account's offset, without a colon in it."""
        if ms is None:
            return None
        stamp = datetime.fromtimestamp(ms // 1000, UTC).astimezone(self._zone)
        return f"{stamp:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}{stamp:%z}"

    def user(self, id: str | None) -> Json | None:
        if id is None:
            return None
        user = self._world.users[id]
        picture = f"https://secure.gravatar.com/avatar/{abs(hash_of(id)):032x}"
        shown: Json = {"self": f"{self._api}/user?accountId={id}", "accountId": id}
        if user.email_shown or user is self._viewer:
            shown["emailAddress"] = user.email
        return {
            **shown,
            "avatarUrls": dict.fromkeys(SIZES, picture),
            "displayName": user.name,
            "active": user.active,
            "timeZone": user.timezone,
            "accountType": user.kind,
        }

    def category(self, key: str) -> Json:
        known = CATEGORIES[key]
        name = CATEGORY_NAMES[self._world.language][key]
        return {"self": f"{self._api}/statuscategory/{known['id']}", **known, "name": name}

    def status(self, status: Status) -> Json:
        return {
            "self": f"{self._api}/status/{status.id}",
            "description": "",
            "iconUrl": f"{self._world.site}/",
            "name": status.name,
            "id": status.id,
            "statusCategory": self.category(status.category),
        }

    def priority(self, id: str) -> Json:
        return {
            "self": f"{self._api}/priority/{id}",
            "iconUrl": f"{self._world.site}/images/icons/priorities/{id}.svg",
            "name": self._world.priorities[id],
            "id": id,
        }

    def resolution(self, id: str | None) -> Json | None:
        if id is None:
            return None
        name = self._world.resolutions[id]
        return {"self": f"{self._api}/resolution/{id}", "id": id, "description": "", "name": name}

    def issue_type(self, kind: IssueType) -> Json:
        return {
            "self": f"{self._api}/issuetype/{kind.id}",
            "id": kind.id,
            "description": "",
            "iconUrl": f"{self._api}/universal_avatar/view/type/issuetype/avatar/10318?size=medium",
            "name": kind.name,
            "subtask": kind.level == -1,
            "avatarId": 10318,
            "entityId": f"00000000-0000-4000-8000-0000000{kind.id}",
            "hierarchyLevel": kind.level,
        }

    def project(self, project: Project) -> Json:
        picture = f"{self._api}/universal_avatar/view/type/project/avatar/10400"
        return {
            "self": f"{self._api}/project/{project.id}",
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "projectTypeKey": project.kind,
            "simplified": True,
            "avatarUrls": dict.fromkeys(SIZES, picture),
        }

    def brief(self, issue: Issue, view: View | None = None) -> Json:
        """An issue within another: parent or subtask."""
        raw = (view or issue.view).raw
        return {
            "id": str(issue.id),
            "key": issue.key,
            "self": f"{self._api}/issue/{issue.id}",
            "fields": {
                "summary": raw["summary"],
                "status": self.status(self._world.statuses[raw["status"]]),
                "priority": self.priority(raw["priority"]),
                "issuetype": self.issue_type(self._world.types[raw["issuetype"]]),
            },
        }

    def value(self, name: str, raw: Any) -> Any:
        """A field's value as a payload shows it."""
        match name:
            case "assignee" | "reporter" | "creator":
                return self.user(raw)
            case "status":
                return self.status(self._world.statuses[raw])
            case "priority":
                return self.priority(raw)
            case "issuetype":
                return self.issue_type(self._world.types[raw])
            case "project":
                return self.project(self._world.projects[raw])
            case "resolution":
                return self.resolution(raw)
            case "parent":
                parent = self._world.issues.get(raw) if raw is not None else None
                return self.brief(parent) if parent else None
        if name in PARTS:
            # Search may show an issue as it was before one of them was deleted.
            there = named(self._world, name)
            return [self.part(there[id]) for id in raw if id in there]
        kind = self._world.fields.get(name)
        return self._custom(kind, raw) if kind is not None else raw

    def _custom(self, kind: FieldKind, raw: Any) -> Any:
        if raw is None:
            return None
        if kind.kind in MANY:
            single = FieldKind(kind.id, kind.name, MANY[kind.kind], kind.options)
            return [self._custom(single, each) for each in raw]
        match kind.kind:
            case "user":
                return self.user(raw)
            case "option" | "radio":
                return custom.option(kind, raw)
            case "cascade":
                return custom.cascade(kind, raw)
            case "datetime":
                return self.time(raw)
            case "group":
                group = self._world.groups[raw]
                return {"name": raw, "groupId": group, "self": f"{self._api}/group?groupId={group}"}
            case "version":
                return self.version(self._world.versions[raw])
            case "project":
                return self.project(self._world.projects[raw])
        return raw

    def worklog(self, log: Worklog) -> Json:
        shown: Json = {
            "self": f"{self._api}/issue/{log.issue}/worklog/{log.id}",
            "author": self.user(log.author),
            "updateAuthor": self.user(log.editor),
            "created": self.time(log.created),
            "updated": self.time(log.updated),
            "started": self.time(log.started),
            "timeSpent": f"{log.seconds // 60}m",
            "timeSpentSeconds": log.seconds,
            "id": str(log.id),
            "issueId": str(log.issue),
        }
        return shown | {"comment": log.comment} if log.comment is not None else shown

    def part(self, part: Component | Version) -> Json:
        """A component or a version as an issue and its screens show it."""
        return self.component(part) if isinstance(part, Component) else self.version(part)

    def component(self, component: Component) -> Json:
        """A component; a description that is not set has no key."""
        shown = {
            "self": f"{self._api}/component/{component.id}",
            "id": component.id,
            "name": component.name,
        }
        return shown | ({"description": component.description} if component.description else {})

    def version(self, version: Version) -> Json:
        """A version; dates that are not set have no key."""
        dates = {"startDate": version.start_date, "releaseDate": version.release_date}
        return {
            "self": f"{self._api}/version/{version.id}",
            "id": version.id,
            "description": version.description,
            "name": version.name,
            "archived": version.archived,
            "released": version.released,
            "projectId": int(version.project),
            **{name: day for name, day in dates.items() if day is not None},
        }

    def issue(self, issue: Issue, view: View, wanted: Sequence[str], properties: Iterable[str] = ()) -> Json:
        """An issue with the wanted fields: names, ``*all``, ``*navigable``, and ``-name`` to leave one out."""
        shown: Json = {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
            "id": str(issue.id),
            "self": f"{self._api}/issue/{issue.id}",
            "key": issue.key,
        }
        fields = self._fields(issue, view, wanted)
        if fields or not set(wanted) <= {"id", "key"}:
            shown["fields"] = fields
        asked = list(properties)
        if asked:
            shown["properties"] = {name: issue.properties[name] for name in asked if name in issue.properties}
        return shown

    def _fields(self, issue: Issue, view: View, wanted: Sequence[str]) -> Json:
        leave = {name[1:] for name in wanted if name.startswith("-")}
        if "*navigable" in wanted:
            leave |= NAVIGABLE_NOT
        names = None if {"*all", "*navigable"} & set(wanted) else set(wanted)
        fields: Json = {}
        if names is None:
            fields = {name: value for name, value in CONSTANTS.items() if name not in leave}
            fields["watches"] = {
                "self": f"{self._api}/issue/{issue.key}/watchers",
                "watchCount": 1,
                "isWatching": False,
            }
        elif names & CONSTANTS.keys():
            fields = {name: CONSTANTS[name] for name in names & CONSTANTS.keys()}
        for name, raw in view.raw.items():
            if (names is None or name in names) and name not in leave:
                if name == "parent" and raw is None:
                    continue  # no key at all where there is no parent
                fields[name] = self.value(name, raw)
        category = self._world.statuses[view.raw["status"]].category
        extra: dict[str, Any] = {
            "created": lambda: self.time(issue.created),
            "updated": lambda: self.time(view.updated),
            "statuscategorychangedate": lambda: self.time(issue.status_changed),
            "statusCategory": lambda: self.category(category),
            "resolutiondate": lambda: self.time(issue.resolved),
            "comment": lambda: self.comments(issue),
            "attachment": lambda: [self.attachment(each) for each in issue.attachments.values()],
            "subtasks": lambda: [self.brief(child) for child in self.children(issue)],
            "issuelinks": lambda: self.issue_links(issue),
        }
        for name, make in extra.items():
            if (names is None or name in names) and name not in leave:
                fields[name] = make()
        for name in leave:
            fields.pop(name, None)
        return fields

    def children(self, issue: Issue) -> list[Issue]:
        subtasks = (self._world.issues[id] for id in sorted(self._world.subtasks))
        return [child for child in subtasks if child.view.raw["parent"] == issue.id]

    def comments(self, issue: Issue) -> Json:
        found = list(issue.comments.values())[:EMBEDDED]
        return {
            "comments": [self.comment(issue, comment) for comment in found],
            "self": f"{self._api}/issue/{issue.id}/comment",
            "maxResults": EMBEDDED,
            "total": len(issue.comments),
            "startAt": 0,
        }

    def comment(self, issue: Issue, comment: Comment, properties: bool = False) -> Json:
        shown: Json = {
            "self": f"{self._api}/issue/{issue.id}/comment/{comment.id}",
            "id": str(comment.id),
            "author": self.user(comment.author),
            "body": comment.body,
            "updateAuthor": self.user(comment.editor),
            "created": self.time(comment.created),
            "updated": self.time(comment.updated),
            "jsdPublic": not comment.internal,
        }
        if comment.visibility:
            shown["visibility"] = comment.visibility
        if properties:
            shown["properties"] = [{"key": key, "value": value} for key, value in comment.properties.items()]
        return shown

    def attachment(self, made: Attachment) -> Json:
        return {
            "self": f"{self._api}/attachment/{made.id}",
            "id": str(made.id),
            "filename": made.name,
            "author": self.user(made.author),
            "created": self.time(made.created),
            "size": len(made.body),
            "mimeType": made.kind,
            "content": f"{self._api}/attachment/content/{made.id}",
        }

    def link_type(self, kind: LinkType) -> Json:
        return {
            "id": kind.id,
            "name": kind.name,
            "inward": kind.inward,
            "outward": kind.outward,
            "self": f"{self._api}/issueLinkType/{kind.id}",
        }

    def issue_links(self, issue: Issue) -> list[Json]:
        """An issue's links; each shows the other end alone."""
        kinds = {kind.id: kind for kind in self._world.link_types}
        shown: list[Json] = []
        for link in self._world.issue_links.values():
            ends = {link.source: ("outwardIssue", link.target), link.target: ("inwardIssue", link.source)}
            if issue.id in ends:
                end, other = ends[issue.id]
                about: Json = {
                    "id": str(link.id),
                    "self": f"{self._api}/issueLink/{link.id}",
                    "type": self.link_type(kinds[link.kind]),
                }
                shown.append(about | {end: self.brief(self._world.issues[other])})
        return shown

    def link(self, issue: Issue, id: int, link: Json) -> Json:
        return {"id": id, "self": f"{self._api}/issue/{issue.id}/remotelink/{id}", **link}

    def entry(self, entry: Entry) -> Json:
        return {
            "id": str(entry.id),
            "author": self.user(entry.author),
            "created": self.time(entry.created),
            "items": entry.items,
        }


def hash_of(text: str) -> int:
    """The same number for the same text in every process."""
    return int.from_bytes(text.encode()[:16].ljust(16, b"."), "big")
