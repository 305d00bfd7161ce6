"""Operations: what a sync would write, each with its reason, and the parts in which they are carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import msgspec

from connectors.base import chunks
from keepstep.engine.world import Side, Sync
from keepstep.store.findings import Finding

Kind = Literal["create", "update", "delete", "archive"]


KINDS: tuple[Kind, ...] = ("create", "update", "archive", "delete")


CHUNK = 100


class Planned(msgspec.Struct, frozen=True, array_like=True):
    """One field of an operation: the agreed value and its version, the form to send, and what stands there now."""

    value: Any
    n: int
    local: Any
    was: Any = None


class Operation(msgspec.Struct, kw_only=True):
    """One write that is owed, with its reason. ``confirm``: fields that show the agreed value already."""

    kind: Kind
    entity: str
    side: str
    title: str
    record: str | None = None
    version: str | None = None
    """Of the record as it was held when this was planned, where it has one."""
    fields: dict[str, Planned] = {}
    confirm: dict[str, int] = {}
    waits: list[str] = []
    """Fields that cannot be written yet, because what they refer to is not on that side."""
    lacks: list[str] = []
    """References that nobody has set, and without which the record cannot be made."""
    because: list[str] = []
    """Sides whose edits are carried."""
    backfill: bool = False
    """It comes of what was there before the sides were kept in step, not of anything that somebody did since."""


Wanted = Callable[[Operation], Operation | None]
"""How much may be carried out of an operation that is owed: all of it, of an update some fields, or nothing."""


def anything(operation: Operation) -> Operation | None:
    """All that is owed."""
    return operation


def only(operations: Sequence[Operation]) -> Wanted:
    """Exactly these, as far as they are still owed as they are written here.

    An update counts by the values that it brings and replaces, so that what else has come to be owed to the same record
    is no hindrance, and waits; what removes a record removes it as it was when it was planned.
    """
    allowed = {(each.kind, each.entity, each.side): each for each in operations}

    def wanted(operation: Operation) -> Operation | None:
        known = allowed.get((operation.kind, operation.entity, operation.side))
        if known is None or known.record != operation.record:
            return None
        if operation.kind in ("archive", "delete") and known.version != operation.version:
            return None
        if operation.kind != "update":
            return operation if known.fields == operation.fields else None
        if any(operation.fields.get(name) != planned for name, planned in known.fields.items()):
            return None
        return msgspec.structs.replace(operation, fields=known.fields)

    return wanted


def beyond(before: Iterable[Operation], after: Iterable[Operation]) -> list[Operation]:
    """What is owed ``after`` and was not ``before``: new operations, and of updates the fields that are owed anew."""
    known = {(each.kind, each.entity, each.side): each for each in before}
    found = []
    for operation in after:
        was = known.get((operation.kind, operation.entity, operation.side))
        if was is None:
            found.append(operation)
        elif operation.kind == "update":
            fields = {name: planned for name, planned in operation.fields.items() if was.fields.get(name) != planned}
            if fields:
                found.append(msgspec.structs.replace(operation, fields=fields))
    return found


class Owed(msgspec.Struct, kw_only=True):
    """What a set of entities owes, and the trouble met in working it out."""

    operations: list[Operation] = []
    findings: list[Finding] = []
    waiting: dict[str, list[Operation]] = {}
    """Entity -> what is to be written once something it refers to is there, as far as it is known by now."""


def parts(operations: Sequence[Operation], sync: Sync) -> Iterable[tuple[Side, Sequence[Operation]]]:
    """The operations in the order and the parts in which they are carried out: creates first, then updates, then
    deletes; each part of one kind and one side. Updates that share requests are together, in larger parts."""
    for kind in KINDS:
        sides: dict[tuple[str, str | None], list[Operation]] = {}
        for operation in operations:
            if operation.kind == kind:
                shared = shares(operation, sync) if kind == "update" else None
                sides.setdefault((operation.side, shared), []).append(operation)
        for (name, shared), mine in sides.items():
            side = sync.sides[name]
            # Two lost creates that only a fingerprint tells could not be told apart: one open create per stream.
            alone = kind == "create" and side.abilities.marker == "fingerprint"
            size = side.abilities.together[shared] if shared is not None else 1 if alone else CHUNK
            for part in chunks(mine, size):
                yield side, part


def shares(operation: Operation, sync: Sync) -> str | None:
    """The system's field that is all the update changes, if such updates share requests there."""
    side = sync.sides[operation.side]
    if not side.abilities.together:
        return None
    touched = {side.mapper.system(sync.kind, name) for name in operation.fields}
    field = touched.pop() if len(touched) == 1 else None
    return field if field in side.abilities.together else None
