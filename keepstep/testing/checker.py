"""Did anything break? Judged from the stand-ins' true logs; the store is asked only for what it tells people."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.memory_service import STREAM
from connectors.sandbox.truth import Entry
from keepstep.store import tables as t
from keepstep.testing.simulator import Simulation

CANONICAL = {"title": "title", "notes": "description", "due": "due_date", "labels": "labels"}


def violations(simulation: Simulation) -> list[str]:
    """What is broken, in words, at quiescence. Empty: nothing."""
    return [
        *_lost_edits(simulation),
        *_unseen(simulation),
        *_twins(simulation),
        *_unsettled(simulation),
        *_unwritten(simulation),
    ]


def _links(simulation: Simulation) -> dict[str, dict[str, str]]:
    with simulation.store.read() as tx:
        rows = tx.all(sa.select(t.link).where(t.link.c.side.endswith(f".{STREAM}")))
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["entity"], {})[row["side"].partition(".")[0]] = row["record"]
    return found


def _unseen(simulation: Simulation) -> list[str]:
    """Every record that lives is linked and known to live, or a finding names it."""
    with simulation.store.read() as tx:
        linked = {(row["side"], row["record"]): row["state"] for row in tx.all(sa.select(t.link))}
        named = {str(row["params"].get("record")) for row in tx.all(sa.select(t.finding.c.params))}
    broken = []
    for name, service in simulation.services.items():
        for id in service.records(STREAM):
            state = linked.get((f"{name}.{STREAM}", id))
            if state is None and id not in named:
                broken.append(f"P13 {id} on {name} was never seen")
            elif state not in (None, "live"):
                broken.append(f"P14 {id} on {name} lives, and is taken for {state}")
    return broken


def _told(simulation: Simulation) -> dict[tuple[str, str], list[Any]]:
    """Every value that a conflict or an audit line holds, per entity and field."""
    told: dict[tuple[str, str], list[Any]] = {}
    with simulation.store.read() as tx:
        for row in tx.all(sa.select(t.audit).where(t.audit.c.field.is_not(None))):
            key = (row["entity"], row["field"])
            if row["code"] == "conflict":
                told.setdefault(key, []).extend(c["value"] for c in row["params"]["candidates"]["candidates"].values())
            elif row["code"] in ("lost_to_policy", "added_wins"):
                told.setdefault(key, []).append(row["params"]["value"])
        for row in tx.all(sa.select(t.conflict)):
            values = [c["value"] for c in row["state"]["candidates"].values()]
            told.setdefault((row["entity"], row["field"]), []).extend(values)
    return told


def _lost_edits(simulation: Simulation) -> list[str]:
    broken = []
    told = _told(simulation)
    for entity, records in _links(simulation).items():
        for name, id in sorted(records.items()):
            service = simulation.services[name]
            for entry in service.truth.entries:
                if entry.id != id or entry.ours or entry.kind not in ("update", "create"):
                    continue
                for field, (_, value) in entry.changes.items():
                    if field == "labels" or _accounted(simulation, records, name, entry, field, value, told, entity):
                        continue
                    broken.append(f"P1 {entity} {field}={value!r} by {entry.actor} on {name} at {entry.at} is lost")
    return broken


def _accounted(
    simulation: Simulation,
    records: dict[str, str],
    name: str,
    entry: Entry,
    field: str,
    value: Any,
    told: dict[tuple[str, str], list[Any]],
    entity: str,
) -> bool:
    if any(same(value, other) for other in told.get((entity, CANONICAL[field]), ())):
        return True
    if _seen_from(simulation, records, name, field, value):
        return True
    if _everywhere(simulation, records, field, value) or _set_back(simulation, records, name, entry, field, value):
        return True
    for other, id in records.items():
        service = simulation.services[other]
        carried = other == name
        for later in service.truth.entries:
            if later.id != id or later.at < entry.at or (other == name and later.n <= entry.n):
                continue
            if later.ours and field in later.changes and same(later.changes[field][1], service.form(field, value)):
                carried = True
            if later.ours:
                continue
            # Its author saw the value, whoever had put it there.
            seen = field in later.changes and same(later.changes[field][0], service.form(field, value))
            if seen or (carried and (later.kind == "delete" or field in later.changes)):
                return True
    return False


def _set_back(simulation: Simulation, records: dict[str, str], name: str, entry: Entry, field: str, value: Any) -> bool:
    """Changed and set back on one side before the change was carried anywhere: by our definition no edit."""
    between: list[Any] = []
    for earlier in reversed(simulation.services[name].truth.entries[: entry.n]):
        if earlier.id != entry.id or field not in earlier.changes:
            continue
        if same(earlier.changes[field][1], value):
            break
        if earlier.ours:
            return False
        between.append((earlier.at, earlier.changes[field][1]))
        if same(earlier.changes[field][0], value):
            break
    else:
        return False
    for other, id in records.items():
        for carried in simulation.services[other].truth.entries:
            if (
                carried.ours
                and carried.id == id
                and field in carried.changes
                and between[-1][0] <= carried.at <= entry.at
            ):
                form = simulation.services[other].form
                if any(same(carried.changes[field][1], form(field, each)) for _, each in between):
                    return False
    return bool(between)


def _seen_from(simulation: Simulation, records: dict[str, str], name: str, field: str, value: Any) -> bool:
    """Every side shows what would look like this value on the side where it was typed: capitals hide the rest."""
    own = simulation.services[name]
    for other, id in records.items():
        service = simulation.services[other]
        shown = service.records(STREAM).get(id)
        if shown is not None and field in service.traits.fields and not same(own.form(field, shown[field]), value):
            return False
    return True


def _everywhere(simulation: Simulation, records: dict[str, str], field: str, value: Any) -> bool:
    """Every side shows the value, each in its own form."""
    for name, id in records.items():
        service = simulation.services[name]
        shown = service.records(STREAM).get(id)
        if shown is None or field not in service.traits.fields:
            continue
        if not same(shown[field], service.form(field, value)):
            return False
    return True


def same(a: Any, b: Any) -> bool:
    """Equal; nothing and an empty list are the same nothing."""
    return bool((a or None) == (b or None))


def _twins(simulation: Simulation) -> list[str]:
    """One place, one record. A search that loses sight of what we made, for longer than it promises, may cost a second
    one; that must be told then."""
    broken = []
    links = _links(simulation)
    with simulation.store.read() as tx:
        twins = tx.all(sa.select(t.finding.c.params).where(t.finding.c.code == "twin", t.finding.c.state == "open"))
    told = {(row["params"]["side"], row["params"]["record"]) for row in twins}
    for name, service in simulation.services.items():
        places: dict[str, list[str]] = {}
        alive = service.records(STREAM)
        for entry in service.truth.entries:
            if entry.kind == "create" and entry.place is not None and entry.id in alive:
                places.setdefault(entry.place, []).append(entry.id)
        for place, ids in places.items():
            linked = links.get(place, {}).get(name)
            everyone = set(ids) | ({linked} if linked in alive else set())
            excused = {id for id in everyone if (name, id) in simulation.hidden and (f"{name}.{STREAM}", id) in told}
            if len(everyone - excused) > 1:
                broken.append(f"P2 {place} has {sorted(str(id) for id in everyone)} on {name}")
    return broken


def _unsettled(simulation: Simulation) -> list[str]:
    broken = []
    before = _writes(simulation)
    planned = [simulation.round() for _ in range(3)]
    if any(planned):
        broken.append(f"P3 rounds after quiescence planned {planned} operations")
    if _writes(simulation) != before:
        broken.append("P3 rounds after quiescence wrote")
    with simulation.store.read() as tx:
        conflicts = {(row["entity"], row["field"]) for row in tx.all(sa.select(t.conflict))}
    for entity, records in _links(simulation).items():
        for field, canonical in CANONICAL.items():
            if (entity, canonical) in conflicts:
                continue
            shown = _shown(simulation, records, field)
            if shown and not any(_everywhere(simulation, records, field, value) for value in shown):
                broken.append(f"P3 {entity} {field} differs without a conflict: {msgspec.json.encode(shown).decode()}")
    return broken


def _shown(simulation: Simulation, records: dict[str, str], field: str) -> list[Any]:
    found = []
    for name, id in sorted(records.items()):
        service = simulation.services[name]
        values = service.records(STREAM).get(id)
        if values is not None and field in service.traits.fields:
            found.append(values[field])
    return found


def _writes(simulation: Simulation) -> int:
    return sum(len(service.truth.writes()) for service in simulation.services.values())


def _unwritten(simulation: Simulation) -> list[str]:
    with simulation.store.read() as tx:
        still = tx.all(sa.select(t.intent.c.id, t.intent.c.state).where(t.intent.c.closed_at.is_(None)))
        intents = tx.scalar(sa.select(sa.func.count()).select_from(t.intent)) or 0
    broken = [f"P4 intent {row['id']} stays {row['state']}" for row in still]
    if _writes(simulation) > intents:
        broken.append(f"P4 {_writes(simulation)} writes, {intents} intents")
    return broken
