"""Tying records to entities, with the evidence, and questions to people about what may belong together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.ports import Ports
from keepstep.store import tables as t
from keepstep.store.store import Tx

MERGED = "merged"
"""Who answered a question that another answer has made pointless."""


def keys_moved(sync: str) -> str:
    """The setting that asks the next matching to look at all keys of a sync again."""
    return f"keys_moved:{sync}"


def put_back(applied: Any) -> bool:
    """Whether the setting ``applied:SYNC`` says that the store was put back from a copy, and no plan passed since."""
    return isinstance(applied, dict)


def forgotten_since(tx: Tx, sync: str) -> str | None:
    """Since when the store knew nothing of what happened, if it was put back from a copy and no plan passed since."""
    applied = tx.setting(f"applied:{sync}")
    return str(applied["taken_at"]) if put_back(applied) else None


FORGOTTEN = "store:forgotten"
"""The setting that keeps the times of which the store knows nothing, because it was put back from a copy."""


def made_in_oblivion(tx: Tx) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a record is one that we made at a time of which the store knows nothing: for something, not by itself."""
    spans = tx.setting(FORGOTTEN) or []

    def made(record: Mapping[str, Any]) -> bool:
        at = record["created_at"] or ""
        return bool(record["ours"]) and any(since <= at <= until for since, until in spans)

    return made


def link_records(tx: Tx, links: Sequence[Mapping[str, Any]]) -> None:
    """Tie records to entities: rows as ``link_row`` makes them."""
    tx.upsert(t.link, links)
    tx.change(t.record, [{"side": link["side"], "id": link["record"], "entity": link["entity"]} for link in links])
    _wake(tx, links)


def _wake(tx: Tx, links: Sequence[Mapping[str, Any]]) -> None:
    """Look again at what refers to these records: until now that was neither a value nor empty."""
    awaited = t.awaited.c
    tied: dict[tuple[str, str], list[str]] = {}
    for link in links:
        tied.setdefault((link["side"], link["linked_at"]), []).append(link["record"])
    for (side, at), records in tied.items():
        for part in chunks(records, 400):
            here = sa.and_(awaited.side == side, awaited.id.in_(part))
            query = sa.select(t.entity.c.sync, t.entity.c.id).join(t.awaited, awaited.entity == t.entity.c.id)
            rows = tx.all(query.where(here).distinct())
            if rows:
                tx.upsert(t.due, [{"sync": row["sync"], "entity": row["id"], "since": at} for row in rows])
                tx.execute(sa.delete(t.awaited).where(here))


def link_row(
    row: Mapping[str, Any],
    entity: str,
    now: str,
    fields: dict[str, Any] | None = None,
    state: str = "live",
    evidence: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """``evidence``: by what it was told to belong there, with what proves it; None for an entity's first record.

    Without ``fields`` the shadows are empty, so the first look compares everything.
    """
    return {
        "entity": entity,
        "side": row["side"],
        "record": row["id"],
        "state": state,
        "fields": fields or {},
        "linked_at": now,
        "evidence": evidence,
    }


def _stands(entity: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether a record of that entity is left anywhere."""
    return sa.exists().where(t.link.c.entity == entity, t.link.c.state == "live")


OPEN = sa.and_(t.proposal.c.state == "open", _stands(t.proposal.c.entity), _stands(t.proposal.c.other))
"""Whether a proposal is to be answered. While all records of one of the two are gone, as after two accounts were merged
over there, nothing is asked; what comes back is asked about again."""


def proposal_row(
    ports: Ports, sync: str, entity: str, other: str, evidence: Mapping[str, Any], state: str = "open"
) -> dict[str, Any]:
    """A question: are these two entities one? ``evidence`` says by what, and how sure."""
    return {
        "id": ports.new_id(),
        "sync": sync,
        "entity": entity,
        "other": other,
        "evidence": evidence,
        "state": state,
        "by": None,
        "at": ports.now(),
        "before": None,
    }
