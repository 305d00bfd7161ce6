"""Links between issues, as the field ``issuelinks`` is written.

``{"add": [{"type": {"id"}, "inwardIssue" or "outwardIssue": {"id"}}], "remove": [link id]}``: an added one is told as
the issue itself would show it. Added ones go along with a create or an edit, removed ones one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.jira.models import Json

LINKS = "issuelinks"


def without_links(values: Mapping[str, Any]) -> Json:
    """What else is to be written."""
    return {name: value for name, value in values.items() if name != LINKS}


def add_links(body: Json, values: Mapping[str, Any]) -> None:
    """Put the added links into the body of a create or an edit."""
    joined = (values.get(LINKS) or {}).get("add")
    if joined:
        body.setdefault("update", {})[LINKS] = [{"add": each} for each in joined]


def removed_links(values: Mapping[str, Any]) -> list[str]:
    return list((values.get(LINKS) or {}).get("remove") or ())
