"""What should be written, from stored facts alone: the creates, updates and deletes that entities owe their sides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from keepstep.engine.carried import (
    Withheld,
    edited,
    follows,
    is_copy,
    lies_there,
    rests,
    source,
    too_large,
    withheld,
    worded,
)
from keepstep.engine.operations import Kind, Operation, Owed, Planned
from keepstep.engine.references import Outside, References, Unresolved
from keepstep.engine.state import EntityState, FieldState, LinkState
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
                operation = leave(state, sync, side)
            else:
                operation = None
                found.findings.extend(gone(state, sync, side, references))
            if operation is not None:
                found.operations.append(operation)
        found.operations.extend(deletes(state, sync, references, found.findings))
    return found


def update(state: EntityState, sync: Sync, side: Side, references: References, found: Owed) -> Operation | None:
    """What a live side that is behind is owed. None: nothing, or not now."""
    link, record = state.links[side.name], state.records.get(side.name)
    if record is None or record["deleted"] or not side.writable or _open(state, side.name):
        return None
    if edited(state, sync, side.name):
        key = f"copy_edited:{state.id}:{side.name}"
        found.findings.append(
            _finding(state, sync, key, "copy_edited", side=side.name, record=link.record, url=record["url"])
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
        title=title(state, sync),
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
    trouble: list[Finding],
) -> Planned | None:
    """The field in the form of that side. None: it waits for what it refers to, or the side cannot hold it."""
    form = sync.fields[name]
    try:
        outward = spoken(state, sync, side, name, agreed.value, references)
    except Unresolved:
        if form is Form.PERSON:
            trouble.append(
                _finding(
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
        trouble.append(
            _finding(
                state,
                sync,
                f"unmapped:{state.id}:{side.name}:{name}",
                "unmapped_value",
                side=side.name,
                field=name,
                value=agreed.value,
                why=reason.why,
            )
        )
        return None


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
        title=title(state, sync),
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


def _sendable(state: EntityState, sync: Sync, side: Side, trouble: list[Finding]) -> bool:
    """Whether some side has the bytes that are agreed on, and no more of them than may be copied."""
    link = source(state, sync)
    if link is None or state.records[link.side]["shown"][CONTENT] != state.value(CONTENT):
        trouble.append(_finding(state, sync, f"file:{state.id}:{side.name}", "copy_without_source", side=side.name))
        return False
    kept = too_large(state, sync, link, side)
    if kept is not None:
        _tell_withheld(state, sync, side, kept, trouble)
    return kept is None


def _tell_withheld(state: EntityState, sync: Sync, side: Side, kept: Withheld, trouble: list[Finding]) -> None:
    if kept.code == "file_too_large":
        key = f"file:{state.id}:{side.name}"
        trouble.append(_finding(state, sync, key, "file_too_large", side=side.name, size=kept.size, limit=kept.limit))
    elif kept.code == "document_without_bytes":
        trouble.append(_finding(state, sync, f"file:{state.id}", "document_without_bytes"))
    elif kept.code == "file_unreadable" and state.origin is not None:
        trouble.append(_finding(state, sync, f"file:{state.id}", "file_unreadable", side=state.origin.side))


def leave(state: EntityState, sync: Sync, side: Side) -> Operation | None:
    """A record whose making was taken back goes into the archive; it is never deleted."""
    link, record = state.links[side.name], state.records.get(side.name)
    if record is None or record["deleted"] or _open(state, side.name):
        return None
    if not side.abilities.archive or side.connection.access != "write":
        return None
    return Operation(
        kind="archive",
        entity=state.id,
        side=side.name,
        title=title(state, sync),
        record=link.record,
        version=record["version"],
    )


def needed(kind: EntityKind, place: Mapping[str, Any], fields: Collection[str]) -> set[str]:
    """References without which a record of that kind cannot be made: the model's, and those that its place names."""
    parent = REQUIRED_PARENT.get(kind)
    return {value for value in place.values() if value in fields} | ({parent} if parent else set())


