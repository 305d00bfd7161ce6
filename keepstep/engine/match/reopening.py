"""Taking back what a person said about a proposal: the question is open again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from keepstep.engine.match.decide import NAMED, Refused
from keepstep.engine.match.following import follow
from keepstep.engine.match.linking import MERGED
from keepstep.engine.ports import Ports
from keepstep.store import tables as t
from keepstep.store.store import Tx

WITHOUT_EFFECT = ("refused", "not_sent", "not_applied")
"""States of closed intents that surely changed nothing."""


def undo(ports: Ports, proposal_id: str, by: str) -> bool:
    """Take an answer back: what it joined is parted, and the question that it answered is open again.

    Parted, links go back and shadows are empty. Returns whether something was parted. Raises KeyError for a proposal
    that nobody answered, or whose acceptance is too old to be known in full, and ``Refused`` where the facts have moved
    on: a write was carried between the two, or is under way, or one of them has been joined with others, or both have a
    record on one side by now, so that they can be one no more.
    """
    with ports.store.write() as tx:
        row = tx.one(sa.select(t.proposal).where(t.proposal.c.id == proposal_id))
        if row is None:
            raise KeyError(proposal_id)
        if row["state"] == "accepted" and row["before"] is not None:
            _undo_acceptance(tx, ports, row, by)
            return True
        if row["state"] == "rejected" and row["by"] != MERGED and row["evidence"] != NAMED:
            _undo_rejection(tx, ports, row, by)
            return False
        raise KeyError(proposal_id)


def _undo_acceptance(tx: Tx, ports: Ports, row: Mapping[str, Any], by: str) -> None:
    before = row["before"]
    moved = before["entity"]["id"]
    kept = _present(tx, row, before)
    written = tx.one(
        sa.select(t.intent.c.side, t.intent.c.written_at).where(
            t.intent.c.entity == kept,
            t.intent.c.written_at >= row["at"],
            sa.or_(t.intent.c.closed_at.is_(None), t.intent.c.state.not_in(WITHOUT_EFFECT)),
        )
    )
    if written is not None:
        raise Refused("written_since", side=written["side"], at=written["written_at"])
    _part(tx, ports, row, kept, moved)
    asked = before.get("asked")
    if asked is None:
        _open(tx, ports, row["id"], moved, kept)
    else:
        # Nobody was asked about the pair that a person named: what is asked again is the question it answered.
        closed = sa.update(t.proposal).where(t.proposal.c.id == row["id"])
        tx.execute(closed.values(state="rejected", by=by, at=ports.now(), before=None, entity=moved, other=kept))
        _open(tx, ports, *asked)
    _note(tx, ports, "parted", kept, {"from": moved, "proposal": row["id"], "by": by})
    follow(tx, ports, {kept: kept})


def _undo_rejection(tx: Tx, ports: Ports, row: Mapping[str, Any], by: str) -> None:
    both = (row["entity"], row["other"])
    there = tx.all(sa.select(t.entity.c.id).where(t.entity.c.id.in_(both)))
    if len(there) < len(both):
        raise Refused("joined_since", id=row["id"])
    making = sa.and_(t.intent.c.entity.in_(both), t.intent.c.kind == "create", t.intent.c.closed_at.is_(None))
    if tx.one(sa.select(t.intent.c.id).where(making)) is not None:
        raise Refused("write_under_way")
    links = tx.all(sa.select(t.link.c.entity, t.link.c.side).where(t.link.c.entity.in_(both)).order_by(t.link.c.side))
    one, other = ({link["side"] for link in links if link["entity"] == id} for id in both)
    if one & other:
        raise Refused("both_there", side=min(one & other), id=row["id"])
    _open(tx, ports, row["id"], *both)
    tx.upsert(t.due, [{"sync": row["sync"], "entity": id, "since": ports.now()} for id in sorted(both)])
    _note(tx, ports, "asked_again", row["entity"], {"other": row["other"], "proposal": row["id"], "by": by})


def _open(tx: Tx, ports: Ports, id: str, entity: str, other: str) -> None:
    values = {"state": "open", "by": None, "at": ports.now(), "before": None, "entity": entity, "other": other}
    tx.execute(sa.update(t.proposal).where(t.proposal.c.id == id).values(**values))


def _note(tx: Tx, ports: Ports, code: str, entity: str, params: dict[str, Any]) -> None:
    line = {"at": ports.now(), "run": None, "code": code, "entity": entity, "side": None, "field": None}
    tx.insert(t.audit, [line | {"params": params}])


def _present(tx: Tx, row: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """The entity that holds the moved links now. Raises ``Refused`` if they are not together any more."""
    rows = tx.all(
        sa.select(t.link.c.entity, t.link.c.side).where(
            t.link.c.entity == row["other"], t.link.c.side.in_(list(before["evidence"]))
        )
    )
    if {each["side"] for each in rows} != set(before["evidence"]):
        raise Refused("joined_since", id=row["id"])
    return str(row["other"])


def _part(tx: Tx, ports: Ports, row: Mapping[str, Any], kept: str, moved: str) -> None:
    now, before = ports.now(), row["before"]
    entity = before["entity"] | {"sync": row["sync"], "agreed": {}, "parked": False, "owing": False}
    tx.insert(t.entity, [entity])
    links = tx.all(sa.select(t.link).where(t.link.c.entity == kept).order_by(t.link.c.side))
    going = [link for link in links if link["side"] in before["evidence"]]
    for link in going:
        tx.execute(sa.delete(t.link).where(t.link.c.entity == kept, t.link.c.side == link["side"]))
    tx.insert(
        t.link,
        [
            link | {"entity": moved, "fields": {}, "linked_at": now, "evidence": before["evidence"][link["side"]]}
            for link in going
        ],
    )
    tx.change(t.record, [{"side": link["side"], "id": link["record"], "entity": moved} for link in going])
    # What the joined records agreed on holds for neither: both are compared as if linked for the first time.
    tx.execute(sa.update(t.entity).where(t.entity.c.id == kept).values(agreed={}))
    tx.execute(sa.update(t.link).where(t.link.c.entity == kept).values(fields={}))
    tx.execute(sa.delete(t.conflict).where(t.conflict.c.entity == kept))
    tx.upsert(t.due, [{"sync": row["sync"], "entity": id, "since": now} for id in (kept, moved)])
    for id, first, second in before["over"]:
        there = tx.all(sa.select(t.entity.c.id).where(t.entity.c.id.in_((first, second))))
        if len(there) == 2:
            tx.execute(
                sa.update(t.proposal)
                .where(t.proposal.c.id == id, sa.or_(t.proposal.c.state == "open", t.proposal.c.by == MERGED))
                .values(state="open", by=None, at=now, entity=first, other=second)
            )
