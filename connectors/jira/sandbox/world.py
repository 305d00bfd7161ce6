"""What exists on the site: projects, types, statuses, workflow, people, fields, issues and what hangs on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

NAMES = {
    "en": {
        "epic": "Epic",
        "task": "Task",
        "story": "Story",
        "subtask": "Subtask",
        "todo": "To Do",
        "doing": "In Progress",
        "review": "In Review",
        "done": "Done",
        "priorities": ["Highest", "High", "Medium", "Low", "Lowest"],
        "resolution": "Done",
    },
    "zh": {
        "epic": "史诗",
        "task": "任务",
        "story": "故事",
        "subtask": "子任务",
        "todo": "待办",
        "doing": "进行中",
        "review": "审核中",
        "done": "完成",
        "priorities": ["最高", "高", "中", "低", "最低"],
        "resolution": "完成",
    },
}

CATEGORIES = {
    "new": {"id": 2, "key": "new", "colorName": "blue-gray"},
    "indeterminate": {"id": 4, "key": "indeterminate", "colorName": "yellow"},
    "done": {"id": 3, "key": "done", "colorName": "green"},
}
CATEGORY_NAMES = {
    "en": {"new": "To Do", "indeterminate": "In Progress", "done": "Done"},
    "zh": {"new": "待办", "indeterminate": "进行中", "done": "完成"},
}


@dataclass(slots=True)
class Project:
    id: str
    key: str
    name: str
    kind: str = "software"
    lead: str = ""
    last_number: int = 0


@dataclass(slots=True)
class IssueType:
    id: str
    role: str
    name: str
    level: int


@dataclass(slots=True)
class Status:
    id: str
    role: str
    name: str
    category: str


@dataclass(slots=True)
class Way:
    """One transition of the workflow."""

    id: str
    name: str
    start: str
    end: str
    requires: list[str] = field(default_factory=list)


@dataclass(slots=True)
class User:
    id: str
    name: str
    email: str
    email_shown: bool = False
    active: bool = True
    timezone: str = "Europe/Warsaw"
    kind: str = "atlassian"


@dataclass(slots=True)
class FieldKind:
    """A custom field; ``sandbox.custom.SCHEMAS`` lists the kinds."""

    id: str
    name: str
    kind: str
    options: list[Json] = field(default_factory=list)
    required: bool = False


@dataclass(slots=True)
class Version:
    """A version of a project."""

    id: str
    project: str
    name: str
    description: str = ""
    start_date: str | None = None
    release_date: str | None = None
    released: bool = False
    archived: bool = False


@dataclass(slots=True)
class Component:
    """A component of a project."""

    id: str
    project: str
    name: str
    description: str = ""


@dataclass(slots=True)
class Worklog:
    """Time booked on an issue."""

    id: int
    issue: int
    author: str
    seconds: int
    started: int
    created: int
    updated: int
    editor: str
    comment: Any = None


@dataclass(slots=True)
class Comment:
    id: int
    author: str
    body: Any
    created: int
    updated: int
    editor: str
    properties: Json = field(default_factory=dict)
    visibility: Json | None = None

    @property
    def internal(self) -> bool:
        """A note of a service desk's agents, by the property under which the service keeps it."""
        told = self.properties.get("sd.public.comment")
        return isinstance(told, dict) and told.get("internal") is True


@dataclass(slots=True)
class Attachment:
    id: int
    name: str
    kind: str
    body: bytes
    author: str
    created: int


@dataclass(frozen=True, slots=True)
class LinkType:
    id: str
    name: str
    inward: str
    outward: str


@dataclass(frozen=True, slots=True)
class IssueLink:
    """``source`` is shown with the type's outward words, ``target`` with the inward ones."""

    id: int
    kind: str
    source: int
    target: int


@dataclass(slots=True)
class Entry:
    """One entry of a changelog."""

    id: int
    author: str
    created: int
    items: list[Json]


@dataclass(slots=True)
class Task:
    """A bulk operation that was taken on: issue and transition, one after the other."""

    id: str
    steps: list[tuple[str, str]]
    mail: bool
    created: int
    begins: float
    """On the monotonic clock, like the pace."""
    pace: float
    done: int = 0
    status: str = "ENQUEUED"
    went: list[int] = field(default_factory=list)
    failed: dict[str, list[str]] = field(default_factory=dict)
    unseen: int = 0
    updated: int = 0
    known: bool = True
    """Whether the service tells of it when it is asked."""


@dataclass(slots=True)
class View:
    """An issue's fields at one moment; values are replaced, never changed in place."""

    raw: Json
    updated: int


