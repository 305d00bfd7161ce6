"""Many issues along their workflows together: one request takes a transition for up to a thousand of them.

Jira takes it on as a task of its own and tells afterwards which issues went. Nothing is concluded from silence: what a
task does not name, or an answer that never came, is looked up by reading the issues; and what may still happen later
is unknown. An issue that cannot go with the others is left to be moved by itself, where the refusal says why.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connectors.base import Clock, Gate, Write, chunks
from connectors.errors import ConnectorError, EffectUnknown, Forbidden, GateClosed, NotFound, RecordRefused, Transient
from connectors.jira.client import FETCH_BATCH, MOVE_BATCH, Client
from connectors.jira.models import BulkProgress, Json, part
from connectors.jira.transitions import STEPS, Progress, Walk, Workflows, asked

BULK = "BULK_CHANGE"
"""The global right that it takes."""

LEAST = 5
"""Issues from which on a task takes fewer requests than moving each by itself."""

PATIENCE = 150.0
"""Seconds that one call waits for its tasks, all steps together: less than any lease."""

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds between two questions how far a task is; the last again and again."""

RUNS_ON = 300.0
"""Seconds after which a task that was taken on has ended, whatever it said. The vendor promises no figure."""

ENDED = ("COMPLETE", "FAILED", "CANCELLED", "DEAD")

PLACE = ["status", "labels", "issuetype", "project"]
"""Fields that say where an issue stands, and what else its writes depend on."""


@dataclass(slots=True)
class Move:
    """An issue that shall have another status, and what it looked like."""

    issue: str
    seen: Json
    target: Mapping[str, Any]

    @classmethod
    def of(cls, write: Write, seen: Json | None) -> Move:
        """What a write asks of an issue's status. Raises ``NotFound`` where the issue is not there."""
        if seen is None:
            raise NotFound(f"issue {write.id} is not there", status=404, code="404")
        return cls(str(seen["id"]), seen, write.values["status"])

    @property
    def place(self) -> tuple[str, str]:
        """Project and issue type: they choose the workflow. An issue that does not show them shares it with none."""
        fields = part(self.seen, "fields")
        project, kind = part(fields, "project").get("id"), part(fields, "issuetype").get("id")
        return (str(project), str(kind)) if project and kind else ("issue", self.issue)

    @property
    def status(self) -> Json:
        return dict(part(part(self.seen, "fields"), "status"))


