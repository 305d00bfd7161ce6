"""What a rule can know of a subject: the variables and functions of its expressions, and what could not be answered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import cel
import msgspec

from keepstep.engine.handoffs.calendar import Calendar
from keepstep.engine.handoffs.graph import Entity, Graph
from keepstep.engine.handoffs.ownership import roles
from keepstep.engine.handoffs.rules import Needs, Program
from keepstep.engine.handoffs.verdict import Note
from keepstep.engine.handoffs.vocabulary import LISTS, references
from mapping.model import STANDARD, Form, Kind, Model

KICKOFF_WORDS: Final = ("kickoff", "kick-off", "kick off", "启动")


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration tells the judge."""

    sides: frozenset[str] = frozenset()
    """``connection.stream`` of every side that is connected and has been crawled whole at least once."""
    roles: Mapping[str, tuple[str, ...]] = {}
    """What sides are for: ``{"work": ("tracker.epics",), "documents": ("files.project_folders",)}``."""
    fields: Mapping[Kind, frozenset[str]] | None = None
    """Canonical fields that a side carries or Keepstep itself keeps; None: not told, each subject is asked."""
    categories: tuple[str, ...] = ()
    """Document categories that a project is to have."""
    kickoff_words: tuple[str, ...] = KICKOFF_WORDS
    model: Model = STANDARD


class Unjudged(Exception):
    """An expression that has no answer for this subject. ``why`` is a code."""

    def __init__(self, why: str, **params: Any) -> None:
        super().__init__(why)
        self.why = why
        self.params = params


def absent(needs: Needs, setting: Setting) -> list[Note]:
    """What a rule needs and the configuration does not have: then it is not measured."""
    connections = {side.partition(".")[0] for side in setting.sides}
    notes = [Note(code="no_connection", params={"connection": c}) for c in needs.connections if c not in connections]
    notes += [Note(code="no_side", params={"side": s}) for s in needs.sides if s not in setting.sides]
    notes += [
        Note(code="no_side_for_role", params={"role": role})
        for role in needs.roles
        if not setting.sides.intersection(setting.roles.get(role, ()))
    ]
    if setting.fields is not None:
        for name in needs.fields:
            kind, field = name.split(".")
            if field not in setting.fields.get(Kind(kind), frozenset()):
                notes.append(Note(code="no_field", params={"kind": kind, "field": field}))
    return notes


