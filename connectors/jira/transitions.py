"""Status by legal paths: Jira moves an issue only along its workflow's transitions, one step at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from connectors.base import Gate
from connectors.errors import RecordRefused
from connectors.jira.client import Client
from connectors.jira.models import Json, Transition, part

STEPS = 8
RANK = {"new": 0, "undefined": 0, "indeterminate": 1, "done": 2}


class NoPath(RecordRefused):
    """The workflow does not lead there, or a screen on the way wants a field that the write does not hold."""


class Progress:
    """Whether any request of a write has taken effect."""

    def __init__(self) -> None:
        self.moved = False


def matches(status: Json, target: Mapping[str, Any]) -> bool:
    """Whether a status is the one meant: by id, else by name, else any of a category (its key)."""
    if target.get("id") is not None:
        return str(status.get("id")) == str(target["id"])
    if target.get("name"):
        return bool(status.get("name") == target["name"])
    return category(target) in RANK and category(status) == category(target)


def category(status: Mapping[str, Any]) -> str:
    """Key of a status' category: ``new``, ``indeterminate`` or ``done``."""
    return str(part(status, "statusCategory").get("key") or "")


class Workflows:
    """What was learned of each workflow while walking it. Forgetting it costs only detours. Thread-safe."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._edges: dict[tuple[str, str, str], dict[str, Json]] = {}
        self._lock = threading.Lock()

    def leave(self, issue: str, place: tuple[str, str], status: Json, target: Mapping[str, Any]) -> Walk | None:
        """A way from ``status`` to ``target``, of which the first step is known to be legal; None if already there.

        ``place`` is project and issue type: they choose the workflow. Raises ``NoPath``; nothing is written.
        """
        if matches(status, target):
            return None
        walk = Walk(self, issue, place, status, target)
        walk.look()
        return walk

    def options(self, issue: str, place: tuple[str, str], status: Json) -> list[Transition]:
        """Legal transitions from where the issue stands, and they are remembered."""
        found = [each for each in self._client.transitions(issue) if each.isAvailable]
        with self._lock:
            self._edges[(*place, str(status.get("id")))] = {str(each.to.get("id")): each.to for each in found}
        return found

    def distance(self, place: tuple[str, str], start: str, target: Mapping[str, Any]) -> int | None:
        """Steps from a status to the target as far as the workflow is known."""
        with self._lock:
            edges = {key[2]: nexts for key, nexts in self._edges.items() if key[:2] == place}
        reached = {start}
        queue = deque([(start, 0)])
        while queue:
            at, steps = queue.popleft()
            for id, status in edges.get(at, {}).items():
                if matches(status, target):
                    return steps + 1
                if id not in reached:
                    reached.add(id)
                    queue.append((id, steps + 1))
        return None

    def transit(self, issue: str, step: Transition, fields: Mapping[str, Any], gate: Gate) -> None:
        self._client.transit(issue, step.id, fields, gate)


class Walk:
    """One issue on its way to a status."""

    def __init__(
        self, flows: Workflows, issue: str, place: tuple[str, str], status: Json, target: Mapping[str, Any]
    ) -> None:
        self._flows = flows
        self._issue = issue
        self._place = place
        self._at = status
        self._target = target
        self._visited = {str(status.get("id"))}
        self._next: Transition | None = None
        self.leaves_done = category(status) == "done"

    def look(self) -> None:
        """Choose the next step. Raises ``NoPath``."""
        options = self._flows.options(self._issue, self._place, self._at)
        self._next = self._choose(options)
        if self._next is None:
            ways = ", ".join(f"{each.name} ({each.to.get('name')})" for each in options) or "none"
            raise NoPath(
                f"no legal path from status {self._at.get('name') or self._at.get('id')} to {_said(self._target)};"
                f" transitions from there: {ways}",
                code="no_transition_path",
                field="status",
            )

    def _choose(self, options: list[Transition]) -> Transition | None:
        direct = [each for each in options if matches(each.to, self._target)]
        if direct:
            return min(direct, key=lambda each: len(asked(each)))
        known = [
            (steps, each)
            for each in options
            if str(each.to.get("id")) not in self._visited
            and (steps := self._flows.distance(self._place, str(each.to.get("id")), self._target)) is not None
        ]
        if known:
            return min(known, key=lambda pair: pair[0])[1]
        # Unknown ground: towards the target's category, never through a finished status on the way to an open one.
        goal = RANK.get(self._goal(), 1)
        fresh = [
            each
            for each in options
            if str(each.to.get("id")) not in self._visited and RANK.get(category(each.to), 1) < RANK["done"]
        ]
        return min(fresh, key=lambda each: abs(goal - RANK.get(category(each.to), 1)), default=None)

    def _goal(self) -> str:
        return category(self._target) or "done"

    @property
    def step(self) -> Transition | None:
        """The step to take next; None: there."""
        return self._next

    def stepped(self) -> None:
        """The next step was taken: choose the one after it, if there is one. Raises ``NoPath``."""
        step = self._next
        if step is None:
            return
        self._at = step.to
        self._visited.add(str(step.to.get("id")))
        self._next = None
        if not matches(self._at, self._target):
            self.look()

    def lead(self, issue: str) -> None:
        """Look from another issue from now on, one that stands where this one stood."""
        self._issue = issue

    def go(self, values: Mapping[str, Any], gate: Gate, progress: Progress) -> set[str]:
        """Take the steps; the names of ``values`` that screens on the way took. Raises ``NoPath`` between two steps."""
        used: set[str] = set()
        for _ in range(STEPS):
            step = self._next
            if step is None:
                return used
            needed = asked(step)
            missing = sorted(needed - set(values))
            if missing:
                raise NoPath(
                    f"transition {step.name} requires {', '.join(missing)}", code="required_field", field=missing[0]
                )
            self._flows.transit(self._issue, step, {name: values[name] for name in needed}, gate)
            used |= needed
            progress.moved = True
            self.stepped()
        if self._next is not None:
            raise NoPath(
                f"no path to {_said(self._target)} within {STEPS} steps", code="no_transition_path", field="status"
            )
        return used


def asked(step: Transition) -> set[str]:
    """Fields that the step's screen requires and does not fill in by itself."""
    return {name for name, meta in step.fields.items() if meta.get("required") and not meta.get("hasDefaultValue")}


def _said(target: Mapping[str, Any]) -> str:
    return str(target.get("name") or target.get("id") or f"any status of category {category(target)}")
