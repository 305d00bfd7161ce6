"""Did the company lose anything? Judged from the stand-ins' true logs; the store is asked for what it tells people.

Whatever excuses something names its evidence: a finding about that very record or field, a line of the audit that is
younger than the edit, a person's act in the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.sandbox.truth import Entry
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.testing.company_edits import Places, linked, lost_edits, minding, parked_entities, set_apart, showing
from keepstep.testing.company_talk import lost_talk
from keepstep.testing.company_words import NATIVE, number_of
from keepstep.testing.company_world import Company

MADE = {
    "files.client_folders": "c", "files.project_folders": "d", "tracker.epics": "d", "tracker.issues": "tn",
    "board.cards": "t",
}  # fmt: skip
"""Streams that the hub makes records in, and the kinds of thing a record of theirs may be made for only once."""

SET_APART = ("leaving", "archived", "declined")
"""States of links to records that are there and are not kept in step."""

WITHOUT_PLACE = ("record_refused", "gone", "taken_place", "unknown_create", "write_unseen", "edit_against_delete")
"""Findings that say why something is nowhere made."""

Links = dict[str, Places]


def violations(company: Company) -> list[str]:
    """What is broken, in words, at quiescence. Empty: nothing."""
    links = linked(company)
    return [
        *lost_edits(company),
        *_twins(company, links),
        *lost_talk(company),
        *_unsettled(company, links),
        *_unwritten(company),
        *_unseen(company),
        *_toward_others(company),
        *_places(company, links),
    ]


def _sides(company: Company) -> list[str]:
    return sorted({str(side) for sync in company.config.syncs.values() for side in sync.sides})


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
        if len(ids) > 1 and not _each_of_its_own(company, side, ids):
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


def _each_of_its_own(company: Company, side: str, ids: list[str]) -> bool:
    """Whether each was made for another record that a person had made: people may call two things alike."""
    by_hand = {
        (f"{connection}.{entry.stream}", entry.id)
        for connection, entry in company.log
        if entry.kind == "create" and not entry.ours
    }
    tied: dict[str, set[tuple[str, str]]] = {}
    for row in company.operator.copies.ever(t.link):
        tied.setdefault(row["entity"], set()).add((row["side"], row["record"]))
    made_for = [
        {record for together in tied.values() if (side, id) in together for record in together & by_hand} for id in ids
    ]
    return all(made_for) and len(set().union(*made_for)) == sum(len(each) for each in made_for)


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
        query = sa.select(t.finding.c.entity).where(
            t.finding.c.state.in_(findings.OPEN), t.finding.c.code.in_(WITHOUT_PLACE)
        )
        named = {row["entity"] for row in tx.all(query)}
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
                    or customer in named | conflicts | old | asked
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
    excused, parked = _explained(company), parked_entities(company)
    with company.store.read() as tx:
        live = {(row["side"], row["record"]) for row in tx.all(sa.select(t.link).where(t.link.c.state == "live"))}
    for entity, places in links.items():
        if entity in parked:
            continue
        alive = {side: id for side, id in places.items() if (side, id) in live}
        for field in sorted({field for side in places for field in NATIVE.get(side, ())}):
            if (entity, field) in excused:
                continue
            shown = showing(company, minding(company, entity, field, alive), field)
            if len({msgspec.json.encode(value) for value in shown.values()}) > 1:
                yield f"P3 {entity} {field} differs without a conflict: {msgspec.json.encode(shown).decode()}"


def _explained(company: Company) -> set[tuple[str, str]]:
    """Entity and field of which people are told why the sides differ: a conflict, or what a side would not take."""
    with company.store.read() as tx:
        found = {(row["entity"], row["field"]) for row in tx.all(sa.select(t.conflict))}
        for row in tx.all(sa.select(t.finding).where(t.finding.c.state.in_(findings.OPEN))):
            if row["code"] == "record_refused":
                found |= {(row["entity"], field) for field in row["params"]["versions"]}
            elif row["code"] in ("unmapped_value", "value_too_long"):
                found.add((row["entity"], row["params"]["field"]))
    return found


def _writes(company: Company) -> int:
    return sum(len(core.truth.writes()) for core in company.cores.values())


# -- P4, P13, P14, P20, and what must never happen


def _unwritten(company: Company) -> Iterator[str]:
    with company.store.read() as tx:
        for row in tx.all(sa.select(t.intent).where(t.intent.c.closed_at.is_(None))):
            yield f"P4 intent {row['id']} on {row['side']} stays {row['state']}"
    meant: dict[tuple[str, str | None], str] = {}
    for row in company.operator.copies.ever(t.intent):
        key = (row["side"], row["record"])
        meant[key] = min(row["written_at"], meant.get(key, row["written_at"]))
    for connection, entry in company.log:
        side = f"{connection}.{entry.stream}"
        if not entry.ours or _went_along(company, connection, entry):
            continue
        # A create whose answer was lost has no record in its intent if that record was gone before it was looked for.
        lost = (side, None) if entry.kind == "create" and entry.id not in _alive(company, side) else (side, entry.id)
        written = meant.get((side, entry.id), meant.get(lost))
        if written is None:
            yield f"P4 {entry.kind} of {side} {entry.id} was never written down: {sorted(entry.changes)}"
        elif written > entry.at:
            yield f"P4 {entry.kind} of {side} {entry.id} at {entry.at} was written down at {written} only"


def _alive(company: Company, side: str) -> dict[str, Any]:
    try:
        return company.records(side)
    except KeyError:
        return {}


def _unseen(company: Company) -> Iterator[str]:
    """Every record that lives is linked and known to live, or a finding names it."""
    with company.store.read() as tx:
        linked = {(row["side"], row["record"]): row for row in tx.all(sa.select(t.link))}
        query = sa.select(t.finding.c.params).where(t.finding.c.state.in_(findings.OPEN))
        named = {(row["params"].get("side"), row["params"].get("record")) for row in tx.all(query)}
        kinds = {(row["side"], row["id"]): row["kind"] for row in tx.all(sa.select(t.record))}
    apart = set_apart(company)
    wanted = {(str(side), sync.entity.value) for sync in company.config.syncs.values() for side in sync.sides}
    for side in _sides(company):
        for id in company.records(side):
            kind, link = kinds.get((side, id)), linked.get((side, id))
            if kind is None and side != "crm.Notes":
                yield f"P13 {id} on {side} was never seen"
            elif kind is not None and link is None and (side, kind) in wanted and (side, id) not in named:
                if side == "tracker.remote_links":
                    continue
                yield f"P13 {id} on {side} is tied to nothing"
            elif link is not None and not _standing(link, side, apart):
                yield f"P14 {id} on {side} lives, and is taken for {link['state']}"


def _standing(link: Mapping[str, Any], side: str, apart: set[tuple[str, str]]) -> bool:
    return link["state"] == "live" or (link["state"] in SET_APART and (link["entity"], side) in apart)


def _went_along(company: Company, connection: str, entry: Entry) -> bool:
    """Whether a comment was deleted with its issue."""
    issue = entry.id.partition("-")[0]
    return (entry.kind, entry.stream) == ("delete", "comments") and any(
        (name, other.kind, other.id, other.at, other.ours) == (connection, "delete", issue, entry.at, entry.ours)
        for name, other in company.log
    )


def _toward_others(company: Company) -> Iterator[str]:
    for at, (connection, entry) in enumerate(company.log):
        what = f"{entry.kind} of {connection}.{entry.stream} {entry.id} at {entry.at}"
        if not entry.ours or _went_along(company, connection, entry):
            continue
        if entry.kind == "delete" and not _deleted_elsewhere(company, at, f"{connection}.{entry.stream}", entry):
            yield f"P14 {what} by us"
        if entry.stream == "permissions":
            yield f"P20 {what} by us"
        if entry.automation:
            yield f"quiet: {what} set off automation"
        if any(
            since <= at and (until is None or at < until) for since, until in company.operator.left.get(connection, ())
        ):
            yield f"P20 {what} by us, though the connection was left"


def _deleted_elsewhere(company: Company, at: int, side: str, entry: Entry) -> bool:
    """Whether it was asked for that deletes be carried, and a person had deleted another record of the same thing."""
    if company.history.deletes != "propagate":
        return False
    rows = company.operator.copies.ever(t.link)
    entities = {row["entity"] for row in rows if (row["side"], row["record"]) == (side, entry.id)}
    others = {(row["side"], row["record"]) for row in rows if row["entity"] in entities} - {(side, entry.id)}
    return any(
        each.kind == "delete" and not each.ours and (f"{connection}.{each.stream}", each.id) in others
        for connection, each in company.log[:at]
    )
