"""How a customer's changes read in a task, in English."""

from __future__ import annotations

from typing import Final

from keepstep.language.message import Message, Plural

TASKS: Final[dict[str, Message]] = {
    "change_task.title": "{subject}: {fields} changed",
    "change_task.intro": "{subject} was changed in {side}:",
    "change_task.projects": "Projects concerned: {projects}",
    "change_task.line": "{field}: {old} → {new} ({who}, {at})",
    "change_task.line_no_author": "{field}: {old} → {new} ({at})",
    "change_task.more": "Changed again, {at}:",
    "value.empty": "empty",
    "value.yes": "yes",
    "value.no": "no",
    "value.items": Plural("{count} item, {done} done", "{count} items, {done} done"),
    "class.status.todo": "to do",
    "class.status.doing": "in progress",
    "class.status.done": "done",
    "class.status.cancelled": "cancelled",
    "class.stage.open": "open",
    "class.stage.won": "won",
    "class.stage.lost": "lost",
    "class.priority.lowest": "lowest",
    "class.priority.low": "low",
    "class.priority.medium": "medium",
    "class.priority.high": "high",
    "class.priority.highest": "highest",
    "class.category.plan": "plan",
    "class.category.requirements": "requirements",
    "class.category.design": "design",
    "class.category.test": "test",
    "class.category.report": "report",
}  # fmt: skip
