"""Who holds a role on a thing: its own assignment, the field that stands for the role, or whoever holds it above."""

from __future__ import annotations

from typing import Final

from keepstep.engine.handoffs.graph import Entity, Graph

ROLE_FIELDS: Final[dict[str, str]] = {
    "accountable": "manager",
    "responsible": "assignee",
    "account_manager": "account_manager",
    "reporter": "reporter",
}
"""Role -> the canonical field that stands for it where Keepstep itself holds no assignment."""

UPWARDS: Final = ("parent", "folder", "project", "customer")


def holder(role: str, entity: Entity, graph: Graph) -> str | None:
    """The person who holds the role, or None."""
    return _seek(role, entity, graph, frozenset())[1]


def roles(entity: Entity, graph: Graph) -> dict[str, str | None]:
    """Each role that can be told of: the person, or None where the place is known to be empty.

    A role that no source speaks of is not in it at all, so that a rule about it cannot be judged.
    """
    found: dict[str, str | None] = {}
    for role in sorted({*ROLE_FIELDS, *entity.roles}):
        known, person = _seek(role, entity, graph, frozenset())
        if known:
            found[role] = person
    return found


def _seek(role: str, entity: Entity, graph: Graph, seen: frozenset[str]) -> tuple[bool, str | None]:
    if entity.roles.get(role):
        return True, entity.roles[role]
    field = ROLE_FIELDS.get(role)
    known = field is not None and field in entity.values
    value = entity.values.get(field) if field else None
    if isinstance(value, str) and value:
        return True, value
    for above in (graph.referenced(entity, name) for name in UPWARDS):
        if above is not None and above.id not in seen:
            there, person = _seek(role, above, graph, seen | {entity.id})
            if person is not None:
                return True, person
            known = known or there
    return known, None
