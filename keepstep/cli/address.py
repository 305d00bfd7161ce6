"""Finding what a person means: an entity by its id, by a record's address or by its title; and one field of it."""

from __future__ import annotations

import sqlalchemy as sa

from keepstep.cli.session import WRONG, Session, Trouble
from keepstep.engine.state import EntityState, load
from keepstep.problems import Problem, nearest
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import TITLE, Kind


def field_of(tx: Tx, session: Session, text: str) -> tuple[EntityState, str]:
    """The entity and field that ``ENTITY.FIELD`` names. Raises ``Trouble`` if it names none, or several."""
    name, dot, field = text.rpartition(".")
    if not dot or not name:
        raise Trouble(Problem("address_malformed", {"text": text}), WRONG)
    state = entity(tx, session, name)
    known = session.config().model[state.kind]
    if field not in known:
        fields = sorted(known)
        params = {"field": field, "nearest": nearest(field, fields), "known": fields}
        raise Trouble(Problem("unknown_field", params), WRONG)
    return state, field


def entity(tx: Tx, session: Session, text: str) -> EntityState:
    """The entity of that id, record address (``crm.Deals:ID``) or exact title. Raises ``Trouble``."""
    ids = [text] if tx.one(sa.select(t.entity.c.id).where(t.entity.c.id == text)) else []
    side, colon, record = text.partition(":")
    if not ids and colon:
        linked = sa.select(t.link.c.entity).where(t.link.c.side == side, t.link.c.record == record)
        ids = [row["entity"] for row in tx.all(linked)]
    if not ids:
        ids = titled(tx, text)
    states = load(tx, ids)
    if not states:
        raise Trouble(Problem("no_such_entity", {"text": text}), WRONG)
    if len(states) > 1:
        raise Trouble(Problem("several_entities", {"text": text, "ids": sorted(states)}), WRONG)
    return next(iter(states.values()))


def titled(tx: Tx, title: str) -> list[str]:
    """Entities of exactly that title: as agreed, else as some side shows it."""
    found = set()
    for row in tx.all(sa.select(t.entity.c.id, t.entity.c.kind, t.entity.c.agreed)):
        agreed = row["agreed"].get(TITLE[Kind(row["kind"])])
        if agreed is not None and agreed["value"] == title:
            found.add(row["id"])
    if found:
        return sorted(found)
    for row in tx.all(sa.select(t.record.c.entity, t.record.c.kind, t.record.c.shown)):
        if row["entity"] and row["shown"].get(TITLE[Kind(row["kind"])]) == title:
            found.add(row["entity"])
    return sorted(found)
