"""Did anything break? Judged from the stand-ins' true logs; the store is asked only for what it tells people.

Whatever excuses something names its evidence: a finding about that very record, a line of the audit that is younger
than the edit, a person's act in the log.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.memory_service import STREAM
from connectors.sandbox.truth import Entry
from keepstep.store import findings
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
        *_deleted(simulation),
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
        query = sa.select(t.finding.c.params).where(t.finding.c.state.in_(findings.OPEN))
        named = {(row["params"].get("side"), row["params"].get("record")) for row in tx.all(query)}
    broken = []
    for name, service in simulation.services.items():
        for id in service.records(STREAM):
            state = linked.get((f"{name}.{STREAM}", id))
            if state is None and (f"{name}.{STREAM}", id) not in named:
                broken.append(f"P13 {id} on {name} was never seen")
            elif state not in (None, "live"):
                broken.append(f"P14 {id} on {name} lives, and is taken for {state}")
    return broken


def _ever_linked(simulation: Simulation) -> dict[str, set[tuple[str, str]]]:
    """Entity -> sides and records that were ever taken for it, also in what a store that was put back has forgotten."""
    records: dict[str, set[tuple[str, str]]] = {}
    for row in simulation.copies.ever(t.link):
        records.setdefault(row["entity"], set()).add((row["side"].partition(".")[0], row["record"]))
    return records


Told = dict[tuple[str, str, str], list[tuple[str, Any]]]
"""Side, record and field -> when people were told of a value, and which."""

FOR_EVER = "9999"


def _told(simulation: Simulation) -> Told:
    """Every value that a conflict or an audit line holds, with when it was told."""
    told: Told = {}
    records = _ever_linked(simulation)

    def tell(entity: str, field: str, at: str, values: Iterable[Any]) -> None:
        for name, record in records.get(entity, ()):
            told.setdefault((name, record, field), []).extend((at, value) for value in values)

    for row in simulation.copies.ever(t.audit):
        if row["code"] == "conflict":
            candidates = row["params"]["candidates"]["candidates"].values()
            tell(row["entity"], row["field"], row["at"], [each["value"] for each in candidates])
        elif row["code"] in ("lost_to_policy", "added_wins"):
            tell(row["entity"], row["field"], row["at"], [row["params"]["value"]])
    with simulation.store.read() as tx:
        for row in tx.all(sa.select(t.conflict)):
            values = [each["value"] for each in row["state"]["candidates"].values()]
            tell(row["entity"], row["field"], FOR_EVER, values)
    return told


def _lost_edits(simulation: Simulation) -> list[str]:
    broken = []
    told = _told(simulation)
    together = list(_ever_linked(simulation).values())
    for entity, records in _links(simulation).items():
        for name, id in sorted(records.items()):
            service = simulation.services[name]
            for entry in service.truth.entries:
                if entry.id != id or entry.ours or entry.kind not in ("update", "create"):
                    continue
                beside = {(name, id)}.union(*(each for each in together if (name, id) in each))
                for field, (_, value) in entry.changes.items():
                    if (
                        field == "labels"
                        or _accounted(simulation, records, name, entry, field, value, told)
                        or _replaced(simulation, beside, name, entry, field, value)
                        or _went_along(simulation, beside, entry, field)
                        or _buried_unseen(simulation, name, entry, field)
                        or _set_back_at_once(simulation, name, entry, field)
                    ):
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
    told: Told,
) -> bool:
    known = told.get((name, entry.id, CANONICAL[field]), ())
    return (
        any(at >= entry.at and same(value, other) for at, other in known)
        or _seen_from(simulation, records, name, field, value)
        or _everywhere(simulation, records, field, value)
        or _set_back(simulation, records, name, entry, field, value)
    )


def _replaced(
    simulation: Simulation, beside: set[tuple[str, str]], name: str, entry: Entry, field: str, value: Any
) -> bool:
    """A later edit whose author had the value before their eyes, whoever had put it there; or somebody who saw it
    deleted the record, and nobody took that back. ``beside``: all records that were ever taken for the same thing."""
    for other, id in sorted(beside):
        service = simulation.services[other]
        seeing = other == name or _showed(simulation, other, id, field, (entry.at, entry.at), value)
        for later in service.truth.entries:
            if later.id != id or later.at < entry.at or (other == name and later.n <= entry.n):
                continue
            touched = field in later.changes
            if later.ours:
                seeing = same(later.changes[field][1], service.form(field, value)) if touched else seeing
                continue
            seeing |= touched and _alike(simulation, name, other, field, value, later.changes[field][0])
            if seeing and (touched or (later.kind == "delete" and service.items[id].deleted)):
                return True
            seeing |= touched and _alike(simulation, name, other, field, value, later.changes[field][1])
    return False


def _alike(simulation: Simulation, name: str, other: str, field: str, value: Any, shown: Any) -> bool:
    """Whether what the other side shows is the value, in either side's form of it."""
    there, here = simulation.services[other].form, simulation.services[name].form
    return same(shown, there(field, value)) or same(here(field, shown), value)


