"""What follows from a delete, and from a making that was taken back: other records go too, or a person is told."""

from __future__ import annotations

from keepstep.engine.carried import edited, is_copy, lies_there
from keepstep.engine.operations import Kind, Operation
from keepstep.engine.references import References
from keepstep.engine.state import EntityState, FieldState, LinkState
from keepstep.engine.trouble import trouble
from keepstep.engine.world import Side, Sync
from keepstep.store.findings import Finding
from mapping.agreement import Agreed
from mapping.fields import KEPT_WRITTEN


def deletes(state: EntityState, sync: Sync, references: References, told: list[Finding]) -> list[Operation]:
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
        told.append(trouble(state, sync, f"edit_against_delete:{state.id}", "edit_against_delete"))
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
                    title=state.title,
                    record=link.record,
                    version=state.records[link.side]["version"] if link.side in state.records else None,
                    because=[each.side for each in state.links.values() if each.state == "gone"],
                )
            )
    return operations


def leave(state: EntityState, sync: Sync, side: Side) -> Operation | None:
    """A record whose making was taken back goes into the archive; it is never deleted."""
    link, record = state.links[side.name], state.records.get(side.name)
    if record is None or record["deleted"] or state.under_way(side.name):
        return None
    if not side.abilities.archive or side.connection.access != "write":
        return None
    return Operation(
        kind="archive",
        entity=state.id,
        side=side.name,
        title=state.title,
        record=link.record,
        version=record["version"],
    )


def gone(state: EntityState, sync: Sync, side: Side, references: References) -> list[Finding]:
    """A person's delete is told, while the entity lives on elsewhere; and ours, if the entity came back elsewhere."""
    link = state.links[side.name]
    if link.state not in ("gone", "deleted") or not any(each.state == "live" for each in state.links.values()):
        return []
    if not lies_there(state, sync, side.name, references):
        return []
    return [trouble(state, sync, f"gone:{state.id}:{side.name}", "gone", side=side.name, record=link.record)]


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
