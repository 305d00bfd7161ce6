"""What should be written, from stored facts alone: the creates, updates and removals that entities owe their sides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from keepstep.engine import removals
from keepstep.engine.carried import (
    Withheld,
    edited,
    follows,
    rests,
    source,
    too_large,
    withheld,
    worded,
)
from keepstep.engine.operations import Operation, Owed, Planned
from keepstep.engine.references import Outside, References, Unresolved
from keepstep.engine.state import EntityState
from keepstep.engine.trouble import trouble
from keepstep.engine.world import Side, Sync
from keepstep.store.findings import Finding
from mapping.agreement import Agreed
from mapping.fields import KEPT_WRITTEN, WHEN_MADE, Unmappable
from mapping.model import CONTENT, REQUIRED_PARENT, TITLE, Form
from mapping.model import Kind as EntityKind


def owed(states: Iterable[EntityState], sync: Sync, references: References, now_old: Any) -> Owed:
    """Everything the entities owe. ``now_old(state)``: too old to be created elsewhere."""
    found = Owed(operations=[], findings=[], waiting={})
    for state in states:
        if state.parked or rests(state, sync, references):
            continue
        for side in sync.sides.values():
            link = state.links.get(side.name)
            if link is None:
                operation = create(state, sync, side, references, found, now_old)
            elif link.state == "live":
                operation = update(state, sync, side, references, found)
            elif link.state == "leaving":
                operation = removals.leave(state, sync, side)
            else:
                operation = None
                found.findings.extend(removals.gone(state, sync, side, references))
            if operation is not None:
                found.operations.append(operation)
        found.operations.extend(removals.deletes(state, sync, references, found.findings))
    return found


def update(state: EntityState, sync: Sync, side: Side, references: References, found: Owed) -> Operation | None:
    """What a live side that is behind is owed. None: nothing, or not now."""
    link, record = state.links[side.name], state.records.get(side.name)
    if record is None or record["deleted"] or not side.writable or state.under_way(side.name):
        return None
    if edited(state, sync, side.name):
        key = f"copy_edited:{state.id}:{side.name}"
        found.findings.append(
            trouble(state, sync, key, "copy_edited", side=side.name, record=link.record, url=record["url"])
        )
    fields: dict[str, Planned] = {}
    confirm: dict[str, int] = {}
    waits: list[str] = []
    because: set[str] = set()
    for name, agreed in state.agreed.items():
        if sync.can(side, name) not in KEPT_WRITTEN or name not in record["shown"] or name in state.conflicts:
            continue
        known = link.field(name)
        behind = known.shows < agreed.n
        if sync.fields[name] is Form.REFS:
            reached = references.reached(agreed.value, side.connection.name)
            if len(reached) < len(agreed.value or ()):
                waits.append(name)
            # What was not on that side when the others were written may be there by now.
            behind = behind or not set(reached) <= set(known.shadow or ())
        if not behind or known.refused == agreed.n:
            continue
        try:
            cur = references.inward(sync.fields[name], record["shown"][name], side.connection.name)
        except (Unresolved, Outside):
            continue
        if cur != known.shadow:
            continue  # absorb first
        meant = known.meant(agreed)
        differs = name == CONTENT and known.shadow != meant.value
        if differs and not _sendable(state, sync, side, found.findings):
            continue
        planned = _plan_field(state, sync, side, name, meant, references, found.findings)
        if planned is None:
            waits.append(name)
        elif any(sync.equal(name, known.shadow, each) for each in (meant.value, planned.local)):
            confirm[name] = agreed.n
        else:
            fields[name] = msgspec.structs.replace(planned, was=known.shadow)
            because.add(agreed.source)
    operation = Operation(
        kind="update",
        entity=state.id,
        side=side.name,
        title=state.title,
        record=link.record,
        version=record["version"],
        fields=fields,
        confirm=confirm,
        waits=waits,
        because=sorted(because),
        backfill=bool(fields) and all(state.agreed[name].at <= link.linked_at for name in fields),
    )
    if waits:
        found.waiting.setdefault(state.id, []).append(operation)
    return operation if fields or confirm else None


def _plan_field(
    state: EntityState,
    sync: Sync,
    side: Side,
    name: str,
    agreed: Agreed,
    references: References,
    told: list[Finding],
) -> Planned | None:
    """The field in the form of that side. None: it waits for what it refers to, or the side cannot hold it."""
    form = sync.fields[name]
    try:
        outward = spoken(state, sync, side, name, agreed.value, references)
    except Unresolved:
        if form is Form.PERSON:
            told.append(
                trouble(
                    state,
                    sync,
                    f"unmatched:{state.id}:{side.name}:{name}",
                    "assignee_unmatched",
                    side=side.name,
                    field=name,
                    person=references.people.name(agreed.value),
                )
            )
        return None
    if form in (Form.REF, Form.PERSON):
        return Planned(agreed.value, agreed.n, agreed.value)
    if form is Form.REFS:
        return Planned(agreed.value, agreed.n, references.reached(agreed.value, side.connection.name))
    try:
        return Planned(agreed.value, agreed.n, side.mapper.normalise(sync.kind, name, outward))
    except Unmappable as reason:
        told.append(_unmapped(state, sync, side, name, agreed.value, reason))
        return None


def _unmapped(state: EntityState, sync: Sync, side: Side, name: str, value: Any, reason: Unmappable) -> Finding:
    """What a side cannot hold, with its cure: no declaration makes room for a text that is too long."""
    key = f"unmapped:{state.id}:{side.name}:{name}"
    if reason.why == "too_long":
        limit = reason.value if isinstance(reason.value, int) else None
        return trouble(state, sync, key, "value_too_long", side=side.name, field=name, value=value, limit=limit)
    return trouble(state, sync, key, "unmapped_value", side=side.name, field=name, value=value, why=reason.why)


def spoken(state: EntityState, sync: Sync, side: Side, name: str, value: Any, references: References) -> Any:
    """A value that all sides mean in the form that this side's mapping takes. Raises ``Unresolved``."""
    outward = references.outward(sync.fields[name], value, side.connection.name)
    outward = worded(state, sync, side.name, name, outward, references)
    link, record = state.links.get(side.name), state.records.get(side.name)
    if link is None or record is None:
        return outward
    if sync.fields[name] is Form.REFS:
        return [*outward, *references.untouched(record["shown"].get(name), value, side.connection.name)]
    return link.field(name).own(outward, record["shown"].get(name))


