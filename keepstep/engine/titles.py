"""How people know a thing: by what its sides agree on, else by what one of its records shows."""

from __future__ import annotations

import sqlalchemy as sa

from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import TITLE, Kind


def title(tx: Tx, entity: str) -> str:
    """The title of an entity; its id where nothing shows one. A name that is only ever set at creation is never
    agreed on, and still it is what people call the thing."""
    row = tx.one(sa.select(t.entity.c.kind, t.entity.c.agreed).where(t.entity.c.id == entity))
    if row is None:
        return entity
    name = TITLE[Kind(row["kind"])]
    agreed = row["agreed"].get(name)
    if agreed and agreed["value"]:
        return str(agreed["value"])
    query = sa.select(t.record.c.shown).where(t.record.c.entity == entity).order_by(t.record.c.side, t.record.c.id)
    shown = (record["shown"].get(name) for record in tx.all(query))
    return next((str(value) for value in shown if value), entity)
