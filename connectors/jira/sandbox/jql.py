"""The part of JQL that people and connectors use, parsed and judged on what the index holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.jira.sandbox.world import Issue, User, View, World
from connectors.sandbox.exchange import Refusal

Test = Callable[[Issue, View], bool]
Key = Callable[[Issue, View], Any]

TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')|(?P<op><=|>=|!=|!~|=|<|>|~|\(|\)|,)|(?P<word>[^\s()=!<>~,"\']+))'
)
SPAN = re.compile(r"([+-]?)(\d+)([wdhm])\Z")
UNIT = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
DAY_FORMS = ("%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d")


@dataclass(slots=True)
class Query:
    test: Test
    order: list[tuple[Key, bool]]
    """Sort keys and whether descending, most important first."""


def refuse(words: str) -> Refusal:
    return Refusal(400, {"errorMessages": [words], "errors": {}})


def parse(jql: str, world: World, viewer: User, now: datetime) -> Query:
    """The query that the text means. Raises ``Refusal`` 400 in Jira's manner, for an unbounded one too."""
    return _Parser(jql, world, viewer, now).query()


class _Parser:
    def __init__(self, jql: str, world: World, viewer: User, now: datetime) -> None:
        self.world = world
        self.viewer = viewer
        self.now = now
        self.words: list[tuple[str, bool]] = []
        at = 0
        while jql[at:].strip():
            found = TOKEN.match(jql, at)
            if not found:
                raise refuse(f"Error in the JQL Query: the character '{jql[at:].strip()[0]}' is not expected here.")
            quoted = found["text"]
            word = re.sub(r"\\(.)", r"\1", quoted[1:-1]) if quoted else found["op"] or found["word"]
            self.words.append((word, bool(quoted)))
            at = found.end()
        self.at = 0

    def peek(self) -> str:
        """The next word in lower case; empty at the end. A quoted word is no keyword."""
        if self.at >= len(self.words):
            return ""
        word, quoted = self.words[self.at]
        return f'"{word}' if quoted else word.lower()

    def take(self, expected: str | None = None) -> str:
        if self.at >= len(self.words):
            raise refuse("Error in the JQL Query: the query ends too early.")
        word, _ = self.words[self.at]
        if expected is not None and self.peek() != expected:
            raise refuse(f"Error in the JQL Query: expecting '{expected}' but got '{word}'.")
        self.at += 1
        return word

    def query(self) -> Query:
        if self.peek() in ("", "order"):
            raise refuse("Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
        test = self.either()
        order: list[tuple[Key, bool]] = []
        if self.peek() == "order":
            self.take()
            self.take("by")
            while True:
                key = _sort_key(self.take().lower(), self.world)
                down = self.peek() == "desc"
                if self.peek() in ("asc", "desc"):
                    self.take()
                order.append((key, down))
                if self.peek() != ",":
                    break
                self.take()
        if self.peek():
            raise refuse(f"Error in the JQL Query: '{self.words[self.at][0]}' is not expected here.")
        return Query(test, order)

    def either(self) -> Test:
        tests = [self.both()]
        while self.peek() == "or":
            self.take()
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda issue, view: any(test(issue, view) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.peek() == "and":
            self.take()
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda issue, view: all(test(issue, view) for test in tests)

    def one(self) -> Test:
        if self.peek() == "not":
            self.take()
            test = self.one()
            return lambda issue, view: not test(issue, view)
        if self.peek() == "(":
            self.take()
            test = self.either()
            self.take(")")
            return test
        return self.clause()

    def clause(self) -> Test:
        name = self.take()
        field = name.lower()
        op = self.take().lower()
        if op == "not":
            self.take("in")
            op = "not in"
        if op == "is":
            negated = self.peek() == "not"
            if negated:
                self.take()
            if self.take().lower() not in ("empty", "null"):
                raise refuse("Error in the JQL Query: 'is' takes EMPTY or NULL.")
            read = self._reader(field, name)
            return lambda issue, view: bool(read(issue, view)) == negated
        if op in ("in", "not in"):
            wanted = self._list(field)
        elif op in ("=", "!=", "<", "<=", ">", ">=", "~", "!~"):
            wanted = self._operand(field)
        else:
            raise refuse(f"Error in the JQL Query: '{op}' is not an operator.")
        return self._compare(field, name, op, wanted)

    def _list(self, field: str) -> set[str]:
        if self.peek() == "updatedby":
            return self._updated_by()
        self.take("(")
        found: set[str] = set()
        while True:
            found |= self._operand(field)
            if self.peek() != ",":
                break
            self.take()
        self.take(")")
        return found

    def _operand(self, field: str) -> set[str]:
        word = self.take()
        if self.peek() == "(" and word.lower() == "currentuser":
            self.take("(")
            self.take(")")
            return {self.viewer.id.lower()}
        return {word.lower()}

    def _updated_by(self) -> set[str]:
        """``updatedBy(user, from, to)``: issues that the user made, edited or commented in that time."""
        self.take()
        self.take("(")
        args = [self.take()]
        while self.peek() == ",":
            self.take()
            args.append(self.take())
        self.take(")")
        start = self.instant(args[1]) if len(args) > 1 else 0
        end = self.instant(args[2]) if len(args) > 2 else 1 << 62
        found = set()
        for issue in self.world.issues.values():
            times = [entry.created for entry in issue.history if entry.author == args[0]]
            times += [comment.created for comment in issue.comments.values() if comment.author == args[0]]
            times += [comment.updated for comment in issue.comments.values() if comment.editor == args[0]]
            if issue.view.raw["creator"] == args[0]:
                times.append(issue.created)
            if any(start <= at <= end for at in times):
                found.add(str(issue.id))
        return found

    def instant(self, word: str) -> int:
        """Epoch milliseconds, a day or minute in the account's zone, or a span back from now."""
        if re.fullmatch(r"-?\d{5,}", word):
            return int(word)
        span = SPAN.match(word)
        if span:
            moved = UNIT[span[3]] * int(span[2])
            return _ms(self.now - moved if span[1] == "-" else self.now + moved)
        for form in DAY_FORMS:
            try:
                naive = datetime.strptime(word, form)
            except ValueError:
                continue
            return _ms(naive.replace(tzinfo=ZoneInfo(self.viewer.timezone)))
        raise refuse(
            f"Date value '{word}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', "
            "'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
        )

    def _compare(self, field: str, name: str, op: str, wanted: set[str]) -> Test:
        if field in ("updated", "updateddate", "created", "createddate"):
            limit = self.instant(next(iter(wanted)))
            if op not in _ORDERED:
                raise refuse(f"The operator '{op}' is not supported by the '{name}' field.")
            compare = _ORDERED[op]
            if field.startswith("updated"):
                return lambda issue, view: compare(view.updated, limit)
            return lambda issue, view: compare(issue.created, limit)
        if field in ("duedate", "due") and op in _ORDERED:
            day, compare = next(iter(wanted)), _ORDERED[op]
            return lambda issue, view: bool(view.raw["duedate"]) and compare(view.raw["duedate"], day)
        if field == "project":
            self._check_projects(wanted)
        read = self._reader(field, name)
        if op in ("~", "!~"):
            text = next(iter(wanted)).strip("*")
            return lambda issue, view: any(text in each for each in read(issue, view)) == (op == "~")
        hit = op in ("=", "in")
        if op not in ("=", "!=", "in", "not in"):
            raise refuse(f"The operator '{op}' is not supported by the '{name}' field.")
        if hit:
            return lambda issue, view: not wanted.isdisjoint(read(issue, view))
        # Jira leaves empty values out of both = and !=.
        return lambda issue, view: bool(found := read(issue, view)) and wanted.isdisjoint(found)

    def _check_projects(self, wanted: set[str]) -> None:
        known = {
            word for each in self.world.projects.values() for word in (each.id, each.key.lower(), each.name.lower())
        }
        for word in sorted(wanted - known):
            raise refuse(f"The value '{word.upper()}' does not exist for the field 'project'.")

    def _reader(self, field: str, name: str) -> Callable[[Issue, View], set[str]]:
        """What a clause compares with, in lower case: ids and names alike."""
        world = self.world
        match field:
            case "key" | "id" | "issue" | "issuekey":
                return lambda issue, view: {str(issue.id), issue.key.lower()}
            case "project":
                return lambda issue, view: _of_project(world, view)
            case "issuetype" | "type":
                return lambda issue, view: {view.raw["issuetype"], world.types[view.raw["issuetype"]].name.lower()}
            case "hierarchylevel":
                return lambda issue, view: {str(world.types[view.raw["issuetype"]].level)}
            case "status":
                return lambda issue, view: {view.raw["status"], world.statuses[view.raw["status"]].name.lower()}
            case "statuscategory":
                return lambda issue, view: {world.statuses[view.raw["status"]].category}
            case "labels":
                return lambda issue, view: {label.lower() for label in view.raw["labels"]}
            case "priority":
                return lambda issue, view: {view.raw["priority"], world.priorities[view.raw["priority"]].lower()}
            case "assignee" | "reporter" | "creator":
                return lambda issue, view: _of_person(world, view.raw[field])
            case "parent":
                return lambda issue, view: _of_parent(world, view.raw["parent"])
            case "summary" | "text":
                return lambda issue, view: {view.raw["summary"].lower()}
            case "duedate" | "due":
                return lambda issue, view: {view.raw["duedate"]} if view.raw["duedate"] else set()
        raise refuse(f"Field '{name}' does not exist or you do not have permission to view it.")


_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda left, right: left >= right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    "<": lambda left, right: left < right,
    "=": lambda left, right: left == right,
}


def _of_project(world: World, view: View) -> set[str]:
    project = world.projects[view.raw["project"]]
    return {project.id, project.key.lower(), project.name.lower()}


def _of_person(world: World, id: str | None) -> set[str]:
    return {id.lower(), world.users[id].name.lower()} if id else set()


def _of_parent(world: World, id: int | None) -> set[str]:
    parent = world.issues.get(id) if id else None
    return {str(parent.id), parent.key.lower()} if parent else set()


def _sort_key(field: str, world: World) -> Key:
    match field:
        case "updated" | "updateddate":
            return lambda issue, view: view.updated
        case "created" | "createddate":
            return lambda issue, view: issue.created
        case "id" | "key" | "issuekey":
            return lambda issue, view: issue.id
        case "summary":
            return lambda issue, view: view.raw["summary"]
        case "priority":
            return lambda issue, view: view.raw["priority"]
        case "duedate" | "due":
            return lambda issue, view: view.raw["duedate"] or "9999"
        case "status":
            return lambda issue, view: world.statuses[view.raw["status"]].name
    raise refuse(f"Not able to sort using field '{field}'.")


def _ms(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)


def select(query: Query, rows: list[tuple[Issue, View]]) -> list[tuple[Issue, View]]:
    """The rows that fit, sorted."""
    found = [row for row in rows if query.test(*row)]
    for key, down in reversed(query.order):
        found.sort(key=lambda row: key(*row), reverse=down)
    return found
