"""Declared keys: what they read of a record, who shares one, and where they are not unique."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.model import TITLE, Form

SEPARATOR = "\x1f"

MOST = 5
"""Records of one key that are looked at on a side: a key that more of them share is no key, but a frequent word."""

NAMED = 20
"""Records that the warning about a key names; the others are counted."""


def folded(value: Any) -> str:
    """A value as keys compare it: width, case and white space do not matter."""
    return " ".join(unicodedata.normalize("NFKC", str(value)).casefold().split())


class Keys:
    """Reads the declared key of records; what a reference means is fetched for the whole batch at once."""

    def __init__(self, tx: Tx, sync: Sync, rows: Iterable[Mapping[str, Any]]) -> None:
        self._match = sync.match
        self._forms = sync.fields
        self._meant: dict[tuple[str, str], str] = {}
        wanted: dict[str, set[str]] = {}
        for row in rows:
            for name in sync.match:
                value = row["shown"].get(name)
                if sync.fields.get(name) is Form.REF and value:
                    wanted.setdefault(_side(row, value), set()).add(value["id"])
        for side in sorted(wanted):
            for part in chunks(sorted(wanted[side]), 400):
                query = sa.select(t.link.c.record, t.link.c.entity).where(
                    t.link.c.side == side, t.link.c.record.in_(part)
                )
                self._meant.update(((side, row["record"]), row["entity"]) for row in tx.all(query))

    def of(self, row: Mapping[str, Any]) -> str | None:
        """The key, or None if a part of it is empty, or refers to something that is not linked."""
        parts = []
        for name in self._match:
            value = row["shown"].get(name)
            if value in (None, "", []):
                return None
            if self._forms.get(name) is Form.REF:
                value = self._meant.get((_side(row, value), value["id"]))
                if value is None:
                    return None
            elif self._forms.get(name) is Form.PERSON:
                value = value.get("email") or value["account"]
            parts.append(folded(value) if self._forms.get(name) is not Form.REF else value)
        return SEPARATOR.join(parts) or None


def _side(row: Mapping[str, Any], reference: Mapping[str, Any]) -> str:
    return f"{row['side'].partition('.')[0]}.{reference['stream']}"


@dataclass(slots=True)
class Group:
    """The live records of one side that share a key: how many, and the first of them."""

    count: int = 0
    ids: list[str] = field(default_factory=list)


def alike(tx: Tx, sync: Sync, keys: Iterable[str]) -> dict[str, dict[str, Group]]:
    """Key -> side -> the records of the sync's kind that have it. Bounded, however many share one."""
    found: dict[str, dict[str, Group]] = {}
    r = t.record.c
    for part in chunks(sorted(set(keys)), 400):
        numbered = (
            sa.select(
                r.side,
                r.match_key,
                r.id,
                sa.func.count().over(partition_by=(r.side, r.match_key)).label("count"),
                sa.func.row_number().over(partition_by=(r.side, r.match_key), order_by=r.id).label("number"),
            )
            .where(r.side.in_(list(sync.sides)), r.match_key.in_(part), r.kind == sync.kind.value, r.deleted.is_(False))
            .subquery()
        )
        for row in tx.all(sa.select(numbered).where(numbered.c.number <= MOST).order_by(numbered.c.number)):
            group = found.setdefault(row["match_key"], {}).setdefault(row["side"], Group(row["count"]))
            group.ids.append(row["id"])
    return found


def warn_of_shared(tx: Tx, ports: Ports, sync: Sync) -> None:
    """One finding for each side on which the declared key is not unique; over once it is."""
    if not sync.match:
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
    counted = tx.connection.execute(sa.select(sa.func.count(), sa.func.sum(several.c.n))).one()
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
