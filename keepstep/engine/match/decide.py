"""What people say about proposals, carried out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.engine.match.following import follow
from keepstep.engine.match.linking import MERGED, OPEN, keys_moved, link_row, proposal_row
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.store import Tx

NAMED = {"by": "person"}
"""The evidence of a pair that nobody was asked about: a person named it in answer to another question."""


class Refused(ValueError):
    """It cannot be done as the facts are now; nothing was changed. ``code`` and ``params`` say why."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(f"{code}: {params}")
        self.code = code
        self.params = params


class Decision(msgspec.Struct, frozen=True):
    """An answer to a proposal. ``record``: neither yes nor no, but the same as this record (side, id)."""

    proposal: str
    accept: bool
    record: tuple[str, str] | None = None


class Decided(msgspec.Struct):
    """What came of several answers: those that hold, and why others do not."""

    done: list[Decision]
    refused: dict[str, Refused]


def decide(ports: Ports, sync: Sync, proposal_id: str, accept: bool, by: str) -> str:
    """A person's word on a proposal. Accepting moves the new entity's links over to the other one.

    Returns the entity that stands. Raises KeyError for a proposal that is not open, so that no answer counts twice, and
    ``Refused`` where both have a record on one side, or a write is under way: nothing is changed then.
    """
    with ports.store.write() as tx:
        kept, moved = _decide(tx, ports, sync.name, Decision(proposal_id, accept), by)
        if accept:
            follow(tx, ports, {moved: kept})
        return kept if accept else moved


def decide_all(ports: Ports, decisions: Sequence[Decision], by: str, *, whole: bool = False) -> Decided:
    """Several answers in one transaction. ``whole``: all of them, or none if one is refused.

    A proposal that an earlier answer has settled is refused as ``proposal_over``.
    """
    decided = Decided([], {})
    followed: dict[str, str] = {}
    with ports.store.read() as tx:
        syncs = _syncs(tx, decisions)
    try:
        with ports.store.write() as tx:
            for each in decisions:
                try:
                    if each.proposal not in syncs:
                        raise KeyError(each.proposal)
                    kept, moved = _decide(tx, ports, syncs[each.proposal], each, by)
                except KeyError:
                    decided.refused[each.proposal] = Refused("proposal_over", id=each.proposal)
                    continue
                except Refused as reason:
                    decided.refused[each.proposal] = reason
                    continue
                decided.done.append(each)
                if each.accept or each.record is not None:
                    followed[moved] = kept
            if whole and decided.refused:
                raise _Undone
            follow(tx, ports, {moved: _last(followed, moved) for moved in followed})
    except _Undone:
        decided.done = []
    return decided


def _last(followed: Mapping[str, str], entity: str) -> str:
    """The entity that stands in the end: one that others were joined with may be joined with another in turn."""
    while entity in followed:
        entity = followed[entity]
    return entity


class _Undone(Exception):
    """Rolls the transaction back."""


def _syncs(tx: Tx, decisions: Iterable[Decision]) -> dict[str, str]:
    wanted = {each.proposal for each in decisions}
    rows = tx.all(sa.select(t.proposal.c.id, t.proposal.c.sync).where(OPEN))
    return {row["id"]: row["sync"] for row in rows if row["id"] in wanted}


def _decide(tx: Tx, ports: Ports, sync: str, decision: Decision, by: str) -> tuple[str, str]:
    """Carry out one answer; the entity that stands, and the one that was asked about. Changes nothing if it raises."""
    query = sa.select(t.proposal).where(t.proposal.c.id == decision.proposal, t.proposal.c.sync == sync)
    row = tx.one(query.where(OPEN))
    if row is None:
        raise KeyError(decision.proposal)
    kept, moved, accept = row["other"], row["entity"], decision.accept
    if decision.record is not None:
        kept, accept = _entity_at(tx, sync, decision.record), True
        if kept == moved:
            raise Refused("own_record", record=":".join(decision.record))
    if accept and kept != row["other"]:
        joined = proposal_row(ports, sync, moved, kept, NAMED, "accepted") | {"by": by}
        asked = {"asked": [row["id"], moved, row["other"]]}
        tx.insert(t.proposal, [joined | {"before": _fold(tx, ports, kept, moved, joined) | asked}])
        _answer(tx, row["id"], "rejected", by, ports.now(), None)
    else:
        before = _fold(tx, ports, kept, moved, row) if accept else None
        _answer(tx, row["id"], "accepted" if accept else "rejected", by, ports.now(), before)
    ids = {kept} if accept else {kept, moved}
    tx.upsert(t.due, [{"sync": sync, "entity": id, "since": ports.now()} for id in sorted(ids)])
    return kept, moved


def _answer(tx: Tx, id: str, state: str, by: str, now: str, before: Any) -> None:
    tx.execute(sa.update(t.proposal).where(t.proposal.c.id == id).values(state=state, by=by, at=now, before=before))


