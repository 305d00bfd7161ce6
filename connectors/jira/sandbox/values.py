"""From a write's words to what the site keeps, refused as Jira refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from connectors.jira.sandbox import custom, parts
from connectors.jira.sandbox.custom import Wrong as Wrong
from connectors.jira.sandbox.world import FieldKind, Json, World
from connectors.sandbox.exchange import Refusal

SCREEN = (
    "summary",
    "description",
    "environment",
    "duedate",
    "assignee",
    "reporter",
    "labels",
    "priority",
    "parent",
    "issuetype",
    "project",
    "resolution",
    "issuelinks",
    *parts.PARTS,
)
NOT_THERE = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."


def blank(world: World) -> Json:
    """The fields of an issue before anyone filled them in."""
    raw: Json = {
        "summary": "",
        "issuetype": "",
        "project": "",
        "status": "",
        "priority": "3",
        "description": None,
        "environment": None,
        "duedate": None,
        "assignee": None,
        "reporter": None,
        "creator": None,
        "labels": [],
        "parent": None,
        "resolution": None,
    }
    raw |= {name: [] for name in parts.PARTS}
    return raw | dict.fromkeys(world.fields)


def all_of(world: World, fields: Json, project: str | None = None) -> Json:
    """Every value in the site's own form. Raises ``Refusal`` 400 that names each wrong field.

    ``project``: id of the one in which the issue lies; a new issue names its own.
    """
    kept: Json = {}
    wrong: dict[str, str] = {}
    # What a project offers can be told only once the project is known.
    for name, value in sorted(fields.items(), key=lambda field: field[0] in parts.PARTS):
        try:
            if name in parts.PARTS:
                kept[name] = parts.kept(world, name, value, project or kept.get("project"))
            else:
                kept[name] = one(world, name, value)
        except Wrong as error:
            wrong[name] = str(error)
    if wrong:
        raise Refusal(400, {"errorMessages": [], "errors": wrong})
    return {name: kept[name] for name in fields}


def one(world: World, name: str, value: Any) -> Any:
    """One value in the site's own form. Raises ``Wrong``."""
    kind = world.fields.get(name)
    if kind is not None:
        return _custom(world, kind, value)
    if name not in SCREEN:
        raise Wrong(NOT_THERE.format(name))
    match name:
        case "summary":
            return _summary(value)
        case "description" | "environment":
            return document(value)
        case "duedate":
            return _day(value)
        case "assignee" | "reporter":
            return _person(world, value)
        case "labels":
            return _labels(value)
        case "parent":
            return _parent(world, value)
    if not isinstance(value, dict):
        raise Wrong(f"Specify a valid '{name}' ID or name" if value is not None else f"{name} is required")
    return _named(world, name, value)


