"""Keys that many share: a warning for each side, and at least one question for each record, however many there are."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.match.keys import MOST
from keepstep.engine.match.linking import MERGED, OPEN, proposal_row
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.model import TITLE

NAMED = 20
"""Records that the warning about a key names; the others are counted."""


def ask_about_crowds(tx: Tx, ports: Ports, sync: Sync) -> int:
    """A key that too many share to ask about all of them: whoever was asked about nothing yet is asked about one.

    Without a question open nothing would keep a record from being made once more on a side that has its like.
    """
    r = t.record.c
    mine = (r.side.in_(list(sync.sides)), r.match_key.is_not(None), r.kind == sync.kind.value, r.deleted.is_(False))
    crowded = sa.select(r.match_key).where(*mine).group_by(r.side, r.match_key).having(sa.func.count() > MOST)
    keys = sorted({row["match_key"] for row in tx.all(crowded)})
    if not keys:
        return 0
    asked = {
        id
        for row in tx.all(
            sa.select(t.proposal.c.entity, t.proposal.c.other).where(
                t.proposal.c.sync == sync.name,
                t.proposal.c.by.is_distinct_from(MERGED),
                sa.or_(t.proposal.c.state != "open", OPEN),
            )
        )
        for id in (row["entity"], row["other"])
    }
    rows = []
    for part in chunks(keys, 400):
        query = sa.select(r.side, r.match_key, r.entity).where(*mine, r.match_key.in_(part), r.entity.is_not(None))
        groups: dict[str, dict[str, list[str]]] = {}
        places: dict[str, set[str]] = {}
        for row in tx.all(query.order_by(r.match_key, r.side, r.id)):
            groups.setdefault(row["match_key"], {}).setdefault(row["side"], []).append(row["entity"])
            places[row["entity"]] = set()
        for some in chunks(sorted(places), 400):
            taken = sa.select(t.link.c.entity, t.link.c.side).where(t.link.c.entity.in_(some))
            for row in tx.all(taken):
                places[row["entity"]].add(row["side"])
        for key, sides in groups.items():
            for side, entities in sides.items():
                others = [each for other, there in sides.items() if other != side for each in there]
                free = [each for each in others if side not in places[each]]
                for number, entity in enumerate(entities):
                    other = free[number % len(free)] if free else None
                    if other is not None and entity not in asked and not places[entity] & places[other]:
                        asked.add(entity)
                        evidence = {"by": "key", "keys": list(sync.match), "value": key, "unique": False}
                        rows.append(proposal_row(ports, sync.name, entity, other, evidence))
    tx.insert(t.proposal, rows)
    return len(rows)


def warn_of_shared(tx: Tx, ports: Ports, sync: Sync) -> None:
    """One finding for each side on which the declared key is not unique; over once it is."""
    if not sync.match or len(sync.sides) < 2:
        return
    there = [found for side in sync.sides if (found := _shared(tx, sync, side)) is not None]
    findings.report(tx, there, ports.now(), ports.new_id)
    open_ones = {finding.key for finding in there}
    findings.close(tx, [key for side in sync.sides if (key := _key(sync, side)) not in open_ones], ports.now())


def _key(sync: Sync, side: str) -> str:
    return f"key_not_unique:{sync.name}:{side}"


def _shared(tx: Tx, sync: Sync, side: str) -> Finding | None:
    r = t.record.c
    mine: Sequence[sa.ColumnElement[bool]] = (
        r.side == side,
        r.match_key.is_not(None),
        r.kind == sync.kind.value,
        r.deleted.is_(False),
    )
    several = (
        sa.select(r.match_key, sa.func.count().label("n"))
        .where(*mine)
        .group_by(r.match_key)
        .having(sa.func.count() > 1)
    ).subquery()
    counted = tx.connection.execute(sa.select(sa.func.count(), sa.cast(sa.func.sum(several.c.n), sa.BigInteger))).one()
    if not counted[0]:
        return None
    named = tx.all(
        sa.select(r.id, r.shown, r.url)
        .join(several, several.c.match_key == r.match_key)
        .where(*mine)
        .order_by(r.match_key, r.id)
        .limit(NAMED)
    )
    title = TITLE[sync.kind]
    return Finding(
        key=_key(sync, side),
        code="key_not_unique",
        severity="warning",
        sync=sync.name,
        params={
            "sync": sync.name,
            "side": side,
            "keys": list(sync.match),
            "values": counted[0],
            "count": int(counted[1]),
            "records": [f"{row['shown'].get(title) or row['id']} ({row['id']})" for row in named],
        },
    )
