"""Which records are views of one thing: by link, by marker, by declared keys; what stays open goes to a person."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync, World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Lease, Tx
from mapping.model import TITLE

BATCH = 500


class Matched(msgspec.Struct, kw_only=True):
    """What a round of matching did."""

    entities: int = 0
    links: int = 0
    proposals: int = 0
    held: int = 0
    queued: int = 0
    waiting: str | None = None
    """The feed whose first crawl is not complete yet: nothing is matched before it is."""


def key_of(sync: Sync, values: dict[str, Any]) -> str | None:
    """The declared key of a record: its fields folded, so that case, width and outer white space do not matter."""
    if not sync.match:
        return None
    parts = []
    for name in sync.match:
        value = values.get(name)
        if value in (None, "", []):
            return None
        text = value["id"] if isinstance(value, dict) and "id" in value else str(value)
        parts.append(" ".join(unicodedata.normalize("NFKC", text).casefold().split()))
    return "\x1f".join(parts)


def match(ports: Ports, world: World, sync: Sync, lease: Lease) -> Matched:
    """Go through the change log from this sync's position: link what is new, queue what moved."""
    done = Matched()
    with ports.store.read() as tx:
        for connection, feed in world.feeds(sync):
            name = connection.feed_key(feed)
            if not tx.scalar(sa.select(t.feed.c.crawled).where(t.feed.c.name == name)):
                done.waiting = name
                return done
    while True:
        with ports.store.write(lease) as tx:
            more = _step(tx, ports, sync, done)
            ports.fence.point("match.storing")
        ports.fence.point("match.stored")
        if not more:
            return done


def _began(tx: Tx, sync: Sync) -> int:
    """The end of the change log when the sync first matched: what stands before it was there before the hub began.

    Kept, because the first matching takes many steps and may be killed between them.
    """
    name = f"began:{sync.name}"
    row = tx.one(sa.select(t.setting.c.value).where(t.setting.c.name == name))
    if row is not None:
        return int(row["value"])
    end = int(tx.scalar(sa.select(sa.func.max(t.change_log.c.n))) or 0)
    tx.insert(t.setting, [{"name": name, "value": end}])
    return end


def _step(tx: Tx, ports: Ports, sync: Sync, done: Matched) -> bool:
    began = _began(tx, sync)
    position = tx.scalar(sa.select(t.position.c.n).where(t.position.c.sync == sync.name)) or 0
    logged = tx.all(
        sa.select(t.change_log.c.n, t.change_log.c.side, t.change_log.c.id)
        .where(t.change_log.c.n > position, t.change_log.c.side.in_(list(sync.sides)))
        .order_by(t.change_log.c.n)
        .limit(BATCH)
    )
    if not logged:
        return False
    wanted: dict[str, list[str]] = {}
    old: set[tuple[str, str]] = set()
    for row in logged:
        wanted.setdefault(row["side"], []).append(row["id"])
        if row["n"] <= began:
            old.add((row["side"], row["id"]))
    records = []
    for side in sorted(wanted):
        for part in chunks(sorted(set(wanted[side])), 400):
            records += tx.all(sa.select(t.record).where(t.record.c.side == side, t.record.c.id.in_(part)))
    _take(tx, ports, sync, records, done, old)
    tx.upsert(t.position, [{"sync": sync.name, "n": logged[-1]["n"]}])
    return True


def _take(
    tx: Tx, ports: Ports, sync: Sync, records: Sequence[dict[str, Any]], done: Matched, old: set[tuple[str, str]]
) -> None:
    now = ports.now()
    queue: set[str] = set()
    loose = []
    for row in records:
        key = key_of(sync, row["shown"])
        if key != row["match_key"]:
            row["match_key"] = key
            tx.execute(
                sa.update(t.record)
                .where(t.record.c.side == row["side"], t.record.c.id == row["id"])
                .values(match_key=key)
            )
        if row["entity"] is not None:
            queue.add(row["entity"])
        elif not row["deleted"] and row["kind"] == sync.kind.value:
            loose.append(row)
    queue = _of_sync(tx, sync, queue)
    for row in loose:
        entity = _place(tx, ports, sync, row, done, (row["side"], row["id"]) in old)
        if entity is not None:
            queue.add(entity)
    tx.upsert(t.due, [{"sync": sync.name, "entity": id, "since": now} for id in sorted(queue)])
    done.queued += len(queue)


