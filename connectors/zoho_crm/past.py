"""A record's timeline as changes, one per field, in the form that the record's payload has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connectors.base import Change
from connectors.rows import each_row
from connectors.zoho_crm.client import Client
from connectors.zoho_crm.models import FieldChange, FieldMeta, TimelineEntry, timeline_entry

Known = Callable[[str, str], "dict[str, Any] | None"]
"""Field and display name -> the reference, where exactly one is known by that name."""

NUMBERS = ("currency", "double", "decimal", "percent", "integer", "bigint")
REFERENCES = ("lookup", "ownerlookup", "userlookup")


def entries(client: Client, module: str, id: str, since: str) -> Iterator[TimelineEntry]:
    """Entries at or after ``since``, in the service's order: newest first, but no more than seen is relied on."""
    token = None
    while True:
        timeline = client.timeline(module, id, token)
        if timeline is None or not timeline.entries:
            return
        # An entry that shows no time tells of no change that could be placed.
        told = list(each_row("timeline", timeline.entries, timeline_entry, []))
        times = [entry.at or "" for entry in told]
        yield from (entry for entry, at in zip(told, times, strict=True) if at >= since)
        newest_first = not times or times[0] >= times[-1]
        if times and newest_first and times[-1] < since:
            return
        if timeline.info is None or not timeline.info.more_records or not timeline.info.next_page_token:
            return
        if timeline.info.next_page_token == token:
            return
        token = timeline.info.next_page_token


def changes(id: str, entry: TimelineEntry, me: str, fields: Mapping[str, FieldMeta], known: Known) -> Iterator[Change]:
    """What one entry says of each field. An entry without field history (a mail, a note) says nothing."""
    by = str(entry.done_by["id"]) if entry.done_by and entry.done_by.get("id") else None
    at = entry.at or ""
    for change in entry.changes:
        meta = fields.get(change.api_name)
        kind = meta.kind if meta else change.data_type or "text"
        yield Change(
            id=id,
            field=change.api_name,
            old=_value(change, "old", kind, known),
            new=_value(change, "new", kind, known),
            at=at,
            by=by,
            by_name=entry.done_by.get("name") if entry.done_by else None,
            ours=by == me,
        )


def _value(change: FieldChange, which: str, kind: str, known: Known) -> Any:
    """The timeline knows texts only: numbers, flags and references are put back into the payload's form."""
    raw = change.values.get(which)
    if raw is None or raw == "" or not isinstance(raw, str):
        return raw if raw != "" else None
    if kind == "boolean":
        return raw.lower() == "true"
    if kind in NUMBERS:
        try:
            number = float(raw.replace(",", ""))
        except ValueError:
            return raw
        return int(number) if number.is_integer() else number
    if kind in REFERENCES:
        # Only the name is told. Without an id the reader must say that it cannot know whom it meant.
        return known(change.api_name, raw) or {"name": raw, "id": None}
    return raw
