"""Was any edit lost? Each person's edit stands everywhere, was replaced by somebody who saw it, or people were told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from connectors.sandbox.truth import Entry
from keepstep.store import tables as t
from keepstep.testing.company_steps import FIELDS
from keepstep.testing.company_words import NATIVE, plain
from keepstep.testing.company_world import Company

Places = dict[str, str]
"""Side -> the record of one entity there, where it takes part: neither gone nor set apart."""

Told = dict[tuple[str, str, str], list[tuple[str, Any]]]
"""Side, record and field -> when people were told of a value, and which."""

FOR_EVER = "9999"


def lost_edits(company: Company) -> Iterator[str]:
    told = _told(company)
    places = taking_part(company)
    parked, apart = parked_entities(company), set_apart(company)
    entity_of = {(side, id): entity for entity, mine in linked(company).items() for side, id in mine.items()}
    for at, (connection, entry) in enumerate(company.log):
        stream = f"{connection}.{entry.stream}"
        if entry.ours or entry.kind not in ("create", "update") or stream not in NATIVE:
            continue
        entity = entity_of.get((stream, entry.id))
        if entity is None:
            continue
        for field in FIELDS[stream]:
            if field == "labels" or NATIVE[stream][field] not in entry.changes:
                continue
            old, value = (company.plain(stream, field, each) for each in entry.changes[NATIVE[stream][field]])
            if entry.kind == "update" and (old or None) == (value or None):
                continue  # the same in other words: a card on another board's list of that kind, an empty document
            if any(when >= entry.at and value == what for when, what in told.get((stream, entry.id, field), ())):
                continue
            mine = {stream: entry.id, **places[entity]}
            if entity in parked and stands(company, {stream: entry.id}, field, value):
                continue  # it is kept, and carried nowhere while its thing does not belong to the sync
            out = (entity, stream) in apart and stream not in places[entity]
            if out and stands(company, {stream: entry.id}, field, value):
                continue  # it stays on a record that an operator took out of step
            if stands(company, minding(company, entity, field, mine), field, value):
                continue
            if replaced(company, mine, at, stream, field, value):
                continue
            if set_back(company, mine, at, stream, field, value):
                continue
            if entry.kind == "create" and said_nothing_new(company, entity, entry, field, value):
                continue
            if not value and at < company.tied.get((stream, entry.id), 0):
                continue  # nothing was tied to it yet: an empty field is filled then as one that was never filled
            yield f"P1 {entity} {field}={value!r} by {entry.actor} on {stream} {entry.id} at {entry.at} is lost"


def parked_entities(company: Company) -> set[str]:
    with company.store.read() as tx:
        return {row["id"] for row in tx.all(sa.select(t.entity.c.id).where(t.entity.c.parked.is_(True)))}


def linked(company: Company) -> dict[str, Places]:
    """Entity -> side -> record, in whatever state the links are."""
    found: dict[str, Places] = {}
    with company.store.read() as tx:
        for row in tx.all(sa.select(t.link).order_by(t.link.c.entity, t.link.c.side)):
            found.setdefault(row["entity"], {})[row["side"]] = row["record"]
    return found


def taking_part(company: Company) -> dict[str, Places]:
    """Entity -> side -> record, of those links that are live, and of those to what a person has deleted."""
    found: dict[str, Places] = {}
    with company.store.read() as tx:
        for row in tx.all(sa.select(t.link).order_by(t.link.c.entity, t.link.c.side)):
            mine = found.setdefault(row["entity"], {})
            if row["state"] in ("live", "gone", "deleted"):
                mine[row["side"]] = row["record"]
    return found


def set_apart(company: Company) -> set[tuple[str, str]]:
    """Entity and side of records that an operator took back, or that we archived because a person deleted another."""
    rows = company.operator.copies.ever(t.audit)
    undone = {(row["entity"], row["side"]) for row in rows if row["code"] == "undone_create"}
    intents = [
        row for row in company.operator.copies.ever(t.intent) if row["kind"] == "archive" and row["state"] == "done"
    ]
    return undone | {(row["entity"], row["side"]) for row in intents}


def minding(company: Company, entity: str, field: str, places: Places) -> Places:
    """Without sides that show something else because an operator took back what was written there alone."""
    with company.store.read() as tx:
        agreed = tx.scalar(sa.select(t.entity.c.agreed).where(t.entity.c.id == entity)) or {}
        rows = tx.all(sa.select(t.link.c.side, t.link.c.fields).where(t.link.c.entity == entity))
    n = agreed.get(field, {}).get("n")
    apart = {row["side"] for row in rows if _instead(row["fields"].get(field)) == n is not None}
    return {side: id for side, id in places.items() if side not in apart}


def _instead(known: Any) -> Any:
    return known[3][0] if known and len(known) > 3 and known[3] else None


# -- what people were told


def _told(company: Company) -> Told:
    """Every value that a conflict, a line of the audit or an undoing names, with when it was named."""
    told: Told = {}
    records: dict[str, set[tuple[str, str]]] = {}
    for row in company.operator.copies.ever(t.link):
        records.setdefault(row["entity"], set()).add((row["side"], row["record"]))
    for row in company.operator.copies.ever(t.audit):
        if row["field"] is None:
            continue
        values: list[Any] = []
        if row["code"] == "conflict":
            values = [each["value"] for each in row["params"]["candidates"]["candidates"].values()]
        elif row["code"] in ("lost_to_policy", "added_wins"):
            values = [row["params"]["value"]]
        elif row["code"] == "undone":
            values = [row["params"]["from"]]
        for side, record in records.get(row["entity"], ()):
            known = told.setdefault((side, record, row["field"]), [])
            known += [(row["at"], plain(row["field"], value)) for value in values]
    with company.store.read() as tx:
        for row in tx.all(sa.select(t.conflict)):
            for side, record in records.get(row["entity"], ()):
                known = told.setdefault((side, record, row["field"]), [])
                for each in row["state"]["candidates"].values():
                    known.append((FOR_EVER, plain(row["field"], each["value"])))
    return told


# -- what the records show, and showed


def showing(company: Company, places: Places, field: str) -> dict[str, Any]:
    """What each live record of an entity shows of a field."""
    found = {}
    for side, id in places.items():
        row = company.records(side).get(id) if field in NATIVE.get(side, ()) else None
        if row is not None:
            found[side] = company.shown(side, row, field)
    return found


def stands(company: Company, places: Places, field: str, value: Any) -> bool:
    """Every record that is there shows the value, and one is there."""
    shown = showing(company, places, field)
    return bool(shown) and all(each == value for each in shown.values())


def then(company: Company, side: str, id: str, field: str, at: int) -> list[Any]:
    """What a record showed of a field at a place in the log; nothing if it was not there, or lacks the field."""
    native = NATIVE[side].get(field)
    for connection, entry in reversed(company.log[:at] if native is not None else []):
        if f"{connection}.{entry.stream}" == side and entry.id == id:
            if native in entry.changes:
                return [company.plain(side, field, entry.changes[native][1])]
            if entry.kind == "create":
                return [company.plain(side, field, None)]
    return []


def _touches(company: Company, places: Places, field: str, since: int) -> Iterator[tuple[int, str, Entry, bool, Any]]:
    """What happened later to a field on the entity's records: place, side, entry, whether it says a value, which."""
    for at in range(since, len(company.log)):
        connection, entry = company.log[at]
        side = f"{connection}.{entry.stream}"
        if places.get(side) != entry.id or side not in NATIVE:
            continue
        native = NATIVE[side].get(field)
        if entry.kind == "delete":
            yield at, side, entry, False, None
        elif native is not None and native in entry.changes:
            yield at, side, entry, True, company.plain(side, field, entry.changes[native][1])


