"""The words of the four systems side by side, so that a checker can tell equal things apart from different ones."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

JIRA_STATUS: Final = {"todo": "new", "doing": "indeterminate", "done": "done"}
NATIVE: Final = {
    "crm.Accounts": {"name": "Account_Name"},
    "crm.Deals": {"name": "Deal_Name", "due_date": "Closing_Date", "description": "Description"},
    "tracker.epics": {"name": "summary", "due_date": "duedate", "description": "description", "labels": "labels"},
    "tracker.issues": {"title": "summary", "due_date": "duedate", "description": "description", "status": "status",
                       "labels": "labels"},
    "board.cards": {"title": "name", "due_date": "due", "description": "desc", "status": "idList",
                    "labels": "idLabels"},
}  # fmt: skip
"""Stream -> canonical field -> the service's own."""

NUMBER: Final = re.compile(r"#([cdtn]\d+)")
"""Every name that people give says which thing it names: a truth that no edit takes away, and no API is asked for."""


def plain(field: str, value: Any) -> Any:
    """A value of any system, or a canonical one, so that equal things are equal: words, a day, a class, names."""
    if field in ("name", "title"):
        return " ".join(str(value or "").split())
    if field == "description":
        return "".join(re.findall(r"[^\W_]+", _words(value)))
    if field == "due_date":
        return _day(value)
    if field == "status":
        if isinstance(value, dict):
            key = value["statusCategory"]["key"]
            return next(name for name, known in JIRA_STATUS.items() if known == key)
        return value
    if field == "labels":
        return sorted(name for name in value or () if not name.startswith("keepstep-"))
    return value


def _words(value: Any) -> str:
    if isinstance(value, dict):
        parts = [str(value.get("text") or ""), *(_words(each) for each in value.get("content") or ())]
        return (" " if value.get("type") in ("paragraph", "listItem", "hardBreak", "doc") else "").join(parts) + (
            " " if value.get("type") != "text" else ""
        )
    # An address behind a word is not shown by the word.
    return re.sub(r"\]\(<?[^)>]*>?\)", "]", str(value or ""))


def _day(value: Any) -> str | None:
    if not value or len(str(value)) == 10:
        return value or None
    return datetime.fromisoformat(str(value)).astimezone(ZoneInfo("Europe/Berlin")).date().isoformat()


def number_of(name: Any) -> str | None:
    """Which thing a name names."""
    found = NUMBER.search(str(name or ""))
    return found.group(1) if found else None


def title_of(stream: str) -> str:
    return (
        "name" if stream in ("crm.Deals", "tracker.epics", "crm.Accounts") or stream.startswith("files.") else "title"
    )
