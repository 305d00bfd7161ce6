"""When two entities become one, or part again: what refers to them follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.match.keys import SEPARATOR
from keepstep.engine.ports import Ports
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import STANDARD, Form

REFERRING = {
    kind.value: [name for name, form in fields.items() if form in (Form.REF, Form.REFS)]
    for kind, fields in STANDARD.items()
    if not {Form.REF, Form.REFS}.isdisjoint(fields.values())
}
"""Kind -> its fields that refer to other entities."""

PAGE = 1000


def follow(tx: Tx, ports: Ports, moved: Mapping[str, str]) -> None:
    """Put the new entity in place of the old wherever values refer to it, and look again at what does.

    One pass over the referring entities, however many have moved.
    """
    if not moved:
        return
    now = ports.now()
    for page in _pages(tx):
        touched = []
        for row in page:
            names = [name for name in REFERRING[row["kind"]] if _refers(_value(row["agreed"].get(name)), moved)]
            for name in names:
                row["agreed"][name]["value"] = _followed(row["agreed"][name]["value"], moved)
            if names:
                touched.append(row)
        tx.change(t.entity, [{"id": row["id"], "agreed": row["agreed"]} for row in touched])
        _shadows(tx, [row["id"] for row in touched], moved)
        tx.upsert(t.due, [{"sync": row["sync"], "entity": row["id"], "since": now} for row in touched])
    _keys(tx, moved, now)


def _value(agreed: Any) -> Any:
    return agreed["value"] if agreed else None


def _refers(value: Any, moved: Mapping[str, str]) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, str) and each in moved for each in value)
    return isinstance(value, str) and value in moved


def _followed(value: Any, moved: Mapping[str, str]) -> Any:
    return sorted({moved.get(each, each) for each in value}) if isinstance(value, list) else moved[value]


def _pages(tx: Tx) -> Iterator[list[dict[str, Any]]]:
    last = ""
    columns = (t.entity.c.id, t.entity.c.sync, t.entity.c.kind, t.entity.c.agreed)
    while True:
        query = sa.select(*columns).where(t.entity.c.kind.in_(list(REFERRING)), t.entity.c.id > last)
        page = tx.all(query.order_by(t.entity.c.id).limit(PAGE))
        if not page:
            return
        yield page
        last = page[-1]["id"]


def _shadows(tx: Tx, entities: list[str], moved: Mapping[str, str]) -> None:
    for part in chunks(entities, 400):
        changed = []
        for row in tx.all(sa.select(t.link.c.entity, t.link.c.side, t.link.c.fields).where(t.link.c.entity.in_(part))):
            fields = {
                name: [_followed(state[0], moved), *state[1:]] if _refers(state[0], moved) else state
                for name, state in row["fields"].items()
            }
            if fields != row["fields"]:
                changed.append(row | {"fields": fields})
        tx.change(t.link, changed)


def _keys(tx: Tx, moved: Mapping[str, str], now: str) -> None:
    """Declared keys name entities: the records are matched again, under their new keys."""
    query = sa.select(t.record.c.side, t.record.c.id, t.record.c.match_key).where(
        t.record.c.kind.in_(list(REFERRING)), t.record.c.match_key.is_not(None)
    )
    rows = tx.all(query.order_by(t.record.c.side, t.record.c.id))
    again = [row for row in rows if not moved.keys().isdisjoint(row["match_key"].split(SEPARATOR))]
    tx.insert(t.change_log, [{"side": row["side"], "id": row["id"], "at": now} for row in again])