def _went_along(simulation: Simulation, beside: set[tuple[str, str]], entry: Entry, field: str) -> bool:
    """Somebody deleted the thing after the edit, on a side that lacks the field, and nobody took that back: whoever
    deletes there knows it by what the side shows. Not where people were told that the edit stays until they decide."""
    entities = {each for each, records in _ever_linked(simulation).items() if records & beside}
    with simulation.store.read() as tx:
        asked = sa.select(t.finding.c.id).where(
            t.finding.c.code == "edit_against_delete", t.finding.c.entity.in_(entities)
        )
        if tx.one(asked.limit(1)) is not None:
            return False
    return any(
        each.id == id and each.kind == "delete" and not each.ours and each.at >= entry.at
        for name, id in beside
        for service in (simulation.services[name],)
        if field not in service.traits.fields and service.items[id].deleted
        for each in service.truth.entries
    )


def _buried_unseen(simulation: Simulation, name: str, entry: Entry, field: str) -> bool:
    """A write of ours that took effect late landed on the edit before any round had seen it, on a side that neither
    compares versions nor keeps a history: nobody but the side could know of it."""
    service = simulation.services[name]
    if service.traits.guarded or service.traits.history:
        return False
    later = [each for each in service.truth.entries[entry.n + 1 :] if each.id == entry.id and field in each.changes]
    return (
        bool(later)
        and later[0].n in service.late
        and not any(entry.n < seen and there <= later[0].n for seen, there in (look[name] for look in simulation.looks))
    )


def _set_back_at_once(simulation: Simulation, name: str, entry: Entry, field: str) -> bool:
    """A write of ours whose answer was lost was set back in the instant in which it arrived, on a side that neither
    counts versions nor keeps a history: it shows what it would show had ours never arrived."""
    service, written = simulation.services[name], entry.changes[field][0]
    return not (service.traits.versioned or service.traits.history) and any(
        (row["side"], row["record"], row["state"]) == (f"{name}.{STREAM}", entry.id, "not_applied")
        and row["written_at"] == entry.at
        and CANONICAL[field] in row["fields"]
        and same(service.form(field, row["fields"][CANONICAL[field]][0]), written)
        for row in simulation.copies.ever(t.intent)
    )


def _set_back(simulation: Simulation, records: dict[str, str], name: str, entry: Entry, field: str, value: Any) -> bool:
    """Changed and set back on one side, from a value that others had, before the change was carried anywhere: by our
    definition no edit."""
    own = [each for each in simulation.services[name].truth.entries[: entry.n] if each.id == entry.id]
    between: list[Entry] = []
    for earlier in reversed(own):
        if field not in earlier.changes:
            continue
        if earlier.ours or same(earlier.changes[field][1], value):
            return False
        between.append(earlier)
        if same(earlier.changes[field][0], value):
            break
    else:
        return False
    first = between[-1]
    if first.kind == "create":
        return False  # it left nothing that was there before
    for other, id in records.items():
        form = simulation.services[other].form
        detour = [form(field, each.changes[field][1]) for each in between]
        ours = [each for each in simulation.services[other].truth.writes() if each.id == id and field in each.changes]
        before = [each for each in ours if (each.n < entry.n if other == name else each.at <= entry.at)]
        carried = [each.changes[field][1] for each in before if first.at <= each.at]
        if any(same(value, shown) for value in carried for shown in detour):
            return False
    earlier_ones = [each for each in own if each.n < first.n and (field in each.changes or each.kind == "create")]
    established = earlier_ones[-1]
    return established.ours or any(
        _showed(simulation, other, id, field, (established.at, first.at), value)
        for other, id in records.items()
        if other != name
    )