# -- why an edit need not stand any more


def replaced(company: Company, places: Places, at: int, stream: str, field: str, value: Any) -> bool:
    """A later edit whose author had the value before their eyes replaced it; or somebody who saw it deleted the record,
    and nobody took that back."""
    before = {side for side, id in places.items() if side in NATIVE and then(company, side, id, field, at) == [value]}
    seeing = {stream} | before
    for _, side, entry, says, new in _touches(company, places, field, at + 1):
        if says and new == value:
            seeing.add(side)
        elif entry.ours:
            seeing.discard(side)  # whoever edits there from now on has something else before their eyes
        elif side in seeing and (says or entry.id not in company.records(side)):
            return True
    return False


def set_back(company: Company, places: Places, at: int, stream: str, field: str, value: Any) -> bool:
    """Changed and set back on one side, from a value that others had, before the change was carried anywhere: by our
    definition no edit."""
    detour = _detour(company, places[stream], at, stream, field, value)
    if detour is None:
        return False
    first, values = detour
    for later, side, entry, says, new in _touches(company, places, field, first + 1):
        if says and entry.ours and side != stream and later < at and new in values:
            return False
    established, ours = _established(company, places[stream], first, stream, field)
    return ours or any(
        side in NATIVE and _showed(company, side, id, field, established, first, value)
        for side, id in places.items()
        if side != stream
    )


def said_nothing_new(company: Company, entity: str, made: Entry, field: str, value: Any) -> bool:
    """A record was made with what was agreed on just then, and joined: no edit. What replaced that replaced it too."""
    agreed = [
        row
        for row in company.operator.copies.ever(t.audit)
        if (row["entity"], row["field"], row["code"]) == (entity, field, "agreed")
    ]
    return any(
        plain(field, row["params"]["to"]) == value and row["at"] <= made.at <= after["at"]
        for row, after in pairwise(agreed)
    )


def _detour(company: Company, id: str, at: int, stream: str, field: str, value: Any) -> tuple[int, list[Any]] | None:
    """Where people first left the value that this edit goes back to, and what they set meanwhile; None if none did."""
    native = NATIVE[stream][field]
    between: list[Any] = []
    for earlier in range(at, -1, -1):
        connection, entry = company.log[earlier]
        if f"{connection}.{entry.stream}" != stream or entry.id != id or native not in entry.changes:
            continue
        old, new = (company.plain(stream, field, each) for each in entry.changes[native])
        if entry.ours or (earlier != at and new == value):
            return None
        if earlier != at:
            between.append(new)
        if old == value and earlier != at:
            return earlier, between
        if entry.kind == "create":
            return None
    return None


def _established(company: Company, id: str, before: int, stream: str, field: str) -> tuple[int, bool]:
    """Where a record came to show what it showed at a place in the log, and whether we had put it there."""
    native = NATIVE[stream][field]
    for at in range(before - 1, -1, -1):
        connection, entry = company.log[at]
        mine = f"{connection}.{entry.stream}" == stream and entry.id == id
        if mine and (native in entry.changes or entry.kind == "create"):
            return at, entry.ours
    return 0, False


def _showed(company: Company, side: str, id: str, field: str, since: int, until: int, value: Any) -> bool:
    """Whether a record showed the value at any time between two places in the log."""
    if then(company, side, id, field, since) == [value]:
        return True
    native = NATIVE[side].get(field)
    for connection, entry in company.log[since:until]:
        if f"{connection}.{entry.stream}" == side and entry.id == id and native is not None:
            new = entry.changes[native][1] if native in entry.changes else None
            if (native in entry.changes or entry.kind == "create") and company.plain(side, field, new) == value:
                return True
    return False