def create(
    state: EntityState,
    sync: Sync,
    side: Side,
    references: References,
    found: Owed,
    now_old: Any,
) -> Operation | None:
    """The record that is missing on a side, if a route says that records are made there."""
    if side.name not in sync.create or not side.abilities.create or side.connection.access != "write":
        return None
    if not state.agreed or now_old(state) or not follows(state, sync, side, references):
        return None
    if any(intent["kind"] == "create" and intent["side"] == side.name for intent in state.intents):
        return None
    if any(link.state in ("gone", "deleted") for link in state.links.values()):
        return None  # somebody deleted it elsewhere: it is not made anew
    kept = withheld(state, sync, side, references)
    if kept is not None:
        _tell_withheld(state, sync, side, kept, found.findings)
        return None
    above = needed(sync.kind, sync.create[side.name], sync.fields)
    fields: dict[str, Planned] = {}
    waits: list[str] = []
    quiet: list[Finding] = []
    for name, agreed in state.agreed.items():
        mode = sync.can(side, name)
        if mode not in WHEN_MADE or agreed.value is None or name in state.conflicts:
            continue
        planned = _plan_field(state, sync, side, name, agreed, references, quiet)
        if planned is None:
            waits.append(name)
        else:
            fields[name] = planned
    operation = Operation(
        kind="create",
        entity=state.id,
        side=side.name,
        title=state.title,
        fields=fields,
        waits=waits,
        lacks=sorted(name for name in above if state.value(name) is None),
        because=sorted({agreed.source for agreed in state.agreed.values() if agreed.source}),
        backfill=state.old,
    )
    if operation.lacks or set(waits) & above:
        found.waiting.setdefault(state.id, []).append(operation)
        return None  # its parent comes first
    found.findings.extend(quiet)
    if TITLE[sync.kind] not in fields and sync.can(side, TITLE[sync.kind]) in WHEN_MADE:
        return None
    if state.refused.get(side.name) == {
        "versions": {name: planned.n for name, planned in fields.items()},
        "place": dict(sync.create[side.name]),
    }:
        return None  # the same would be refused again
    return operation


def needed(kind: EntityKind, place: Mapping[str, Any], fields: Collection[str]) -> set[str]:
    """References without which a record of that kind cannot be made: the model's, and those that its place names."""
    parent = REQUIRED_PARENT.get(kind)
    return {value for value in place.values() if value in fields} | ({parent} if parent else set())


def _sendable(state: EntityState, sync: Sync, side: Side, told: list[Finding]) -> bool:
    """Whether some side has the bytes that are agreed on, and no more of them than may be copied."""
    link = source(state, sync)
    if link is None or state.records[link.side]["shown"][CONTENT] != state.value(CONTENT):
        told.append(trouble(state, sync, f"file:{state.id}:{side.name}", "copy_without_source", side=side.name))
        return False
    kept = too_large(state, sync, link, side)
    if kept is not None:
        _tell_withheld(state, sync, side, kept, told)
    return kept is None


def _tell_withheld(state: EntityState, sync: Sync, side: Side, kept: Withheld, told: list[Finding]) -> None:
    if kept.code == "file_too_large":
        key = f"file:{state.id}:{side.name}"
        told.append(trouble(state, sync, key, "file_too_large", side=side.name, size=kept.size, limit=kept.limit))
    elif kept.code == "document_without_bytes":
        told.append(trouble(state, sync, f"file:{state.id}", "document_without_bytes"))
    elif kept.code == "file_unreadable" and state.origin is not None:
        told.append(trouble(state, sync, f"file:{state.id}", "file_unreadable", side=state.origin.side))