@dataclass(slots=True)
class Group:
    """Issues that stand at the same place of the same workflow and have the same way to go."""

    walk: Walk
    members: dict[str, Progress] = field(default_factory=dict)

    @property
    def to(self) -> str:
        """The status that the next step leads to."""
        step = self.walk.step
        return str(step.to.get("id")) if step is not None else ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How far an issue came with the others. Neither there nor in trouble: it is to be moved by itself from where it
    stands now."""

    there: bool = False
    trouble: ConnectorError | GateClosed | None = None


ALONE = Arrival()


class Convoy:
    """Moves issues of one connection together, as long as Jira lets this account. Thread-safe."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._flows = Workflows(client)
        self._allowed = True
        self._under_way: dict[str, float] = {}
        self._lock = threading.Lock()

    def groups(self, moves: Iterable[Move]) -> list[Group]:
        """Those that are many enough to go together, and whose first step asks for nothing. Writes nothing."""
        if not self._allowed:
            return []
        alike: dict[tuple[tuple[str, str], str, bytes], list[Move]] = {}
        for move in moves:
            key = (move.place, str(move.status.get("id")), msgspec.json.encode(move.target))
            alike.setdefault(key, []).append(move)
        found = []
        for mine in alike.values():
            if len(mine) < LEAST:
                continue
            try:
                walk = self.way(mine[0])
            except ConnectorError:
                continue  # each by itself meets the same, and its outcome says so
            if walk is not None and walk.step is not None and not asked(walk.step):
                found.append(Group(walk, {move.issue: Progress() for move in mine}))
        return found

    def go(self, groups: Sequence[Group], gate: Gate) -> dict[str, Arrival]:
        """Take the groups along, step by step. One arrival for each member; its progress says whether it moved."""
        arrivals: dict[str, Arrival] = {}
        until = self._clock.monotonic() + PATIENCE
        going = [group for group in groups if group.members]
        for _ in range(STEPS):
            if not going:
                break
            for batch in _batches(going):
                self._task(batch, gate, until, arrivals)
            going = [group for group in going if self._goes_on(group, arrivals)]
        for group in going:
            arrivals |= dict.fromkeys(group.members, ALONE)
        return arrivals

    def seen(self, issues: Sequence[str]) -> dict[str, Json]:
        """Where those stand: one request a hundred. Issues that are gone are left out."""
        found: dict[str, Json] = {}
        for batch in chunks(issues, FETCH_BATCH):
            found |= {str(issue["id"]): issue for issue in self._client.bulk_fetch(batch, PLACE)}
        return found

    def way(self, move: Move) -> Walk | None:
        """The way of one issue by itself. None: it is there. Raises ``NoPath``."""
        return self._flows.leave(move.issue, move.place, move.status, move.target)

    def alone(self, move: Move, values: Mapping[str, Any], gate: Gate, progress: Progress) -> None:
        """Move one issue by itself; ``values`` fill the screens on its way. Raises ``NoPath``."""
        walk = self.way(move)
        if walk is not None:
            walk.go(values, gate, progress)

    def wait(self, issue: str) -> float:
        """Seconds for which a task that was lost sight of may still move the issue."""
        with self._lock:
            left = self._under_way.get(issue, 0.0) - self._clock.monotonic()
            if left <= 0:
                self._under_way.pop(issue, None)
        return max(0.0, left)

    def _goes_on(self, group: Group, arrivals: dict[str, Arrival]) -> bool:
        """Whether there is a further step for those who took the last one."""
        for issue in [issue for issue in group.members if issue in arrivals]:
            del group.members[issue]
        if not group.members:
            return False
        group.walk.lead(next(iter(group.members)))
        try:
            group.walk.stepped()
        except ConnectorError:
            arrivals |= dict.fromkeys(group.members, ALONE)
            return False
        if group.walk.step is None:
            arrivals |= dict.fromkeys(group.members, Arrival(there=True))
            return False
        if asked(group.walk.step):
            arrivals |= dict.fromkeys(group.members, ALONE)
            return False
        return True

    def _task(
        self, batch: Sequence[tuple[Group, Sequence[str]]], gate: Gate, until: float, arrivals: dict[str, Arrival]
    ) -> None:
        """One request, its task, and who did not take the step."""
        issues = [issue for _, ids in batch for issue in ids]
        try:
            if self._clock.monotonic() >= until:
                raise Transient("tasks of this site take too long: the rest of the way comes later")
            steps = [(group.walk.step.id, ids) for group, ids in batch if group.walk.step is not None]
            task = self._client.transit_all(steps, gate)
        except EffectUnknown as error:
            self._look_up(batch, error, arrivals)
            return
        except Forbidden:
            self._allowed = False
            arrivals |= dict.fromkeys(issues, ALONE)
            return
        except RecordRefused:
            arrivals |= dict.fromkeys(issues, ALONE)  # one of them spoils the whole request
            return
        except (ConnectorError, GateClosed) as error:
            arrivals |= dict.fromkeys(issues, Arrival(trouble=error))
            return
        told = self._awaited(task, until)
        if told is None:
            self._look_up(batch, EffectUnknown(f"task {task}: whether it moved the issue is not known"), arrivals)
            return
        went = {str(id) for id in told.processedAccessibleIssues}
        for group, ids in batch:
            for issue in went.intersection(ids):
                group.members[issue].moved = True
        stayed = told.failedAccessibleIssues.keys() - went
        arrivals |= dict.fromkeys(stayed.intersection(issues), ALONE)
        silent = [(group, [id for id in ids if id not in went and id not in stayed]) for group, ids in batch]
        if any(ids for _, ids in silent):
            self._look_up(silent, None, arrivals)

    def _awaited(self, task: str, until: float) -> BulkProgress | None:
        """What the task tells once it has ended. None: it has not in time, or nobody knows of it."""
        for number in range(int(PATIENCE)):
            left = until - self._clock.monotonic()
            if left <= 0:
                break
            self._clock.wait(min(left, PAUSES[min(number, len(PAUSES) - 1)]))
            try:
                told = self._client.bulk_progress(task)
            except ConnectorError:
                return None  # the task goes on, only nobody says how far: the issues themselves are looked at
            if told.status in ENDED:
                return told
        return None

    def _look_up(
        self,
        batch: Sequence[tuple[Group, Sequence[str]]],
        doubt: EffectUnknown | None,
        arrivals: dict[str, Arrival],
    ) -> None:
        """Who took the step after all, by reading. ``doubt``: whoever did not may still, so it is unknown of them."""
        found: dict[str, Json] = {}
        try:
            found = self.seen([issue for _, ids in batch for issue in ids])
        except ConnectorError as error:
            doubt = doubt or EffectUnknown(f"what became of the issue could not be read: {error}")
        for group, ids in batch:
            for issue in ids:
                seen = found.get(issue)
                if seen is not None and str(part(part(seen, "fields"), "status").get("id")) == group.to:
                    group.members[issue].moved = True
                elif doubt is None:
                    arrivals[issue] = ALONE
                else:
                    arrivals[issue] = Arrival(trouble=doubt)
                    with self._lock:
                        self._under_way[issue] = self._clock.monotonic() + RUNS_ON


def _batches(groups: Sequence[Group]) -> Iterable[list[tuple[Group, list[str]]]]:
    """The members in requests of at most ``MOVE_BATCH`` issues, those of one group beside each other."""
    batch: list[tuple[Group, list[str]]] = []
    room = MOVE_BATCH
    for group in groups:
        ids = list(group.members)
        while ids:
            batch.append((group, ids[:room]))
            ids, room = ids[room:], room - min(room, len(ids))
            if room == 0:
                yield batch
                batch, room = [], MOVE_BATCH
    if batch:
        yield batch