@dataclass(slots=True)
class Issue:
    id: int
    key: str
    view: View
    created: int
    comments: dict[int, Comment] = field(default_factory=dict)
    links: dict[int, Json] = field(default_factory=dict)
    attachments: dict[int, Attachment] = field(default_factory=dict)
    history: list[Entry] = field(default_factory=list)
    properties: Json = field(default_factory=dict)
    indexed: list[tuple[float, View]] = field(default_factory=list)
    """What the search index will show, and from when on."""
    status_changed: int = 0
    resolved: int | None = None

    def in_index(self, now: float) -> View | None:
        """What search shows at ``now``; older views are forgotten."""
        shown = None
        while self.indexed and self.indexed[0][0] <= now:
            shown = self.indexed.pop(0)
        if shown is not None:
            self.indexed.insert(0, shown)
            return shown[1]
        return None


class World:
    """The site's state and its settings."""

    def __init__(self, language: str = "en") -> None:
        self.site = "https://acme.atlassian.net"
        self.language = language
        self.projects: dict[str, Project] = {}
        self.types: dict[str, IssueType] = {}
        self.statuses: dict[str, Status] = {}
        self.ways: list[Way] = []
        self.priorities: dict[str, str] = {}
        self.resolutions: dict[str, str] = {}
        self.users: dict[str, User] = {}
        self.groups: dict[str, str] = {}
        """Name -> id."""
        self.versions: dict[str, Version] = {}
        self.components: dict[str, Component] = {}
        self.worklogs: dict[int, Worklog] = {}
        self.worklogs_gone: dict[int, int] = {}
        """Id -> when it was deleted."""
        self.fields: dict[str, FieldKind] = {}
        self.tasks: dict[str, Task] = {}
        self.issues: dict[int, Issue] = {}
        self.keys: dict[str, int] = {}
        self.link_types = [
            LinkType("10000", "Blocks", "is blocked by", "blocks"),
            LinkType("10001", "Relates", "relates to", "relates to"),
        ]
        self.issue_links: dict[int, IssueLink] = {}
        self.denied: set[int] = set()
        self.subtasks: set[int] = set()
        self._last = 10000
        self._furnish()

    def number(self) -> int:
        """The next id; Jira gives one sequence per kind of thing, which nobody may rely on."""
        self._last += 1
        return self._last

    def _furnish(self) -> None:
        for number, (role, level) in enumerate((("epic", 1), ("subtask", -1), ("task", 0), ("story", 0)), 10001):
            self.types[str(number)] = IssueType(str(number), role, "", level)
        roles = (("todo", "new"), ("doing", "indeterminate"), ("review", "indeterminate"), ("done", "done"))
        for number, (role, category) in enumerate(roles, 10000):
            self.statuses[str(number)] = Status(str(number), role, "", category)
        ways = (
            ("11", "Start", "todo", "doing"),
            ("21", "Stop", "doing", "todo"),
            ("31", "Ask for review", "doing", "review"),
            ("41", "Back to work", "review", "doing"),
            ("51", "Finish", "review", "done"),
            ("61", "Reopen", "done", "todo"),
        )
        by_role = {status.role: status.id for status in self.statuses.values()}
        self.ways = [Way(id, name, by_role[start], by_role[end]) for id, name, start, end in ways]
        for kind in (
            FieldKind("customfield_10015", "Start date", "date"),
            FieldKind("customfield_10016", "Story point estimate", "number"),
        ):
            self.fields[kind.id] = kind
        self.localise(self.language)

    def localise(self, language: str) -> None:
        """Rename types, statuses, priorities and resolutions, as a site in that language has them. Ids stay."""
        names: Json = NAMES[language]
        self.language = language
        for kind in self.types.values():
            kind.name = names[kind.role]
        for status in self.statuses.values():
            status.name = names[status.role]
        self.priorities = {str(number): name for number, name in enumerate(names["priorities"], 1)}
        self.resolutions = {"10000": names["resolution"]}

    def add_project(self, key: str, name: str, kind: str = "software") -> Project:
        project = Project(str(self.number()), key, name, kind)
        self.projects[project.id] = project
        return project

    def project(self, key_or_id: str) -> Project | None:
        found = self.projects.get(key_or_id)
        return found or next((each for each in self.projects.values() if each.key == key_or_id), None)

    def issue(self, key_or_id: str) -> Issue | None:
        """By id, key, or a key it had before it was moved."""
        if key_or_id.isdecimal():
            return self.issues.get(int(key_or_id))
        wanted = key_or_id.upper()
        if wanted in self.keys:
            return self.issues.get(self.keys[wanted])
        return None

    def type_at(self, level: int) -> IssueType:
        return next(kind for kind in self.types.values() if kind.level == level)