def moment(value: Any, zone: ZoneInfo) -> datetime | None:
    """A canonical date as a moment in UTC; a day is its beginning in the zone. None if it is neither."""
    if not isinstance(value, str):
        return None
    try:
        if "T" in value:
            read = datetime.fromisoformat(value)
            return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).astimezone(UTC)
        return datetime.combine(date.fromisoformat(value), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class Facts:
    """One subject's facts, computed once and asked by every rule about its kind."""

    def __init__(
        self,
        subject: Entity,
        graph: Graph,
        setting: Setting,
        calendar: Calendar,
        now: datetime,
        since: datetime,
        wanted: Collection[str],
    ) -> None:
        self._subject = subject
        self._graph = graph
        self._setting = setting
        self._calendar = calendar
        self._zone = calendar.zone
        # CEL takes no time in a named zone.
        self._now = now.astimezone(UTC)
        self._since = since.astimezone(UTC)
        self._unknown_years: set[int] = set()
        self._missing: set[str] = set()
        found: dict[str, Any] = {}
        for name in sorted(wanted):
            try:
                found[name] = self._variable(name)
            except Unjudged:
                self._missing.add(name)
        self._trouble = ""
        try:
            self._context = cel.Context(
                variables=found,
                functions={
                    "days": lambda n: timedelta(days=n),
                    "hours": lambda n: timedelta(hours=n),
                    "working_days": self._working_days,
                },
            )
        except ValueError as error:
            self._context = cel.Context()
            self._trouble = str(error)

    def ask(self, program: Program) -> Any:
        """What the expression says. Raises ``Unjudged`` where a fact is missing or the values do not compare."""
        if self._trouble:
            raise Unjudged("value_unreadable", detail=self._trouble)
        for name in sorted(program.variables & self._missing):
            raise Unjudged("field_absent", field=name)
        self._unknown_years.clear()
        try:
            answer = program.run.execute(self._context)
        except KeyError as error:
            raise Unjudged("field_absent", field=str(error.args[0] if error.args else "")) from error
        except TypeError as error:
            raise Unjudged("not_comparable", detail=_first_sentence(error)) from error
        except (IndexError, ValueError, ArithmeticError, RuntimeError) as error:
            raise Unjudged("no_answer", detail=_first_sentence(error)) from error
        if self._unknown_years:
            raise Unjudged("calendar_unknown_year", years=sorted(self._unknown_years))
        return answer

    def holds(self, program: Program) -> bool:
        """As ``ask``, for a condition: anything but true or false is no answer."""
        answer = self.ask(program)
        if not isinstance(answer, bool):
            raise Unjudged("not_a_condition", answer=type(answer).__name__)
        return answer

    def _variable(self, name: str) -> Any:
        if name in LISTS:
            return self._list(LISTS[name])
        if name in references(self._subject.kind):
            return self._reference(name)
        known: dict[str, Callable[[], Any]] = {
            "subject": lambda: self._words(self._subject),
            "links": self._links,
            "linked": self._linked,
            "roles": lambda: roles(self._subject, self._graph),
            "kickoffs": self._kickoffs,
            "categories": lambda: list(self._setting.categories),
            "now": lambda: self._now,
            "since": lambda: self._since,
        }
        return known[name]()

    def _words(self, entity: Entity) -> dict[str, Any]:
        """An entity as expressions see it: canonical values, dates as moments, absent fields absent."""
        words: dict[str, Any] = {"id": entity.id, "kind": entity.kind.value}
        for field, form in self._setting.model[entity.kind].items():
            if field in entity.refs:
                words[field] = entity.refs[field]
            elif field in entity.values:
                value = entity.values[field]
                read = moment(value, self._zone) if form is Form.DATE else None
                words[field] = value if read is None else read
        return words

    def _reference(self, name: str) -> dict[str, Any] | None:
        target = self._graph.referenced(self._subject, name)
        if target is not None:
            return self._words(target)
        if name in self._subject.refs or self._subject.values.get(name, self) is not None:
            raise Unjudged("field_absent")
        return None

    def _list(self, kind: Kind) -> list[dict[str, Any]]:
        children = self._graph.children(self._subject.id, kind)
        if kind is not Kind.DOCUMENT or self._subject.kind is Kind.FOLDER:
            return [self._words(child) for child in children]
        # A document belongs to a project also through the folder it lies in, and takes its category from there.
        found = {child.id: child for child in children}
        for folder in self._graph.children(self._subject.id, Kind.FOLDER):
            found.update((child.id, child) for child in self._graph.children(folder.id, kind))
        listed = []
        for _, child in sorted(found.items()):
            words = self._words(child)
            place = self._graph.referenced(child, "folder")
            if place is not None and "category" in place.values:
                words["category"] = place.values["category"]
            listed.append(words)
        return listed

    def _links(self) -> list[dict[str, Any]]:
        ordered = sorted(self._subject.links, key=lambda link: (link.side, link.record_id))
        return [{"side": link.side, "connection": link.connection, "stream": link.stream} for link in ordered]

    def _linked(self) -> dict[str, bool]:
        mine = {link.side for link in self._subject.links}
        return {role: bool(mine.intersection(sides)) for role, sides in sorted(self._setting.roles.items())}

    def _kickoffs(self) -> list[dict[str, Any]]:
        """Live milestones and tasks of the subject that a label or the title marks as its kickoff."""
        listed = []
        for kind in (Kind.MILESTONE, Kind.TASK):
            for child in self._graph.children(self._subject.id, kind):
                if child.values.get("archived") is True or child.values.get("status") == "cancelled":
                    continue
                labels = child.values.get("labels") or ()
                marks = [child.title, *labels] if isinstance(labels, list | tuple) else [child.title]
                if any(word.lower() in str(mark).lower() for word in self._setting.kickoff_words for mark in marks):
                    listed.append(self._words(child))
        return listed

    def _working_days(self, first: datetime, second: datetime) -> int:
        span = self._calendar.working_days_between(first, second)
        self._unknown_years.update(span.unknown_years)
        return span.days


def _first_sentence(error: Exception) -> str:
    return str(error).split(". ")[0].split("\n")[0][:200]