def _of_sync(tx: Tx, sync: Sync, entities: set[str]) -> set[str]:
    """A stream may hold records of several kinds, and so be a side of several syncs: each tends to its own."""
    mine: set[str] = set()
    for part in chunks(sorted(entities), 400):
        query = sa.select(t.entity.c.id).where(t.entity.c.id.in_(part), t.entity.c.sync == sync.name)
        mine.update(row["id"] for row in tx.all(query))
    return mine


def _place(tx: Tx, ports: Ports, sync: Sync, row: dict[str, Any], done: Matched, first: bool) -> str | None:
    """The entity that the record belongs to now: found, or new. None: it is held back."""
    side, now = row["side"], ports.now()
    creating = tx.scalar(
        sa.select(sa.func.count())
        .select_from(t.intent)
        .where(t.intent.c.side == side, t.intent.c.kind == "create", t.intent.c.closed_at.is_(None))
    )
    if row["marker"]:
        entity = tx.one(sa.select(t.entity.c.id, t.entity.c.sync).where(t.entity.c.id == row["marker"]))
        if entity is not None:
            if creating and _open_create(tx, side, row["marker"]):
                done.held += 1  # recovery adopts it, with the versions that it carried
                return None
            taken = tx.one(sa.select(t.link).where(t.link.c.entity == row["marker"], t.link.c.side == side))
            if taken is None:
                link_record(tx, row, row["marker"], now)
                done.links += 1
                return str(row["marker"])
            _report(tx, ports, sync, "twin", row, entity=row["marker"], first=taken["record"])
            return None
    if (row["ours"] and not first) or (creating and _blind(sync, side)):
        # Made by our account and not linked: never new.
        if not creating:
            _report(tx, ports, sync, "twin", row, entity=None, first=None)
        done.held += 1
        return None
    if row["match_key"]:
        found, refused = _by_key(tx, ports, sync, row, done)
        if found is not None or refused:
            return found
    entity_id = ports.new_id()
    tx.insert(
        t.entity,
        [
            {
                "id": entity_id,
                "sync": sync.name,
                "kind": sync.kind.value,
                "agreed": {},
                "parked": False,
                "old": first,
                "owing": False,
                "created_at": now,
            }
        ],
    )
    link_record(tx, row, entity_id, now)
    done.entities += 1
    if row["match_key"]:
        _propose(tx, ports, sync, row, entity_id, done)
    return entity_id


def _open_create(tx: Tx, side: str, entity: str) -> bool:
    return bool(
        tx.scalar(
            sa.select(sa.func.count())
            .select_from(t.intent)
            .where(
                t.intent.c.side == side,
                t.intent.c.entity == entity,
                t.intent.c.kind == "create",
                t.intent.c.closed_at.is_(None),
            )
        )
    )


def _blind(sync: Sync, side: str) -> bool:
    """The stream shows neither author nor marker: while a create there is unknown, every new record may be it."""
    return sync.sides[side].abilities.marker == "none"


def link_record(
    tx: Tx,
    row: dict[str, Any],
    entity: str,
    now: str,
    fields: dict[str, Any] | None = None,
    state: str = "live",
) -> None:
    """Tie a record to an entity. Without ``fields`` the shadows are empty, so the first look compares everything."""
    tx.upsert(
        t.link,
        [
            {
                "entity": entity,
                "side": row["side"],
                "record": row["id"],
                "state": state,
                "fields": fields or {},
                "linked_at": now,
            }
        ],
    )
    tx.execute(
        sa.update(t.record).where(t.record.c.side == row["side"], t.record.c.id == row["id"]).values(entity=entity)
    )


def _by_key(tx: Tx, ports: Ports, sync: Sync, row: dict[str, Any], done: Matched) -> tuple[str | None, bool]:
    """The one entity that the declared key leads to, if the key is unique on this side and on the other.

    The second word says that another record has the place already: a finding, never a second entity.
    """
    if len(_alike(tx, row["side"], row["match_key"])) > 1:
        return None, False
    entities: set[str] = set()
    for side in sync.sides:
        if side == row["side"]:
            continue
        alike = [each for each in _alike(tx, side, row["match_key"]) if each["kind"] == sync.kind.value]
        if len(alike) > 1:
            return None, False
        entities.update(each["entity"] for each in alike if each["entity"])
    if len(entities) != 1:
        return None, False
    entity = entities.pop()
    taken = tx.one(sa.select(t.link.c.record).where(t.link.c.entity == entity, t.link.c.side == row["side"]))
    if taken is not None:
        _report(tx, ports, sync, "taken_place", row, entity=entity, first=taken["record"])
        return None, True
    link_record(tx, row, entity, ports.now())
    done.links += 1
    return entity, False


