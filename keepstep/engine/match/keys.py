"""Declared keys: what they read of a record, who shares one, and where they are not unique."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.world import Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import Form

SEPARATOR = "\x1f"

LONGEST = 200
"""Characters of a value from which on a key holds its beginning and a hash of it."""

MOST = 5
"""Records of one key that are looked at on a side: a key that more of them share is no key, but a frequent word."""


def folded(value: Any) -> str:
    """A value as keys compare it: width, case and white space do not matter."""
    plain = " ".join(unicodedata.normalize("NFKC", str(value)).casefold().split())
    if len(plain) <= LONGEST:
        return plain
    # A whole mail may have been pasted into a title, and an index takes no entry of that size.
    return f"{plain[: LONGEST // 2]}…{hashlib.sha256(plain.encode()).hexdigest()}"


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
