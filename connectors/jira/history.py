"""Changelogs as changes of fields, old and new in the form in which a payload shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.base import Change, chunks
from connectors.errors import NotFound, RecordRefused
from connectors.jira.client import FETCH_BATCH, HISTORY_BATCH, Client
from connectors.jira.models import History, Json, part
from connectors.jira.parted import PARTED, steps, wholes
from connectors.jira.records import MARKER_LABEL, account_of, moment, name_of

# Entries that name no field id, or another one than payloads have.
FIELD_OF_ENTRY = {
    "Status": "status",
    "Fix Version": "fixVersions",
    "Version": "versions",
    "Component": "components",
    "Attachment": "attachment",
    "Link": "issuelinks",
    "Parent": "parent",
    "IssueParentAssociation": "parent",
    "Epic Link": "parent",
    "Key": "key",
}
NAMED = {"status", "priority", "issuetype", "resolution", "project", "security", "team"}
PARTS = {
    "option": ("id", "value"),
    "version": ("id", "name"),
    "user": ("accountId", "displayName"),
    "group": ("groupId", "name"),
}
"""What the parts of a list are called in a payload: id and name."""
CHOICES = re.compile(r"Parent values: (.+?)\((\d+)\)(?:Level 1 values: (.+?)\((\d+)\))?")
PEOPLE = {"assignee", "reporter", "creator"}


Dated = list[tuple[str, History]]
"""Entries with their times, oldest first."""


def changes(client: Client, ids: Sequence[str], since: str, me: str, schemas: Mapping[str, Json]) -> Iterator[Change]:
    """Changes of issues at or after ``since``, oldest first within each. An issue that is gone has none."""
    for batch in chunks(list(dict.fromkeys(ids)), HISTORY_BATCH):
        found = _entries(client, batch, since)
        parted = [id for id, entries in found.items() if any(_named(item) in PARTED for item in _items(entries))]
        shown: dict[str, Json] = {}
        for asked in chunks(parted, FETCH_BATCH):
            shown |= {str(issue["id"]): issue for issue in client.bulk_fetch(asked, PARTED)}
        if shown:
            # What the issues show may hold an edit that came after the entries were read.
            found |= _entries(client, list(shown), since)
        for id, entries in found.items():
            told = _told(entries, shown.get(id))
            for number, (at, entry) in enumerate(entries):
                yield from _of_entry(id, at, entry, me, schemas, told[number])


def _entries(client: Client, ids: Sequence[str], since: str) -> dict[str, Dated]:
    """Of each issue that is asked for, or that is answered."""
    found: dict[str, list[History]] = {id: [] for id in ids}
    try:
        for log in client.histories(ids):
            found.setdefault(str(log.issueId), []).extend(log.entries)
    except RecordRefused:
        # One issue that is gone or hidden may spoil the whole batch: ask for each.
        found = {id: _alone(client, id) for id in ids}
    dated = {id: [(moment(entry.created), entry) for entry in entries] for id, entries in found.items()}
    return {
        id: sorted(((at, entry) for at, entry in entries if at is not None and at >= since), key=lambda pair: pair[0])
        for id, entries in dated.items()
    }


def _alone(client: Client, id: str) -> list[History]:
    try:
        return list(client.history(id))
    except NotFound:
        return []


def _items(entries: Dated) -> Iterator[Json]:
    return (item for _, entry in entries for item in entry.items if isinstance(item, dict))


def _named(item: Json) -> str:
    """The field that an item is about, as a payload calls it."""
    return str(item.get("fieldId") or FIELD_OF_ENTRY.get(str(item.get("field")), str(item.get("field"))))


def _told(entries: Dated, issue: Json | None) -> list[dict[str, tuple[Any, Any]]]:
    """For each entry, by field, everything that was there before and after, where the entry tells only the difference.
    Of an issue that may not be seen, and of a field that it does not show, nothing can be told."""
    told: list[dict[str, tuple[Any, Any]]] = [{} for _ in entries]
    for name in PARTED:
        moved = {
            number: found
            for number, (_, entry) in enumerate(entries)
            if (found := [step for item in _items([("", entry)]) if _named(item) == name for step in steps(item)])
        }
        shown = part(issue, "fields").get(name)
        if moved and isinstance(shown, list):
            for number, sides in zip(moved, wholes(list(moved.values()), shown), strict=True):
                told[number][name] = sides
    return told


def _of_entry(
    id: str, at: str, entry: History, me: str, schemas: Mapping[str, Json], told: Mapping[str, tuple[Any, Any]]
) -> Iterator[Change]:
    by = account_of(entry.author)
    called = name_of(entry.author)
    ours = by is not None and by == me
    sides = dict(told)
    for item in entry.items:
        if not isinstance(item, dict):
            continue
        name = _named(item)
        if name not in PARTED:
            schema = schemas.get(name, {})
            old = value(name, schema, item.get("from"), item.get("fromString"), item.get("tmpFromAccountId"))
            new = value(name, schema, item.get("to"), item.get("toString"), item.get("tmpToAccountId"))
            if name == "labels" and old == new:
                continue  # only our marker came or went
        elif name in sides:
            old, new = sides.pop(name)  # all its items are one edit
        else:
            continue
        yield Change(id=id, field=name, old=old, new=new, at=at, by=by, by_name=called, ours=ours)


def value(name: str, schema: Json, raw: Any, shown: Any, account: Any = None) -> Any:
    """One side of an entry. Text fields come as text, rich ones too: as Jira's wiki markup, not as a document."""
    kind = schema.get("type")
    if name in NAMED or kind in NAMED:
        return {"id": str(raw), "name": shown} if raw else None
    if name in PEOPLE or kind == "user":
        known = account or raw
        return {"accountId": str(known), "displayName": shown} if known else None
    if name == "labels" or (kind == "array" and schema.get("items") == "string"):
        return [word for word in str(shown or "").split() if not word.startswith(MARKER_LABEL)]
    if name == "parent":
        return {"id": str(raw), "key": shown} if raw else None
    if name == "duedate" or kind == "date":
        return _day(raw) or _day(shown)
    if kind == "number":
        return _number(shown)
    if kind == "option":
        return {"id": str(raw), "value": shown} if raw else None
    if kind == "option-with-child":
        return _cascade(str(shown)) if shown else None
    if kind == "version":
        return {"id": str(raw), "name": shown} if raw else None
    if kind == "group":
        return {"name": str(shown).strip("[]")} if shown else None
    if kind == "array" and schema.get("items") in PARTS:
        return _several(PARTS[str(schema["items"])], raw, shown)
    if kind == "datetime":
        return raw or shown or None
    return shown if shown not in ("", None) else None


def _cascade(shown: str) -> Json | None:
    """Both choices of a cascading list, which an entry tells in one sentence."""
    found = CHOICES.fullmatch(shown)
    if found is None:
        return None
    first: Json = {"id": found[2], "value": found[1]}
    return first | {"child": {"id": found[4], "value": found[3]}} if found[4] else first


def _several(names: tuple[str, str], raw: Any, shown: Any) -> list[Json]:
    """The parts of a list. Names may hold commas themselves: then only the ids are sure, and the names are left out."""
    ids = [part for part in str(raw or "").strip("[]").split(", ") if part]
    texts = [part.strip() for part in str(shown or "").split(",") if part.strip()]
    if len(ids) != len(texts):
        return [{names[0]: id} for id in ids]
    return [{names[0]: id, names[1]: text} for id, text in zip(ids, texts, strict=True)]


def _day(text: Any) -> str | None:
    found = re.match(r"\d{4}-\d{2}-\d{2}", str(text or ""))
    return found.group() if found else None


def _number(text: Any) -> Any:
    if text in (None, ""):
        return None
    try:
        number = float(text)
    except (TypeError, ValueError):
        return text  # not as Jira writes a number: the reader says that it cannot be read
    return int(number) if number.is_integer() else number
