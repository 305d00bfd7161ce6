"""What rides with the tasks: each comment and each file stands once on a side, and no copy is carried back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from keepstep.store import tables as t
from keepstep.testing.company_edits import parked_entities
from keepstep.testing.company_people import NUMBERED, WRITTEN
from keepstep.testing.company_words import plain
from keepstep.testing.company_world import Company


def lost_talk(company: Company) -> Iterator[str]:
    for what in company.history.riding:
        yield from _copied(company, what)
    if "comments" in company.history.riding:
        yield from _missing(company)


def _number(company: Company, connection: str, what: str, row: dict[str, Any]) -> str | None:
    if what == "comments":
        return company.comment_number(connection, row)
    found = NUMBERED.search(str(row.get("filename") or row.get("name") or ""))
    return found.group(1) if found else None


def _standing(company: Company, what: str) -> dict[tuple[str, str], list[str]]:
    """Connection and number -> the records that have it."""
    found: dict[tuple[str, str], list[str]] = {}
    for connection in ("tracker", "board"):
        for id, row in sorted(company.records(f"{connection}.{what}").items()):
            number = _number(company, connection, what, row)
            if number is not None:
                found.setdefault((connection, number), []).append(id)
    return found


def _copied(company: Company, what: str) -> Iterator[str]:
    for (connection, number), ids in _standing(company, what).items():
        if len(ids) > 1:
            yield f"P2 {what} {number} stands {len(ids)} times on {connection}: {ids}"


def _missing(company: Company) -> Iterator[str]:
    """What a person said about a task that was linked by then stands on the other side, as it stands here."""
    standing = _standing(company, "comments")
    ends = _ends(company)
    touched = _touched(company)
    for connection, entry in company.log:
        if entry.stream != "comments" or entry.kind != "create" or entry.ours:
            continue
        there = company.records(f"{connection}.comments")
        if entry.id not in there:
            continue
        number = company.comment_number(connection, there[entry.id])
        other = "board" if connection == "tracker" else "tracker"
        mine = ends.get((connection, _task(connection, there[entry.id])))
        if number is None or mine is None or max(mine) > entry.at or number in touched:
            continue
        copies = standing.get((other, number), [])
        if not copies:
            yield f"P1 comment {number} by {entry.actor} on {connection} at {entry.at} stands nowhere else"
            continue
        said = plain("description", _text(connection, there[entry.id]))
        copy = plain("description", _text(other, company.records(f"{other}.comments")[copies[0]]))
        if not copy.endswith(said):
            yield f"P3 comment {number} says {said!r} on {connection} and {copy!r} on {other}"


def _task(connection: str, row: dict[str, Any]) -> str:
    return str(row["data"]["card"]["id"] if connection == "board" else row["issue"]["id"])


def _text(connection: str, row: dict[str, Any]) -> Any:
    return row["data"]["text"] if connection == "board" else row["body"]


def _ends(company: Company) -> dict[tuple[str, str], list[str]]:
    """Connection and task -> when its entity's two records were linked, where both are live."""
    found: dict[str, list[dict[str, Any]]] = {}
    parked = parked_entities(company)
    with company.store.read() as tx:
        for row in tx.all(sa.select(t.link).where(t.link.c.side.in_(list(WRITTEN)), t.link.c.state == "live")):
            if row["entity"] not in parked:
                found.setdefault(row["entity"], []).append(row)
    return {
        (row["side"].partition(".")[0], row["record"]): [each["linked_at"] for each in rows]
        for rows in found.values()
        if len(rows) == 2
        for row in rows
    }


def _touched(company: Company) -> set[str]:
    """Numbers of comments of which somebody has deleted a record by hand, or edited one that we had written."""
    ours = {(name, e.id) for name, e in company.log if e.stream == "comments" and e.kind == "create" and e.ours}
    numbers: dict[tuple[str, str], str] = {}
    touched = set()
    for connection, entry in company.log:
        if entry.stream != "comments":
            continue
        text = next((new for _, new in entry.changes.values()), None)
        found = NUMBERED.search(str(text))
        if found:
            numbers[connection, entry.id] = found.group(1)
        by_hand = entry.kind == "delete" or (entry.kind == "update" and (connection, entry.id) in ours)
        if by_hand and not entry.ours and (connection, entry.id) in numbers:
            touched.add(numbers[connection, entry.id])
    return touched
