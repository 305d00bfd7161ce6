"""Customer changes become tasks: which edit opens one, which is added to an open one, which is nobody's business.

Pure: edits, open tasks and a snapshot of the graph in, canonical task values out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from keepstep.engine.change_text import Edit, Say, Text, collapsed
from keepstep.engine.handoffs.graph import Entity, Graph
from keepstep.engine.handoffs.rules import Problem, RulesInvalid
from keepstep.engine.handoffs.verdict import Note
from mapping.model import STANDARD, Kind, Model

TOGETHER: Final = timedelta(minutes=10)
"""Edits of one subject within so much of the first are one change."""

_PATTERN: Final = re.compile(r"^(?P<side>[\w-]+\.[\w-]+)\.(?P<field>\w+|\*)$")


class ChangeRule(msgspec.Struct, frozen=True, kw_only=True):
    """Fields whose edits the project's manager wants to hear of: ``crm.Deals.stage``, ``crm.Accounts.*``."""

    id: str = "customer-changes"
    watch: tuple[str, ...]

    def watches(self, edit: Edit) -> bool:
        """A pattern names the field in the canonical words or in the system's, in any case; ``*`` means all."""
        names = {edit.field.casefold(), (edit.system_field or edit.field).casefold()}
        for pattern in self.watch:
            side, _, field = pattern.rpartition(".")
            if side == edit.side and (field == "*" or field.casefold() in names):
                return True
        return False


def change_rule(watch: Iterable[str], id: str = "customer-changes") -> ChangeRule:
    """A rule from the configuration's patterns. Raises ``RulesInvalid`` with every pattern that is none."""
    patterns = tuple(watch)
    problems = [
        Problem(rule=id, part="watch", code="not_a_field_pattern", detail=pattern)
        for pattern in patterns
        if not _PATTERN.match(pattern)
    ]
    if problems:
        raise RulesInvalid(problems)
    return ChangeRule(id=id, watch=patterns)


class OpenTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task made from changes that nobody has closed yet."""

    id: str
    """Of the task's entity."""
    rule: str
    subject: str
    edits: tuple[Edit, ...]
    """All that it tells of."""
    written: str | None
    """The description as we last composed it whole; None once a person has had a hand in it."""
    description: str
    """The agreed description now."""


