"""Bulk changes of status: taken on at once, carried out by and by, asked about by the task's id."""

from __future__ import annotations

from abc import ABC
from datetime import UTC, datetime

from connectors.base import Clock, utc
from connectors.jira.sandbox.routes_issues import API, IssueRoutes
from connectors.jira.sandbox.world import Json, Task
from connectors.sandbox.core import route
from connectors.sandbox.exchange import Refusal, Request, Response

MOST = 1000
SIDE_BY_SIDE = 5
"""Bulk operations that a site carries out at a time, of all its users."""
ENDED = ("COMPLETE", "FAILED")


def bulk_no(status: int, *words: str) -> Refusal:
    """A refusal in the form that bulk operations have for it."""
    return Refusal(status, {"errors": [{"message": text} for text in words]})


class BulkRoutes(IssueRoutes, ABC):
    """What the service does with many issues at once."""

    def __init__(self, clock: Clock, seed: int = 1, language: str = "en") -> None:
        super().__init__(clock, seed, language)
        self.bulk_delay = 0.5
        """Seconds until a task begins."""
        self.bulk_pace = 0.005
        """Seconds that a task takes for each issue."""
        self.bulk_breaks_after: int | None = None
        """Issues after which every task ends as failed, if any does."""
        self.stubborn: dict[str, str] = {}
        """Issues that no bulk change moves, and the reason that Jira gives."""

    def forget_tasks(self) -> None:
        """Nobody knows of any task from now on; what was taken on goes on."""
        for task in self.world.tasks.values():
            task.known = False

    @property
    def awaits_effects(self) -> bool:
        return super().awaits_effects or any(task.status not in ENDED for task in self.world.tasks.values())

    def settle(self) -> None:
        super().settle()
        for task in self.world.tasks.values():
            if task.status not in ENDED:
                self._carry_on(task)

    @route("POST", f"{API}/bulk/issues/transition")
    def move_many(self, request: Request) -> Response:
        self._may_bulk()
        body: Json = request.json() or {}
        inputs = body.get("bulkTransitionInputs") or []
        steps = [
            (str(issue), str(each.get("transitionId")))
            for each in inputs
            for issue in each.get("selectedIssueIdsOrKeys") or ()
        ]
        if not 0 < len(steps) <= MOST:
            raise bulk_no(400, f"The number of issues must be from 1 to {MOST}.")
        if not {step for _, step in steps} <= {way.id for way in self.world.ways}:
            raise bulk_no(400, "Transition ID is invalid.")
        if sum(task.status not in ENDED for task in self.world.tasks.values()) >= SIDE_BY_SIDE:
            raise self.crowded()
        now = self.clock.monotonic()
        mail = body.get("sendBulkNotification") is not False
        task = Task(
            str(self.world.number()), steps, mail, self.ms(), now + self.bulk_delay, self.bulk_pace, updated=self.ms()
        )
        self.world.tasks[task.id] = task
        return Response.json({"taskId": task.id}, 201)

    @route("GET", f"{API}/bulk/queue/{{task}}")
    def progress(self, request: Request, task: str) -> Response:
        self._may_bulk()
        known = self.world.tasks.get(task)
        if known is None or not known.known:
            raise bulk_no(400, f"Task with id {task} does not exist.")
        shown: Json = {
            "taskId": known.id,
            "status": known.status,
            "progressPercent": 100 * known.done // len(known.steps),
            "submittedBy": {"accountId": self.hub.id},
            "created": _instant(known.created),
            "updated": _instant(known.updated),
        }
        if known.status != "ENQUEUED":
            shown["started"] = _instant(known.created + round(self.bulk_delay * 1000))
        if known.status in ENDED:
            shown["processedAccessibleIssues"] = known.went
            shown["failedAccessibleIssues"] = known.failed
            shown["invalidOrInaccessibleIssueCount"] = known.unseen
            shown["totalIssueCount"] = len(known.steps)
        return Response.json(shown)

    def crowded(self) -> Refusal:
        """Five bulk operations are under way already."""
        refusal = Refusal(429)
        refusal.response = self.too_many("jira-burst-based", 10)
        return refusal

    def _may_bulk(self) -> None:
        if self.ours and "BULK_CHANGE" in self.lacks:
            raise bulk_no(403, "User does not have the required permission to perform this operation.")

    def _carry_on(self, task: Task) -> None:
        """What of the task is done by now."""
        now = self.clock.monotonic()
        if now < task.begins:
            return
        task.status = "RUNNING"
        due = len(task.steps) if task.pace <= 0 else min(len(task.steps), int((now - task.begins) / task.pace))
        while task.done < due and task.done != self.bulk_breaks_after:
            issue, step = task.steps[task.done]
            task.done += 1
            task.updated = self.ms()
            self._moved(task, issue, step)
        if task.done == self.bulk_breaks_after and task.done < len(task.steps):
            task.status = "FAILED"
        elif task.done == len(task.steps):
            task.status = "COMPLETE"

    def _moved(self, task: Task, key_or_id: str, step: str) -> None:
        issue = self.world.issue(key_or_id)
        if issue is None or issue.id in self.world.denied:
            task.unseen += 1
            return
        id = str(issue.id)
        status = issue.view.raw["status"]
        way = next((way for way in self.world.ways if way.id == step and way.start == status), None)
        if id in self.stubborn:
            task.failed[id] = [self.stubborn[id]]
        elif way is None:
            task.failed[id] = [f"Transition {step} is not valid for the current status of the issue."]
        elif way.requires:
            task.failed[id] = [f"{name} is required." for name in way.requires]
        else:
            self.change(self.hub, issue, {"status": way.end}, mail=task.mail)
            task.went.append(issue.id)


def _instant(ms: int) -> str:
    return utc(datetime.fromtimestamp(ms / 1000, UTC))