def _alike(tx: Tx, side: str, key: str) -> list[dict[str, Any]]:
    return tx.all(
        sa.select(t.record.c.id, t.record.c.entity, t.record.c.kind, t.record.c.url, t.record.c.shown).where(
            t.record.c.side == side, t.record.c.match_key == key, t.record.c.deleted.is_(False)
        )
    )


def _propose(tx: Tx, ports: Ports, sync: Sync, row: dict[str, Any], entity: str, done: Matched) -> None:
    """Ask a person about entities that the key leads to without being unique."""
    others = {
        each["entity"]
        for side in sync.sides
        if side != row["side"]
        for each in _alike(tx, side, row["match_key"])
        if each["entity"] and each["entity"] != entity
    }
    for other in sorted(others):
        if tx.one(sa.select(t.link.c.record).where(t.link.c.entity == other, t.link.c.side == row["side"])):
            continue
        tx.insert(
            t.proposal,
            [
                {
                    "id": ports.new_id(),
                    "sync": sync.name,
                    "entity": entity,
                    "other": other,
                    "evidence": {"keys": list(sync.match), "value": row["match_key"], "unique": False},
                    "state": "open",
                    "by": None,
                    "at": ports.now(),
                }
            ],
        )
        done.proposals += 1


def _report(tx: Tx, ports: Ports, sync: Sync, code: str, row: dict[str, Any], entity: str | None, first: Any) -> None:
    findings.report(
        tx,
        [
            Finding(
                key=f"{code}:{row['side']}:{row['id']}",
                code=code,
                severity="error",
                sync=sync.name,
                entity=entity,
                params={
                    "side": row["side"],
                    "record": row["id"],
                    "title": row["shown"].get(TITLE[sync.kind]),
                    "url": row["url"],
                    "first": first,
                },
            )
        ],
        ports.now(),
        ports.new_id,
    )


def decide(ports: Ports, sync: Sync, proposal_id: str, accept: bool, by: str) -> str:
    """A person's word on a proposal. Accepting moves the new entity's links over to the other one.

    Returns the entity that stands. Raises KeyError for a proposal that is not open, so that no answer counts twice, and
    ValueError where both have a record on one side, or a write is under way: nothing is changed then.
    """
    with ports.store.write() as tx:
        row = tx.one(sa.select(t.proposal).where(t.proposal.c.id == proposal_id, t.proposal.c.state == "open"))
        if row is None:
            raise KeyError(proposal_id)
        state = "accepted" if accept else "rejected"
        tx.execute(
            sa.update(t.proposal).where(t.proposal.c.id == proposal_id).values(state=state, by=by, at=ports.now())
        )
        kept, moved = row["other"], row["entity"]
        if accept:
            _fold(tx, ports, sync, kept, moved)
        tx.upsert(
            t.due,
            [{"sync": sync.name, "entity": id, "since": ports.now()} for id in ([kept] if accept else [kept, moved])],
        )
        return str(kept if accept else moved)


def _fold(tx: Tx, ports: Ports, sync: Sync, kept: str, moved: str) -> None:
    under_way = sa.select(t.intent.c.id).where(t.intent.c.entity == moved, t.intent.c.closed_at.is_(None))
    if tx.one(under_way) is not None:
        raise ValueError("a write is under way; answer again after the next round")
    places = {row["side"] for row in tx.all(sa.select(t.link.c.side).where(t.link.c.entity == kept))}
    for link in tx.all(sa.select(t.link).where(t.link.c.entity == moved)):
        if link["side"] in places:
            raise ValueError(f"{link['side']} is taken by another record already")
        tx.execute(sa.delete(t.link).where(t.link.c.entity == moved, t.link.c.side == link["side"]))
        link_record(tx, {"side": link["side"], "id": link["record"]}, kept, ports.now())
    for table in (t.conflict, t.due):
        tx.execute(sa.delete(table).where(table.c.entity == moved))
    tx.execute(sa.delete(t.entity).where(t.entity.c.id == moved))
    tx.execute(
        sa.update(t.proposal)
        .where(t.proposal.c.state == "open", sa.or_(t.proposal.c.entity == moved, t.proposal.c.other == moved))
        .values(state="rejected", by="merged", at=ports.now())
    )