def _entity_at(tx: Tx, sync: str, place: tuple[str, str]) -> str:
    query = (
        sa.select(t.link.c.entity)
        .join(t.entity, t.entity.c.id == t.link.c.entity)
        .where(t.link.c.side == place[0], t.link.c.record == place[1], t.entity.c.sync == sync)
    )
    found = tx.scalar(query)
    if found is None:
        raise Refused("no_such_record", record=":".join(place))
    return str(found)


def _fold(tx: Tx, ports: Ports, kept: str, moved: str, answered: Mapping[str, Any]) -> dict[str, Any]:
    """Make one entity of two. Returns what is needed to part them again."""
    links = tx.all(sa.select(t.link).where(t.link.c.entity == moved).order_by(t.link.c.side))
    places = {row["side"] for row in tx.all(sa.select(t.link.c.side).where(t.link.c.entity == kept))}
    taken = next((link["side"] for link in links if link["side"] in places), None)
    if taken is not None:
        raise Refused("place_taken", side=taken)
    sides = [link["side"] for link in links]
    here = sa.or_(
        t.intent.c.entity == moved,
        sa.and_(t.intent.c.entity == kept, t.intent.c.kind == "create", t.intent.c.side.in_(sides)),
    )
    if tx.one(sa.select(t.intent.c.id).where(here, t.intent.c.closed_at.is_(None))) is not None:
        raise Refused("write_under_way")
    entity = tx.one(sa.select(t.entity).where(t.entity.c.id == moved))
    if entity is None:
        raise KeyError(moved)
    now = ports.now()
    tx.execute(sa.delete(t.link).where(t.link.c.entity == moved))
    evidence = {"by": "accepted", "proposal": answered["id"], "because": answered["evidence"]}
    tied = [
        link_row({"side": link["side"], "id": link["record"]}, kept, now, state=link["state"], evidence=evidence)
        for link in links
    ]
    tx.insert(t.link, tied)
    tx.change(t.record, [{"side": link["side"], "id": link["record"], "entity": kept} for link in links])
    for table in (t.conflict, t.due, t.awaited):
        tx.execute(sa.delete(table).where(table.c.entity == moved))
    tx.execute(sa.delete(t.entity).where(t.entity.c.id == moved))
    told = sa.select(t.finding.c.key).where(t.finding.c.entity == moved, t.finding.c.state.in_(findings.OPEN))
    findings.close(tx, [row["key"] for row in tx.all(told)], now)
    over = _settle_others(tx, kept, moved, answered["id"], places | set(sides), now)
    return {
        "entity": {"id": moved, "kind": entity["kind"], "old": entity["old"], "created_at": entity["created_at"]},
        "evidence": {link["side"]: link["evidence"] for link in links},
        "over": over,
    }


def _settle_others(tx: Tx, kept: str, moved: str, answered: str, places: set[str], now: str) -> list[list[str]]:
    """Open questions about either: those that can still be asked are asked about the one that stands."""
    both = (kept, moved)
    rows = tx.all(
        sa.select(t.proposal)
        .where(
            t.proposal.c.state == "open",
            t.proposal.c.id != answered,
            sa.or_(t.proposal.c.entity.in_(both), t.proposal.c.other.in_(both)),
        )
        .order_by(t.proposal.c.id)
    )
    changed = []
    asked: set[str] = set()
    bereft: set[tuple[str, str]] = set()
    for row in rows:
        third = row["other"] if row["entity"] in both else row["entity"]
        theirs = {link["side"] for link in tx.all(sa.select(t.link.c.side).where(t.link.c.entity == third))}
        values: dict[str, Any] = {"entity": third, "other": kept}
        if third in both or third in asked or theirs & places:
            values = {"state": "rejected", "by": MERGED, "at": now}
            bereft.add((row["sync"], third))
        elif moved not in (row["entity"], row["other"]):
            asked.add(third)
            continue
        asked.add(third)
        changed.append([row["id"], row["entity"], row["other"]])
        tx.execute(sa.update(t.proposal).where(t.proposal.c.id == row["id"]).values(**values))
    _look_again(tx, bereft, now)
    return changed


def _look_again(tx: Tx, bereft: set[tuple[str, str]], now: str) -> None:
    """Where a question has become pointless, the next matching finds another candidate, if there is one."""
    ids = sorted(entity for _, entity in bereft)
    records = tx.all(sa.select(t.link.c.side, t.link.c.record).where(t.link.c.entity.in_(ids)).order_by(t.link.c.side))
    tx.insert(t.change_log, [{"side": row["side"], "id": row["record"], "at": now} for row in records])
    tx.upsert(t.setting, [{"name": keys_moved(sync), "value": True} for sync in sorted({sync for sync, _ in bereft})])