def _summary(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Wrong("You must specify a summary of the issue.")
    if "\n" in value:
        raise Wrong("The summary is invalid because it contains newline characters.")
    if len(value) > 255:
        raise Wrong("Summary can't exceed 255 characters.")
    return value.strip()


def document(value: Any) -> Any:
    """A rich text, which must be a document. Raises ``Wrong``."""
    if value is None:
        return None
    if not isinstance(value, dict) or value.get("type") != "doc" or value.get("version") != 1:
        raise Wrong("Operation value must be an Atlassian Document (see the Atlassian Document Format)")
    if not isinstance(value.get("content"), list):
        raise Wrong("INVALID_INPUT")
    return value


def _day(value: Any) -> str | None:
    if value is None or value == "":
        return None
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        raise Wrong("Error parsing date string: " + str(value)) from error


def _person(world: World, value: Any) -> str | None:
    id = (value.get("accountId") or value.get("id")) if isinstance(value, dict) else None
    if id is None:
        return None
    user = world.users.get(str(id))
    if user is None or not user.active or user.kind != "atlassian":
        raise Wrong(f"User '{id}' cannot be assigned issues.")
    return user.id


def _labels(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Wrong("data was not an array")
    for label in value:
        if not isinstance(label, str) or not label:
            raise Wrong("string expected at index 0")
        if any(sign.isspace() for sign in label):
            raise Wrong(f"The label '{label}' contains spaces which is invalid.")
        if len(label) > 255:
            raise Wrong(f"The label '{label[:20]}...' exceeds the maximum length for a single label of 255 characters.")
    return list(dict.fromkeys(value))


def _parent(world: World, value: Any) -> int | None:
    if not value:
        return None
    known = isinstance(value, dict) and world.issue(str(value.get("id") or value.get("key") or ""))
    if not known:
        raise Wrong("Could not find valid 'id' or 'parent' value.")
    return known.id


def _named(world: World, name: str, value: Json) -> str:
    tables: dict[str, dict[str, str]] = {
        "priority": world.priorities,
        "resolution": world.resolutions,
        "issuetype": {kind.id: kind.name for kind in world.types.values()},
        "project": {project.id: project.key for project in world.projects.values()},
    }
    table = tables[name]
    if str(value.get("id")) in table:
        return str(value["id"])
    wanted = value.get("key") if name == "project" else value.get("name")
    for id, known in table.items():
        if wanted is not None and known == wanted:
            return id
    words = {"priority": "The priority selected is invalid.", "project": "valid project is required"}
    raise Wrong(words.get(name, f"Specify a valid {name}"))


def _custom(world: World, kind: FieldKind, value: Any) -> Any:
    plain: dict[str, Callable[[Any], Any]] = {
        "date": _day,
        "textarea": document,
        "user": lambda person: _person(world, person),
        "labels": _labels,
    }
    return custom.kept(world, kind, value, plain)


def wiki(document: Any) -> str | None:
    """A rich text as the changelog keeps it: wiki markup."""
    if document is None:
        return None
    return "\n\n".join(_block(node) for node in document.get("content", ())).strip()


def _block(node: Json, mark: str = "") -> str:
    kind = node.get("type")
    inner = node.get("content") or []
    if kind == "heading":
        return f"h{(node.get('attrs') or {}).get('level', 1)}. " + "".join(map(_inline, inner))
    if kind in ("bulletList", "orderedList"):
        sign = mark + ("*" if kind == "bulletList" else "#")
        return "\n".join(_block(item, sign) for item in inner)
    if kind == "listItem":
        parts = [_block(part, mark) for part in inner]
        return "\n".join([f"{mark} {parts[0]}", *parts[1:]]) if parts else mark
    if kind == "codeBlock":
        return "{code}" + "".join(_inline(part) for part in inner) + "{code}"
    if kind == "blockquote":
        return "{quote}" + "\n".join(_block(part) for part in inner) + "{quote}"
    if kind == "rule":
        return "----"
    if kind == "panel":
        return "{panel}\n" + "\n".join(_block(part) for part in inner) + "\n{panel}"
    if kind in ("table", "mediaSingle", "mediaGroup"):
        return "\n".join(_block(part) for part in inner)
    if kind == "tableRow":
        sign = "||" if inner and inner[0].get("type") == "tableHeader" else "|"
        return sign + sign.join(_block(part) for part in inner) + sign
    if kind == "media":
        return f"!{(node.get('attrs') or {}).get('alt') or 'image.png'}|width=200!"
    return "".join(_inline(part) if "text" in part or not part.get("content") else _block(part) for part in inner)


def _inline(node: Json) -> str:
    if node.get("type") == "hardBreak":
        return "\n"
    attrs = node.get("attrs") or {}
    if node.get("type") == "mention":
        return f"[~accountid:{attrs.get('id')}]"
    if node.get("type") == "inlineCard":
        return f"[{attrs.get('url')}|{attrs.get('url')}|smart-link]"
    text = str(node.get("text") or attrs.get("text") or "")
    for mark in node.get("marks") or ():
        sign = {"strong": "*", "em": "_", "strike": "-", "underline": "+"}.get(mark["type"])
        if sign:
            text = f"{sign}{text}{sign}"
        elif mark["type"] == "textColor":
            text = f"{{color:{mark['attrs']['color']}}}{text}{{color}}"
        elif mark["type"] == "code":
            text = "{{" + text + "}}"
        elif mark["type"] == "link":
            text = f"[{text}|{mark['attrs']['href']}]"
    return text
