"""What the first matching of a sync came to, for the person who lets its first plan through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from keepstep.engine.match.linking import OPEN
from keepstep.store import tables as t
from keepstep.store.store import Tx

EVIDENCE = ("marker", "pointer", "key", "accepted", "earlier")
"""By what a record was told to belong to an entity, the surest first."""


def linked_count(tx: Tx, sync: str) -> int:
    """Entities with records on several sides."""
    several = (
        sa.select(t.link.c.entity)
        .join(t.entity, t.entity.c.id == t.link.c.entity)
        .where(t.entity.c.sync == sync)
        .group_by(t.link.c.entity)
        .having(sa.func.count() > 1)
    )
    return int(tx.scalar(sa.select(sa.func.count()).select_from(several.subquery())) or 0)


def open_proposals(tx: Tx, sync: str) -> int:
    """Questions that nobody has answered yet."""
    query = sa.select(sa.func.count()).select_from(t.proposal)
    return int(tx.scalar(query.where(t.proposal.c.sync == sync, OPEN)) or 0)


def linked_by(tx: Tx, sync: str) -> dict[str, int]:
    """Evidence -> how many of the entities with records on several sides were linked by nothing surer than it."""
    query = (
        sa.select(t.link.c.entity, t.link.c.evidence)
        .join(t.entity, t.entity.c.id == t.link.c.entity)
        .where(t.entity.c.sync == sync)
        .order_by(t.link.c.entity)
    )
    counts: Counter[str] = Counter()
    for _, links in groupby(tx.each(query), itemgetter("entity")):
        evidence = [row["evidence"] for row in links]
        if len(evidence) > 1:
            counts[surest(evidence)["by"]] += 1
    return {by: counts[by] for by in EVIDENCE if counts[by]}


def surest(evidence: list[Mapping[str, Any] | None]) -> Mapping[str, Any]:
    """Of the evidence of an entity's links, what was surest."""
    known = [each for each in evidence if each is not None]
    return min(known, key=lambda each: EVIDENCE.index(each["by"]), default={"by": "earlier"})
