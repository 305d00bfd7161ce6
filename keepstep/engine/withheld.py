"""Which entities may be matched and updated, and not be created elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from keepstep.engine.match.linking import OPEN, made_in_oblivion
from keepstep.engine.state import EntityState
from keepstep.engine.world import Eligible
from keepstep.store import tables as t
from keepstep.store.store import Tx


def withheld(tx: Tx, sync: str, eligible: Eligible, now: datetime) -> Callable[[EntityState], bool]:
    """Whether an entity may not be created elsewhere: from before the window, or a proposal for it is open, or it
    began with what we had made for something else, or is archived, which nobody wants a copy of while it is."""
    rows = tx.all(sa.select(t.proposal.c.entity, t.proposal.c.other).where(t.proposal.c.sync == sync, OPEN))
    asked = {row["entity"] for row in rows} | {row["other"] for row in rows}
    recent, left = eligible(tx.each, now), made_in_oblivion(tx)

    def kept_back(state: EntityState) -> bool:
        first = state.records.get(state.origin.side) if state.origin is not None else None
        if state.id in asked or state.value("archived") is True:
            return True
        return (first is not None and left(first)) or (state.old and not recent(state))

    return kept_back