def deletes(state: EntityState, sync: Sync, references: References, trouble: list[Finding]) -> list[Operation]:
    """Under ``deletes: propagate`` or ``archive``: what a person's delete leads to, unless somebody edited since.

    Who deletes a copy has not deleted what it was copied from; and what went with its task is the task's affair.
    """
    telling = [link for link in state.links.values() if not is_copy(state, sync, link.side)]
    if sync.deletes == "flag" or not any(link.state == "gone" for link in telling):
        return []
    if not all(lies_there(state, sync, link.side, references) for link in telling):
        return []
    live = [link for link in state.links.values() if link.state == "live" and link.side in sync.sides]
    if not live:
        return []
    if state.intents:
        return []
    kind: Kind = "delete" if sync.deletes == "propagate" else "archive"
    if _edited_since(state, sync):
        trouble.append(_finding(state, sync, f"edit_against_delete:{state.id}", "edit_against_delete"))
        return []
    if any(
        _receives(sync, sync.sides[link.side], link, name, agreed)
        for link in live
        for name, agreed in state.agreed.items()
    ):
        return []  # an edit is on its way: whoever takes the delete back finds it on all sides
    operations = []
    for link in live:
        side = sync.sides[link.side]
        able = side.abilities.delete if kind == "delete" else side.abilities.archive
        if able and side.connection.access == "write":
            operations.append(
                Operation(
                    kind=kind,
                    entity=state.id,
                    side=link.side,
                    title=title(state, sync),
                    record=link.record,
                    version=state.records[link.side]["version"] if link.side in state.records else None,
                    because=[each.side for each in state.links.values() if each.state == "gone"],
                )
            )
    return operations


def _edited_since(state: EntityState, sync: Sync) -> bool:
    """Whether anything was agreed that the deleted side had not shown, or that its people could not know of when they
    deleted it; or is still in question."""
    if state.conflicts:
        return True
    for link in state.links.values():
        side = sync.sides.get(link.side)
        if side is None:
            continue
        copy = is_copy(state, sync, link.side)
        if edited(state, sync, link.side):
            return True
        for name, agreed in state.agreed.items():
            shown = ("both", "once") if copy else ("both", "read", "once", "follow")
            mode, known = sync.can(side, name), link.fields.get(name, FieldState())
            if mode in shown and known.shows != agreed.n and not _receives(sync, side, link, name, agreed):
                return True
            if mode == "absent" and link.state == "gone" and name in link.fields and known.shows != agreed.n:
                return True
    return False


def _receives(sync: Sync, side: Side, link: LinkState, name: str, agreed: Agreed) -> bool:
    """Whether the side is behind in a field, and will be given it."""
    known = link.fields.get(name, FieldState())
    given = link.state == "live" and side.writable and sync.can(side, name) in KEPT_WRITTEN
    return given and agreed.n not in (known.shows, known.refused)


def gone(state: EntityState, sync: Sync, side: Side, references: References) -> list[Finding]:
    """A person's delete is told, while the entity lives on elsewhere; and ours, if the entity came back elsewhere."""
    link = state.links[side.name]
    if link.state not in ("gone", "deleted") or not any(each.state == "live" for each in state.links.values()):
        return []
    if not lies_there(state, sync, side.name, references):
        return []
    return [_finding(state, sync, f"gone:{state.id}:{side.name}", "gone", side=side.name, record=link.record)]


def title(state: EntityState, sync: Sync) -> str:
    """How people know the entity."""
    agreed = state.agreed.get(TITLE[sync.kind])
    if agreed is not None and agreed.value:
        return str(agreed.value)
    for record in state.records.values():
        shown = record["shown"].get(TITLE[sync.kind])
        if shown:
            return str(shown)
    return state.id


def _open(state: EntityState, side: str) -> bool:
    return any(intent["side"] == side for intent in state.intents)


def _finding(state: EntityState, sync: Sync, key: str, code: str, **params: Any) -> Finding:
    return Finding(
        key=f"entity:{key}",
        code=code,
        sync=sync.name,
        entity=state.id,
        params={"entity": state.id, "kind": sync.kind.value, "title": title(state, sync), **params},
    )
