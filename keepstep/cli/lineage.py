"""Where a value comes from, as data: who set it where, what decided, which run wrote it, and how it was mapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.cli.history import Telling
from keepstep.cli.session import Session
from keepstep.cli.values import Reading
from keepstep.engine.state import EntityState, LinkState
from keepstep.engine.timeline import Event
from keepstep.engine.world import Side, Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.agreement import Agreed
from mapping.fields import KEPT_WRITTEN, WHEN_MADE, Unmappable
from mapping.model import Form

TOLD_OF_ALL = ("record_", "write_", "undone_create")
"""Audit lines that name no field and still tell of each."""

DECIDING = ("decided", "lost_to_policy", "added_wins", "filled", "settled", "undone", "begun")
"""Audit lines that tell why a value was agreed on, if it was not simply brought by one side."""


class Lineage:
    """Tells of one entity within one transaction. ``sync``: None while one of its connections is down."""

    def __init__(self, tx: Tx, session: Session, state: EntityState, sync: Sync | None) -> None:
        self._tx = tx
        self._session = session
        self._state = state
        self._sync = sync
        self._reading = Reading(tx, session)
        query = sa.select(t.audit).where(t.audit.c.entity == state.id).order_by(t.audit.c.n)
        self._audit = tx.all(query)
        evidence = sa.select(t.link.c.side, t.link.c.evidence).where(t.link.c.entity == state.id)
        self._evidence = {row["side"]: row["evidence"] for row in tx.all(evidence)}
        self._wrote = self._newest_writes()

    def _newest_writes(self) -> dict[tuple[str, str], dict[str, Any]]:
        """(side, field) -> the newest intent that wrote it, or is about to."""
        query = sa.select(t.intent).where(
            t.intent.c.entity == self._state.id,
            sa.or_(t.intent.c.closed_at.is_(None), t.intent.c.state == "done"),
        )
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self._tx.all(query.order_by(t.intent.c.written_at, t.intent.c.id)):
            found.update(((row["side"], name), row) for name in row["fields"])
        return found

    def entity(self) -> dict[str, Any]:
        """The entity and its records, without its fields."""
        state = self._state
        return {
            "entity": state.id,
            "kind": state.kind.value,
            "sync": state.sync,
            "title": self._reading.title(state.id),
            "parked": state.parked,
            "records": [self._record(link) for _, link in sorted(state.links.items())],
        }

    def _record(self, link: LinkState) -> dict[str, Any]:
        record, evidence = self._state.records.get(link.side), self._evidence.get(link.side)
        return {
            "side": link.side,
            "record": link.record,
            "url": record["url"] if record else None,
            "state": link.state,
            "linked_at": link.linked_at,
            "linked_by": evidence["by"] if evidence else None,
            "seen_at": record["seen_at"] if record else None,
            "modified_at": record["modified_at"] if record else None,
            "modified_by": self._reading.author(link.side, record["modified_by"]) if record else None,
        }

    def names(self) -> list[str]:
        """The fields that any side shows or that were agreed on, in the model's order."""
        state = self._state
        known = {name for record in state.records.values() for name in record["shown"]} | state.agreed.keys()
        fields = self._sync.fields if self._sync is not None else known
        return [name for name in fields if name in known]

    def field(self, name: str) -> dict[str, Any]:
        """All that is known of one field now."""
        state = self._state
        agreed, conflict = state.agreed.get(name), state.conflicts.get(name)
        return {
            "field": name,
            "agreed": agreed and self._agreed(name, agreed),
            "rule": self._rule(name),
            "sides": [self._side(link, name) for _, link in sorted(state.links.items())],
            "conflict": conflict and msgspec.to_builtins(conflict),
        }

    def _agreed(self, name: str, agreed: Agreed) -> dict[str, Any]:
        value = self._reading.value(self._state.kind, name, agreed.value)
        told = {"value": value, "version": agreed.n, "source": agreed.source, "at": agreed.at or None}
        return told | {"because": self._because(name, agreed), "origin": self._origin(name, agreed)}

    def _because(self, name: str, agreed: Agreed) -> dict[str, Any]:
        """What made it the agreed value: the look that brought it, a person, a policy, or taking something back."""
        mine = [row for row in self._audit if row["field"] == name and row["at"] == agreed.at]
        first = next((row for row in mine if row["code"] in DECIDING), None)
        run = next((row["run"] for row in mine if row["run"]), None)
        by = None
        if first is not None:
            by = first["side"] if first["code"] == "decided" else first["params"].get("by")
        return {"code": first["code"] if first else "brought", "by": by, "run": run}

    def _origin(self, name: str, agreed: Agreed) -> dict[str, Any] | None:
        """The record that the value came from, the field it stands in there, and who changed it last."""
        link, side = self._state.links.get(agreed.source), self._side_of(agreed.source)
        if link is None:
            return None
        record = self._state.records.get(agreed.source)
        return {
            "side": agreed.source,
            "record": link.record,
            "url": record["url"] if record else None,
            "by": self._reading.author(agreed.source, record["modified_by"]) if record else None,
            "system_field": self._system(side, name),
        }

    def _rule(self, name: str) -> dict[str, Any] | None:
        if self._sync is None:
            return None
        rule = self._sync.rule(name)
        return {"policy": rule.policy, "owner": rule.owner, "first": rule.first}

    def _side_of(self, name: str) -> Side | None:
        return self._sync.sides.get(name) if self._sync is not None else None

    def _system(self, side: Side | None, name: str) -> str | None:
        if side is None or self._sync is None or self._sync.can(side, name) == "absent":
            return None
        return side.mapper.system(self._state.kind, name)

    def _mode(self, side: Side | None, name: str) -> str | None:
        if side is None or self._sync is None:
            return None
        return self._sync.can(side, name) if side.writable else "read"

    def _side(self, link: LinkState, name: str) -> dict[str, Any]:
        state, reading = self._state, self._reading
        record, known, side = state.records.get(link.side), link.fields.get(name), self._side_of(link.side)
        instead = known.instead if known else None
        agreed = state.agreed.get(name)
        return {
            "side": link.side,
            "record": link.record,
            "url": record["url"] if record else None,
            "state": link.state,
            "has_field": bool(record and name in record["shown"]),
            "shown": reading.value(state.kind, name, record["shown"].get(name)) if record else None,
            "shadow": reading.value(state.kind, name, known.shadow) if known else None,
            "shows": known.shows if known else -1,
            "standing": _standing(state, link.side, name, self._mode(side, name)),
            "kept_apart": bool(instead and agreed and instead.n == agreed.n),
            "seen_at": record["seen_at"] if record else None,
            "modified_at": record["modified_at"] if record else None,
            "modified_by": reading.author(link.side, record["modified_by"]) if record else None,
            "mapping": self._mapping(side, name, record),
            "written": self._written(link.side, name),
        }

    def _mapping(self, side: Side | None, name: str, record: dict[str, Any] | None) -> dict[str, Any] | None:
        """How the side's field and the canonical one are views of each other; None where there is none, or nobody
        could be asked. ``shown_as``: what the side makes of the agreed value, where that is something else."""
        system = self._system(side, name)
        if side is None or system is None or self._sync is None:
            return None
        losses = [
            loss for loss in (record["losses"] or () if record else ()) if loss["field"].partition(".")[0] == system
        ]
        return {
            "system_field": system,
            "mode": self._sync.can(side, name),
            "shown_as": self._transformed(side, name),
            "losses": losses,
        }

    def _transformed(self, side: Side, name: str) -> Any:
        agreed = self._state.agreed.get(name)
        if agreed is None or self._sync is None or self._sync.fields[name] in (Form.REF, Form.REFS, Form.PERSON):
            return None
        try:
            shown = side.mapper.normalise(self._state.kind, name, agreed.value)
        except Unmappable:
            return None
        return None if shown == agreed.value else self._reading.value(self._state.kind, name, shown)

    def _written(self, side: str, name: str) -> dict[str, Any] | None:
        row = self._wrote.get((side, name))
        if row is None:
            return None
        value = self._reading.value(self._state.kind, name, row["fields"][name][0])
        told = {"run": row["run"], "intent": row["id"], "kind": row["kind"], "state": row["state"]}
        return told | {"at": row["closed_at"] or row["written_at"], "value": value}

    def history(self, name: str) -> Iterator[dict[str, Any]]:
        """What happened to the field, oldest first."""
        telling = Telling(self._tx, self._session)
        for row in self._audit:
            of_all = row["code"].startswith(TOLD_OF_ALL)
            carried = name in row["params"].get("fields", {name: None})
            if row["field"] != name and not (row["field"] is None and of_all and carried):
                continue
            event = Event(**{key: row[key] for key in ("at", "code", "run", "entity", "side", "field", "params")})
            line = {key: row[key] for key in ("n", "at", "run", "code", "side")}
            yield line | {"message": telling.message(event, name)}


def _standing(state: EntityState, side: str, name: str, mode: str | None) -> str:
    """Where a side stands on the field: gone, apart, doubt, conflict, absent, made, new, refused, owed, read_only,
    even."""
    link, record, agreed = state.links[side], state.records.get(side), state.agreed.get(name)
    known = link.fields.get(name)
    if link.state in ("leaving", "archived", "declined"):
        return "apart"
    if link.state != "live":
        return "gone"
    if any(intent["side"] == side and name in intent["fields"] for intent in state.intents):
        return "doubt"
    if record is None or name not in record["shown"]:
        return "absent"
    if name in state.conflicts:
        return "conflict"
    if mode in WHEN_MADE - KEPT_WRITTEN and (agreed is None or known is None or known.shows < agreed.n):
        return "made"
    if agreed is None or known is None:
        return "new"
    if known.refused == agreed.n:
        return "refused"
    if known.shows >= agreed.n:
        return "even"
    return "owed" if mode is None or mode in KEPT_WRITTEN else "read_only"