def _showed(simulation: Simulation, name: str, id: str, field: str, span: tuple[str, str], value: Any) -> bool:
    """Whether a record showed the value at any time between two."""
    service = simulation.services[name]
    wanted = service.form(field, value)
    shown: Any = None
    there = False
    for entry in service.truth.entries:
        if entry.id != id or entry.at > span[1]:
            continue
        if entry.at >= span[0] and there and same(shown, wanted):
            return True
        there = there or entry.kind == "create"
        shown = entry.changes[field][1] if field in entry.changes else shown
    return there and field in service.traits.fields and same(shown, wanted)


def _seen_from(simulation: Simulation, records: dict[str, str], name: str, field: str, value: Any) -> bool:
    """Every side shows what would look like this value on the side where it was typed: capitals hide the rest."""
    own = simulation.services[name]
    shown = _shown(simulation, records, field)
    return bool(shown) and all(same(own.form(field, each), value) for each in shown)


def _everywhere(simulation: Simulation, records: dict[str, str], field: str, value: Any) -> bool:
    """Every side that is there shows the value, each in its own form, and one is there."""
    alive = 0
    for name, id in records.items():
        service = simulation.services[name]
        shown = service.records(STREAM).get(id)
        if shown is None or field not in service.traits.fields:
            continue
        alive += 1
        if not same(shown[field], service.form(field, value)):
            return False
    return alive > 0


def same(a: Any, b: Any) -> bool:
    """Equal; nothing and an empty list are the same nothing."""
    return bool((a or None) == (b or None))


def _twins(simulation: Simulation) -> list[str]:
    """One place, one record. A search that loses sight of what we made, for longer than it promises or for want of a
    right, may cost a second one; so may a store that was put back, of what carries no marker: one of the two must be
    told then."""
    broken = []
    links = _links(simulation)
    with simulation.store.read() as tx:
        codes = t.finding.c.code.in_(("twin", "made_unknown", "own_left"))
        twins = tx.all(sa.select(t.finding.c.params).where(codes, t.finding.c.state == "open"))
    told = {(row["params"]["side"], row["params"]["record"]) for row in twins}
    for name, service in simulation.services.items():
        places: dict[str, dict[str, str]] = {}
        alive = service.records(STREAM)
        for entry in service.truth.entries:
            if entry.kind == "create" and entry.place is not None and entry.id in alive:
                places.setdefault(entry.place, {})[entry.id] = entry.at
        for place, made in places.items():
            linked = links.get(place, {}).get(name)
            everyone = set(made) | ({linked} if linked in alive else set())
            lost = [span for id in everyone for span in simulation.hidden.get((name, id), ())]
            if service.traits.marker == "fingerprint":
                lost += simulation.copies.spans
            unseen = any(since <= at <= until for at in made.values() for since, until in lost)
            excused = {id for id in made if unseen and (f"{name}.{STREAM}", id) in told}
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
    broken = [f"P4 intent {row['id']} stays {row['state']}" for row in still]
    intents = simulation.copies.ever(t.intent)
    meant: dict[tuple[str, str | None, str], str] = {}
    for row in intents:
        keys = [(row["side"], row["record"], "")] + [(row["side"], None, row["entity"])] * (row["kind"] == "create")
        meant |= {key: min(row["written_at"], meant.get(key, row["written_at"])) for key in keys}
    for name, service in simulation.services.items():
        side = f"{name}.{STREAM}"
        for entry in service.truth.writes():
            # A create whose answer was lost has no record, and a later write may name it: the earlier one meant it.
            place = (side, None, entry.place or "") if entry.kind == "create" else (side, entry.id, "")
            written = min((meant[key] for key in ((side, entry.id, ""), place) if key in meant), default=None)
            if entry.stream == STREAM and (written is None or written > entry.at):
                broken.append(f"P4 {entry.kind} of {entry.id} on {name} at {entry.at}, written down at {written}")
    return broken


def _deleted(simulation: Simulation) -> list[str]:
    """We delete only what a person has deleted elsewhere before, and only where that was asked for."""
    broken = []
    ever = _ever_linked(simulation)
    for entity, records in _links(simulation).items():
        by_hand = [
            (each.at, name)
            for name, id in ever[entity]
            for each in simulation.services[name].truth.entries
            if each.id == id and each.kind == "delete" and not each.ours
        ]
        for name, id in records.items():
            for entry in simulation.services[name].truth.writes():
                asked = simulation.sync.deletes == "propagate"
                before = asked and any(at <= entry.at and other != name for at, other in by_hand)
                if entry.id == id and entry.kind == "delete" and not before:
                    broken.append(f"P14 {entity}: {id} on {name} was deleted by us at {entry.at}, and by nobody before")
    return broken
