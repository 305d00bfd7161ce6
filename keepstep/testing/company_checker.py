"""Did the company lose anything? Judged from the stand-ins' true logs; the store is asked for what it tells people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.sandbox.truth import Entry
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.testing.company_steps import FIELDS
from keepstep.testing.company_words import NATIVE, number_of, plain
from keepstep.testing.company_world import Company

MADE = {
    "files.client_folders": "c", "files.project_folders": "d", "tracker.epics": "d", "tracker.issues": "tn",
    "board.cards": "t",
}  # fmt: skip
"""Streams that the hub makes records in, and the kinds of thing a record of theirs may be made for only once."""

Links = dict[str, dict[str, str]]


def violations(company: Company) -> list[str]:
    """What is broken, in words, at quiescence. Empty: nothing."""
    links = _links(company)
    return [
        *_lost_edits(company, links),
        *_twins(company, links),
        *_unsettled(company, links),
        *_unwritten(company),
        *_unseen(company),
        *_toward_others(company),
        *_places(company, links),
    ]


def _links(company: Company) -> Links:
    found: Links = {}
    with company.store.read() as tx:
        for row in tx.all(sa.select(t.link).order_by(t.link.c.entity, t.link.c.side)):
            found.setdefault(row["entity"], {})[row["side"]] = row["record"]
    return found


def _sides(company: Company) -> list[str]:
    return sorted({str(side) for sync in company.config.syncs.values() for side in sync.sides})


# -- P1


def _lost_edits(company: Company, links: Links) -> Iterator[str]:
    told = _told(company)
    entity_of = {(side, record): entity for entity, places in links.items() for side, record in places.items()}
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
            value = company.plain(stream, field, entry.changes[NATIVE[stream][field]][1])
            if value in told.get((entity, field), ()) or _stands(company, links[entity], field, value):
                continue
            if _replaced(company, links[entity], at, stream, entry.id, field, value):
                continue
            if _set_back(company, links[entity], at, stream, entry.id, field, value):
                continue
            yield f"P1 {entity} {field}={value!r} by {entry.actor} on {stream} {entry.id} at {entry.at} is lost"


def _told(company: Company) -> dict[tuple[str, str], list[Any]]:
    """Every value that a conflict or an audit line holds, per entity and field."""
    told: dict[tuple[str, str], list[Any]] = {}
    with company.store.read() as tx:
        for row in tx.all(sa.select(t.audit).where(t.audit.c.field.is_not(None))):
            values: list[Any] = []
            if row["code"] == "conflict":
                values = [each["value"] for each in row["params"]["candidates"]["candidates"].values()]
            elif row["code"] in ("lost_to_policy", "added_wins"):
                values = [row["params"]["value"]]
            told.setdefault((row["entity"], row["field"]), []).extend(plain(row["field"], value) for value in values)
        for row in tx.all(sa.select(t.conflict)):
            candidates = [each["value"] for each in row["state"]["candidates"].values()]
            told.setdefault((row["entity"], row["field"]), []).extend(plain(row["field"], v) for v in candidates)
    return told


def _showing(company: Company, places: dict[str, str], field: str) -> dict[str, Any]:
    """What each live record of an entity shows of a field."""
    found = {}
    for side, id in places.items():
        row = company.records(side).get(id) if field in NATIVE.get(side, ()) else None
        if row is not None:
            found[side] = company.shown(side, row, field)
    return found


def _stands(company: Company, places: dict[str, str], field: str, value: Any) -> bool:
    return all(shown == value for shown in _showing(company, places, field).values())


def _touches(
    company: Company, places: dict[str, str], field: str, since: int
) -> Iterator[tuple[int, str, Entry, bool, Any]]:
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


def _replaced(company: Company, places: dict[str, str], at: int, stream: str, id: str, field: str, value: Any) -> bool:
    """A later edit or delete whose author had the value before their eyes replaced it."""
    carried = {stream} | {
        side for side, other in places.items() if side in NATIVE and _then(company, side, other, field, at) == [value]
    }
    for _, side, entry, says, new in _touches(company, places, field, at + 1):
        if says and new == value:
            carried.add(side)
        elif not entry.ours and side in carried:
            return True
    return False


def _then(company: Company, side: str, id: str, field: str, at: int) -> list[Any]:
    """What a record showed of a field at a place in the log; nothing if it was not there, or lacks the field."""
    native = NATIVE[side].get(field)
    for connection, entry in reversed(company.log[:at] if native is not None else []):
        if f"{connection}.{entry.stream}" == side and entry.id == id:
            if native in entry.changes:
                return [company.plain(side, field, entry.changes[native][1])]
            if entry.kind == "create":
                return [company.plain(side, field, None)]
    return []


def _set_back(company: Company, places: dict[str, str], at: int, stream: str, id: str, field: str, value: Any) -> bool:
    """Changed and set back on one side before the change was carried anywhere: by our definition no edit."""
    between: list[tuple[int, Any]] = []
    native = NATIVE[stream][field]
    for earlier in range(at, -1, -1):
        connection, entry = company.log[earlier]
        if f"{connection}.{entry.stream}" != stream or entry.id != id:
            continue
        if native not in entry.changes:
            if entry.kind == "create":
                return bool(between) and value == company.plain(stream, field, None)
            continue
        old, new = (company.plain(stream, field, each) for each in entry.changes[native])
        if earlier != at and new == value:
            break
        if entry.ours:
            return False
        between.append((earlier, new))
        if old == value:
            break
    else:
        return False
    first = between[-1][0]
    detour = {new for _, new in between} - {value} if all(_hashable(new) for _, new in between) else set()
    for later, side, entry, says, new in _touches(company, places, field, first):
        if says and entry.ours and side != stream and later > first and new in detour:
            return False
    return True


def _hashable(value: Any) -> bool:
    return isinstance(value, str | int | float | None)


# -- P2


def _twins(company: Company, links: Links) -> Iterator[str]:
    sides = _sides(company)
    made: dict[tuple[str, Any], list[str]] = {}
    for connection, entry in company.log:
        side = f"{connection}.{entry.stream}"
        if entry.kind != "create" or not entry.ours or side not in sides:
            continue
        if entry.id not in company.records(side):
            continue
        place = _place(side, entry)
        if place is not None:
            made.setdefault((side, place), []).append(entry.id)
    for (side, place), ids in sorted(made.items(), key=str):
        if len(ids) > 1:
            yield f"P2 {place} has {ids} on {side}"
    for entity, places in links.items():
        rows = [(side, company.records(side).get(id)) for side, id in places.items() if side in MADE or side in NATIVE]
        numbers = {
            number_of(company.shown(side, row, "title" if side in ("tracker.issues", "board.cards") else "name"))
            for side, row in rows
            if row is not None
        } - {None}
        if len(numbers) > 1:
            yield f"P2 {entity} ties together {sorted(str(number) for number in numbers)}"


def _place(side: str, entry: Entry) -> Any:
    """What the hub made a record for, told from what it wrote into it when it made it."""
    changes = {name: new for name, (_, new) in entry.changes.items()}
    if side == "files.category_folders":
        return (str(changes.get("parents")), changes.get("name"))
    if side == "tracker.remote_links":
        return str(entry.id.partition("-")[0]), str((changes.get("object") or {}).get("url"))
    number = number_of(changes.get("summary") or changes.get("name"))
    return number if number is not None and number[0] in MADE.get(side, "") else None


def _places(company: Company, links: Links) -> Iterator[str]:
    """Each won deal has its epic and its folder, and that its five categories."""
    with company.store.read() as tx:
        conflicts = {row["entity"] for row in tx.all(sa.select(t.conflict.c.entity))}
        named = {row["entity"] for row in tx.all(sa.select(t.finding).where(t.finding.c.state.in_(findings.OPEN)))}
        proposals = tx.all(sa.select(t.proposal).where(t.proposal.c.state == "open"))
        states = {(row["side"], row["record"]): row["state"] for row in tx.all(sa.select(t.link))}
        old = {row["id"] for row in tx.all(sa.select(t.entity).where(t.entity.c.old.is_(True)))}
    asked = {row["entity"] for row in proposals} | {row["other"] for row in proposals}
    customers = {record: entity for entity, places in links.items() for side, record in places.items()
                 if side == "crm.Accounts"}  # fmt: skip
    for entity, places in links.items():
        deal = company.records("crm.Deals").get(places.get("crm.Deals", ""))
        if deal is None or deal["Stage"] != "Closed Won" or entity in conflicts | asked | old:
            continue
        if any(states.get((side, record)) != "live" for side, record in places.items()) or entity in named:
            continue
        for side in ("tracker.epics", "files.project_folders"):
            if side in places:
                continue
            customer = customers.get(str((deal.get("Account_Name") or {}).get("id")))
            home = links.get(customer or "", {})
            if (
                side == "files.project_folders"
                and states.get(("files.client_folders", home.get("files.client_folders", ""))) != "live"
            ):
                if (
                    customer is None
                    or customer in named | conflicts | old
                    or any(states.get((each, id)) != "live" for each, id in home.items())
                ):
                    continue
                yield f"P3 {customer} has no folder on files.client_folders"
                continue
            yield f"P3 {entity} ({number_of(deal['Deal_Name'])}) has nothing on {side}"
        folder = places.get("files.project_folders")
        if "folders" not in company.config.syncs or folder not in company.records("files.project_folders"):
            continue
        below = [
            entry.id
            for connection, entry in company.log
            if connection == "files" and entry.kind == "create" and entry.stream == "category_folders"
            and str(entry.changes.get("parents", (None, ""))[1]).find(str(folder)) >= 0
        ]  # fmt: skip
        if len(below) != 5:
            yield f"P2 {entity} has {len(below)} category folders"


# -- P3


def _unsettled(company: Company, links: Links) -> Iterator[str]:
    before = _writes(company)
    planned = [company.round() for _ in range(3)]
    if any(planned):
        yield f"P3 rounds after quiescence planned {planned} operations"
    if _writes(company) != before:
        yield f"P3 rounds after quiescence wrote {_writes(company) - before} times"
    with company.store.read() as tx:
        conflicts = {(row["entity"], row["field"]) for row in tx.all(sa.select(t.conflict))}
        excused = {
            row["entity"]
            for row in tx.all(sa.select(t.finding).where(t.finding.c.state.in_(findings.OPEN)))
            if row["code"] in ("record_refused", "unmapped_value")
        }
        dead = {(row["side"], row["record"]) for row in tx.all(sa.select(t.link).where(t.link.c.state != "live"))}
    for entity, places in links.items():
        if entity in excused:
            continue
        alive = {side: id for side, id in places.items() if (side, id) not in dead}
        for field in sorted({field for side in places for field in NATIVE.get(side, ())}):
            shown = _showing(company, alive, field)
            if (entity, field) in conflicts or len(shown) < 2:
                continue
            if len({msgspec.json.encode(value) for value in shown.values()}) > 1:
                yield f"P3 {entity} {field} differs without a conflict: {msgspec.json.encode(shown).decode()}"


def _writes(company: Company) -> int:
    return sum(len(core.truth.writes()) for core in company.cores.values())


# -- P4, P13, P14, and what must never happen


def _unwritten(company: Company) -> Iterator[str]:
    with company.store.read() as tx:
        intents = tx.all(sa.select(t.intent))
    for row in intents:
        if row["closed_at"] is None:
            yield f"P4 intent {row['id']} on {row['side']} stays {row['state']}"
    meant = {(row["side"], row["record"]) for row in intents}
    for connection, entry in company.log:
        side = f"{connection}.{entry.stream}"
        if entry.ours and (side, entry.id) not in meant and entry.id in _alive(company, side):
            yield f"P4 {entry.kind} of {side} {entry.id} was never written down: {sorted(entry.changes)}"


def _alive(company: Company, side: str) -> dict[str, Any]:
    try:
        return company.records(side)
    except KeyError:
        return {}


def _unseen(company: Company) -> Iterator[str]:
    """Every record that lives is linked and known to live, or a finding names it."""
    with company.store.read() as tx:
        linked = {(row["side"], row["record"]): row["state"] for row in tx.all(sa.select(t.link))}
        named = {str(row["params"].get("record")) for row in tx.all(sa.select(t.finding.c.params))}
        kinds = {(row["side"], row["id"]): row["kind"] for row in tx.all(sa.select(t.record))}
    wanted = {(str(side), sync.entity.value) for sync in company.config.syncs.values() for side in sync.sides}
    for side in _sides(company):
        for id in company.records(side):
            kind = kinds.get((side, id))
            state = linked.get((side, id))
            if kind is None and side != "crm.Notes":
                yield f"P13 {id} on {side} was never seen"
            elif kind is not None and state is None and (side, kind) in wanted and id not in named:
                if side == "tracker.remote_links":
                    continue
                yield f"P13 {id} on {side} is tied to nothing"
            elif state not in (None, "live"):
                yield f"P14 {id} on {side} lives, and is taken for {state}"


def _toward_others(company: Company) -> Iterator[str]:
    for connection, entry in company.log:
        what = f"{entry.kind} of {connection}.{entry.stream} {entry.id} at {entry.at}"
        if entry.ours and entry.kind == "delete":
            yield f"P14 {what} by us"
        if entry.ours and entry.stream == "permissions":
            yield f"P20 {what} by us"
        if entry.automation and entry.ours:
            yield f"quiet: {what} set off automation"