class NewTask(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    """The same for the same first edit: a task that already has it is this one."""
    rule: str
    subject: str
    values: dict[str, Any]
    """Canonical values of a task; ``project`` is an entity id, ``assignee`` a person id."""
    edits: tuple[Edit, ...]
    written: str


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    task: str
    values: dict[str, Any]
    edits: tuple[Edit, ...]
    """All that it tells of now."""
    written: str | None


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """An edit that makes no task. ``why`` is a code."""

    edit: Edit
    why: str


class ChangeFinding(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    subject: str
    note: Note


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the edits. Every one of them is in a task or in ``passed``."""

    opened: tuple[NewTask, ...] = ()
    appended: tuple[Appended, ...] = ()
    passed: tuple[Passed, ...] = ()
    findings: tuple[ChangeFinding, ...] = ()


def tasks_for(
    changes: Iterable[Edit],
    open_tasks: Iterable[OpenTask],
    rules: Sequence[ChangeRule],
    graph: Graph,
    now: datetime,
    *,
    say: Say,
    zone: ZoneInfo,
    model: Model = STANDARD,
) -> Decision:
    """Decide for every edit; neither the order of the edits nor that of the tasks matters.

    One task per subject (entity and rule) is open at a time. Edits within ten minutes of the first are one change, of
    which only first and last value are told; later ones are appended. A description that a person has edited is only
    ever appended to. Times that lie ahead of ``now`` (a service's clock runs fast) count as now.
    """
    groups, passed = _watched(changes, rules, now)
    # The oldest of several is the one that people know.
    ordered = sorted(open_tasks, key=lambda task: (task.edits[0].moment if task.edits else now, task.id), reverse=True)
    tasks = {(task.rule, task.subject): task for task in ordered}
    opened: list[NewTask] = []
    appended: list[Appended] = []
    findings: list[ChangeFinding] = []
    for (rule_id, id), edits in sorted(groups.items()):
        subject = graph.get(id)
        if subject is None:
            passed += [Passed(edit=edit, why="unknown_entity") for edit in edits]
            continue
        text = Text(subject, graph, say, zone, model)
        projects = projects_of(subject, graph)
        task = tasks.get((rule_id, id))
        if task is not None:
            told = {edit.id for edit in task.edits}
            passed += [Passed(edit=edit, why="already_told") for edit in edits if edit.id in told]
            news = [edit for edit in edits if edit.id not in told]
            if news:
                appended.append(_append(task, news, text, projects))
            continue
        if not projects and subject.kind in (Kind.CUSTOMER, Kind.CONTACT):
            passed += [Passed(edit=edit, why="no_live_project") for edit in edits]
            continue
        if all(edit.old == edit.new for edit in collapsed(edits)) and len(bursts(edits)) == 1:
            passed += [Passed(edit=edit, why="set_back") for edit in edits]
            continue
        made, noted = _open(rule_id, subject, edits, text, projects, graph)
        opened.append(made)
        findings += noted
    return Decision(opened=tuple(opened), appended=tuple(appended), passed=tuple(passed), findings=tuple(findings))


def task_key(rule: str, first: Edit) -> str:
    """The deterministic key of the task that an edit opens."""
    digest = hashlib.blake2s(first.id.encode(), digest_size=8).hexdigest()
    return f"change:{rule}:{first.entity}:{digest}"


def bursts(edits: Sequence[Edit]) -> list[list[Edit]]:
    """Edits in order of time, in groups that each span at most ten minutes from their first."""
    groups: list[list[Edit]] = []
    for edit in sorted(edits, key=lambda edit: (edit.moment, edit.id)):
        if groups and edit.moment - groups[-1][0].moment <= TOGETHER:
            groups[-1].append(edit)
        else:
            groups.append([edit])
    return groups


def projects_of(subject: Entity, graph: Graph) -> list[Entity]:
    """The project a change is about: itself, the one it refers to, or all live ones of its customer."""
    if subject.kind is Kind.PROJECT:
        return [subject]
    named = graph.referenced(subject, "project")
    if named is not None:
        return [named]
    customer = subject.id if subject.kind is Kind.CUSTOMER else subject.refs.get("customer")
    return [project for project in graph.children(customer, Kind.PROJECT) if _live(project)] if customer else []


def responsible(project: Entity) -> str | None:
    """Who gets a project's tasks: the accountable person, else who the tracker record is assigned to, else the lead.

    The tracker's own assignee is the project's ``manager`` where it is mapped, else the role ``assignee``; the lead of
    the tracker's project is the role ``lead``.
    """
    manager = project.values.get("manager")
    candidates = (
        project.roles.get("accountable"),
        manager if isinstance(manager, str) else None,
        project.roles.get("assignee"),
        project.roles.get("lead"),
    )
    return next((person for person in candidates if person), None)


def _watched(
    changes: Iterable[Edit], rules: Sequence[ChangeRule], now: datetime
) -> tuple[dict[tuple[str, str], list[Edit]], list[Passed]]:
    """The edits that somebody wants to hear of, by rule and entity, in order of time; and those that are no news."""
    passed: list[Passed] = []
    groups: dict[tuple[str, str], list[Edit]] = {}
    distinct = {edit.id: edit for edit in changes}
    for edit in sorted(distinct.values(), key=lambda edit: (edit.moment, edit.id)):
        why = _not_news(edit)
        watching = [rule for rule in rules if rule.watches(edit)]
        if why or not watching:
            passed.append(Passed(edit=edit, why=why or "not_watched"))
            continue
        if edit.moment > now:
            edit = msgspec.structs.replace(edit, at=now.astimezone(UTC).isoformat(timespec="milliseconds"))
        for rule in watching:
            groups.setdefault((rule.id, edit.entity), []).append(edit)
    return groups, passed


def _not_news(edit: Edit) -> str:
    """The code of the reason why an edit is not a customer's change; empty if it is one."""
    if edit.first:
        return "first_pull"
    if edit.ours:
        return "our_own_write"
    if not edit.editable:
        return "computed_field"
    if not edit.by_person:
        return "not_a_person"
    return "no_change" if edit.old == edit.new else ""


def _live(project: Entity) -> bool:
    values = project.values
    over = values.get("stage") == "lost" or values.get("status") in ("done", "cancelled")
    return not over and values.get("archived") is not True


def _open(
    rule: str, subject: Entity, edits: Sequence[Edit], text: Text, projects: Sequence[Entity], graph: Graph
) -> tuple[NewTask, list[ChangeFinding]]:
    groups = bursts(edits)
    key = task_key(rule, groups[0][0])
    several = projects if len(projects) > 1 else ()
    description = text.description(groups, several)
    values: dict[str, Any] = {"title": text.title(edits), "description": description, "status": "todo"}
    findings: list[ChangeFinding] = []
    if len(projects) == 1:
        values["project"] = projects[0].id
    elif several:
        params = {"projects": [project.id for project in several]}
        note = Note(code="change_task.several_projects", params=params)
        findings.append(ChangeFinding(key=f"{key}:several_projects", subject=subject.id, note=note))
    people = {responsible(project) for project in projects}
    assignee = people.pop() if len(people) == 1 else None
    if assignee is not None:
        values["assignee"] = assignee
    else:
        note = Note(code="change_task.unassigned", params={"task": key, "subject": subject.title})
        findings.append(ChangeFinding(key=f"{key}:unassigned", subject=subject.id, note=note))
    made = NewTask(key=key, rule=rule, subject=subject.id, values=values, edits=tuple(edits), written=description)
    return made, findings


def _append(task: OpenTask, news: Sequence[Edit], text: Text, projects: Sequence[Entity]) -> Appended:
    edits = tuple(sorted((*task.edits, *news), key=lambda edit: (edit.moment, edit.id)))
    untouched = task.written is not None and task.written == task.description
    if untouched and task.edits:
        description = text.description(bursts(edits), projects if len(projects) > 1 else ())
        return Appended(task=task.id, values={"description": description}, edits=edits, written=description)
    parts = [task.description, *(text.more(burst) for burst in bursts(news))]
    description = "\n\n".join(part for part in parts if part)
    return Appended(task=task.id, values={"description": description}, edits=edits, written=None)
