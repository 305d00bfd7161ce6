"""What becomes of each value and each record that a run wrote, judged by what stands there now."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.made import SOURCE
from keepstep.engine.ports import Ports
from keepstep.engine.settle import planned_fields
from keepstep.engine.state import EntityState, Instead, LinkState
from keepstep.engine.world import Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.agreement import UNSURE, Agreed, View
from mapping.fields import KEPT_WRITTEN

UNDONE = ("undone", "undone_here", "undone_create")
"""Codes of the audit's lines about what was taken back."""

How = Literal[
    "agreed", "here", "archive", "decline", "again", "before",
    "edited", "asked", "doubt", "gone", "unsure", "holds", "deleted",
]  # fmt: skip
"""What becomes of one thing that the run wrote.

agreed: all sides go back to the former value. here: only this side does. archive, decline: the made record is archived,
or stays and is left alone. again: what an undoing had taken back is done again. before: taken back already. The rest is
left as it is: edited since, in question, a write is under way, the record is gone, what was there is not known, others'
things lie in it, a delete cannot be taken back from here.
"""

LEFT = ("edited", "asked", "doubt", "gone", "unsure", "holds", "deleted")


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """One field, or one record as a whole (``field`` is None), that the run wrote."""

    entity: str
    title: str
    side: str
    record: str | None
    field: str | None
    how: How
    value: Any = None
    """What it goes back to, as all sides mean it."""
    since: str | None = None
    by: str | None = None
    """The side whose edit stands in the way."""

    @property
    def left(self) -> bool:
        return self.how in LEFT


class Line(NamedTuple):
    """What the audit keeps of one thing that was taken back."""

    code: str
    entity: str | None
    side: str | None
    field: str | None
    params: dict[str, Any]


class Batch:
    """The facts about some entities, and what follows for each. Changes their states in place; ``audit`` says how."""

    def __init__(self, tx: Tx, ports: Ports, sync: Sync, run: str, states: dict[str, EntityState]) -> None:
        self._ports = ports
        self._sync = sync
        self._run = run
        self.audit: list[Line] = []
        query = sa.select(t.intent).where(
            t.intent.c.run == run, t.intent.c.sync == sync.name, t.among(t.intent.c.entity, list(states))
        )
        self._intents: dict[str, list[dict[str, Any]]] = {}
        for row in tx.all(query.order_by(t.intent.c.written_at, t.intent.c.id)):
            self._intents.setdefault(row["entity"], []).append(row)
        lines = tx.all(
            sa.select(t.audit)
            .where(t.among(t.audit.c.entity, list(states)), t.audit.c.code.in_(("agreed", *UNDONE)))
            .order_by(t.audit.c.n.desc())
        )
        self._agreed: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._first: set[tuple[str, str, str]] = set()
        """(entity, side, field): what was first agreed on in that very run."""
        self._before: set[tuple[str, str, str | None]] = set()
        self._made_back: list[dict[str, Any]] = []
        self._agreed_back: list[dict[str, Any]] = []
        for row in lines:
            if row["code"] in ("agreed", "undone"):
                self._agreed.setdefault((row["entity"], row["field"]), []).append(row["params"])
                if row["run"] == run and row["params"]["n"] == 0:
                    self._first.add((row["entity"], row["side"], row["field"]))
            if row["code"] in UNDONE and row["params"]["of"] == run:
                self._before.add((row["entity"], row["side"], row["field"]))
            if row["code"] == "undone_create" and row["run"] == run:
                self._made_back.append(row)
            if row["code"] == "undone" and row["run"] == run:
                self._agreed_back.append(row)
        self._full = _holding(tx, sync, run, self._intents)

    def entity(self, state: EntityState) -> list[Undone]:
        """All that the run did to one entity. Newest last, so that what was made by it counts as a whole."""
        rows = self._intents.get(state.id, [])
        done = [row for row in rows if row["state"] == "done"]
        made = {row["side"]: row for row in done if row["kind"] == "create"}
        found = [
            self._told(state, row["side"], row["record"], None, "doubt", since=row["written_at"])
            for row in rows
            if row["closed_at"] is None or row["state"] == "unclear"
        ]
        found += [self._made(state, side, row) for side, row in sorted(made.items())]
        found += [self._again(state, row) for row in self._made_back if row["entity"] == state.id]
        archived = {row["side"] for row in self._made_back if row["entity"] == state.id}
        latest: dict[tuple[str, str], tuple[dict[str, Any], Any]] = {}
        for row in done:
            if row["kind"] == "update" and row["side"] not in made:
                for name in row["fields"]:
                    key = (row["side"], name)
                    # Of several writes to one field the first tells what was there, the last what stands there now.
                    latest[key] = (row, latest[key][1] if key in latest else (row["before"] or {}).get(name))
            elif row["kind"] in ("delete", "archive") and row["side"] not in archived:
                found.append(self._told(state, row["side"], row["record"], None, "deleted", since=row["closed_at"]))
        for (side, name), (row, was) in latest.items():
            found.append(self._field(state, side, name, row, was))
        written = {name for _, name in latest}
        unsent = [row for row in self._agreed_back if row["entity"] == state.id and row["field"] not in written]
        return found + [self._unsent(state, row) for row in unsent]

    # -- a value

    def _field(self, state: EntityState, side: str, name: str, row: dict[str, Any], was: Any) -> Undone:
        def told(how: How, **more: Any) -> Undone:
            return self._told(state, side, row["record"], name, how, **more)

        written = planned_fields(row)[name]
        agreed, link = state.agreed.get(name, Agreed()), state.links.get(side)
        if any((state.id, each, name) in self._before for each in (side, SOURCE)):
            return told("before")
        if name in state.conflicts:
            return told("asked", since=state.opened.get(name))
        if any(name in each["fields"] for each in state.intents):
            return told("doubt")
        if link is None or link.state != "live" or side not in self._sync.sides or name not in self._sync.fields:
            return told("gone")
        known = link.field(name)
        if agreed.n == written.n + 1 and (state.id, name) in {(line.entity, line.field) for line in self.audit}:
            return told("agreed", value=agreed.value)  # taken back for another side already
        if agreed.n != written.n or known.shows != written.n or written.value != known.meant(agreed).value:
            return told("edited", since=agreed.at or None, by=agreed.source or None)
        if was == UNSURE:
            return told("unsure")
        if known.instead is not None and known.instead.n == agreed.n:
            known.instead = None
            return self._owe(state, link, name, "again", agreed)
        former = self._former(state, side, name, agreed.n, was)
        if former is None:
            known.instead = Instead(agreed.n, was)
            return self._owe(state, link, name, "here", msgspec.structs.replace(agreed, value=was))
        return self._agree(state, side, row["record"], name, former.value)

    def _owe(self, state: EntityState, link: LinkState, name: str, how: How, meant: Agreed) -> Undone:
        known = link.field(name)
        known.shows = min(known.shows, meant.n - 1)
        state.touch(link.side)
        self.audit.append(Line("undone_here", state.id, link.side, name, {"value": meant.value, "n": meant.n}))
        return self._told(state, link.side, link.record, name, how, value=meant.value)

    def _former(self, state: EntityState, side: str, name: str, n: int, was: Any) -> Agreed | None:
        """The agreed value that the side had shown, if what it showed was ever agreed on."""
        equality = self._sync.equality(name)
        view = View(side=side, cur=was)
        for line in self._agreed.get((state.id, name), ()):
            if line["n"] > n or line["n"] == 0:
                continue
            if equality.shows(view, line["from"]):
                return Agreed(line["from"], line["n"] - 1)
        return None

    def _unsent(self, state: EntityState, row: dict[str, Any]) -> Undone:
        """What an undoing had decided and nothing was written of yet: a plan of it may be held."""
        name, line = row["field"], row["params"]
        agreed = state.agreed.get(name, Agreed())

        def told(how: How, **more: Any) -> Undone:
            return self._told(state, SOURCE, None, name, how, **more)

        if (state.id, SOURCE, name) in self._before:
            return told("before")
        if name in state.conflicts:
            return told("asked", since=state.opened.get(name))
        if any(name in each["fields"] for each in state.intents):
            return told("doubt")
        if agreed.n != line["n"]:
            return told("edited", since=agreed.at or None, by=agreed.source or None)
        return self._agree(state, SOURCE, None, name, line["from"])

    def _agree(self, state: EntityState, side: str, record: str | None, name: str, value: Any) -> Undone:
        """All sides are owed this value from now on."""
        agreed = state.agreed[name]
        state.agreed[name] = Agreed(value, agreed.n + 1, SOURCE, self._ports.now())
        state.dirty = True
        params = {"from": agreed.value, "to": value, "n": agreed.n + 1}
        self.audit.append(Line("undone", state.id, SOURCE, name, params))
        return self._told(state, side, record, name, "agreed", value=value)

    # -- a record

    def _made(self, state: EntityState, side: str, row: dict[str, Any]) -> Undone:
        def told(how: How, **more: Any) -> Undone:
            return self._told(state, side, row["record"], None, how, **more)

        link = state.links.get(side)
        if (state.id, side, None) in self._before or (link and link.state in ("leaving", "archived", "declined")):
            return told("before")
        if link is None or link.record != row["record"] or link.state != "live" or side not in self._sync.sides:
            return told("gone")
        if state.conflicts:
            return told("asked", since=min(state.opened.values(), default=None))
        if any(each["side"] == side for each in state.intents):
            return told("doubt")
        edits = [each for name, each in state.agreed.items() if self._edited(state, side, name, each, row)]
        if edits:
            return told("edited", since=max(each.at for each in edits), by=side)
        if (state.id, side.partition(".")[0]) in self._full:
            return told("holds")
        able = self._sync.sides[side].abilities.archive
        link.state = "leaving" if able else "declined"
        state.touch(side)
        self.audit.append(Line("undone_create", state.id, side, None, {"record": link.record, "state": link.state}))
        return told("archive" if able else "decline")

    def _edited(self, state: EntityState, side: str, name: str, agreed: Agreed, row: dict[str, Any]) -> bool:
        """Whether somebody set the field on the record that was made. What the service itself filled in is no edit."""
        if agreed.source != side:
            return False
        shown = state.records.get(side)
        untouched = shown is not None and (shown["modified_at"] or "") <= row["closed_at"]
        return not (agreed.n == 0 and (untouched or (state.id, side, name) in self._first))

    def _again(self, state: EntityState, row: dict[str, Any]) -> Undone:
        """What an undoing had set apart is kept in step again."""
        side, record = row["side"], row["params"]["record"]
        link, shown = state.links.get(side), state.records.get(side)
        if (state.id, side, None) in self._before:
            return self._told(state, side, record, None, "before")
        if any(each["side"] == side for each in state.intents):
            return self._told(state, side, record, None, "doubt")
        mine = self._sync.sides.get(side)
        if link is None or mine is None or link.state not in ("leaving", "archived", "declined"):
            return self._told(state, side, record, None, "gone")
        if shown is None or shown["deleted"]:
            return self._told(state, side, record, None, "gone")
        if shown["shown"].get("archived") and self._sync.can(mine, "archived") in KEPT_WRITTEN:
            # Out of the archive by our hand: what it shows there is no edit, and no side is to follow it.
            agreed = state.agreed.get("archived", Agreed())
            state.agreed["archived"] = Agreed(False, agreed.n + 1, SOURCE, self._ports.now())
            link.field("archived").shadow = shown["shown"]["archived"]
        link.state = "live"
        state.dirty = True
        state.touch(side)
        self.audit.append(Line("undone_create", state.id, side, None, {"record": record, "state": "live"}))
        return self._told(state, side, record, None, "again")

    def _told(
        self, state: EntityState, side: str, record: str | None, name: str | None, how: How, **more: Any
    ) -> Undone:
        return Undone(entity=state.id, title=state.title, side=side, record=record, field=name, how=how, **more)


def _holding(tx: Tx, sync: Sync, run: str, intents: dict[str, list[dict[str, Any]]]) -> set[tuple[str, str]]:
    """(entity, connection) of records that the run made and that hold something else by now: archiving them would put
    away what others have put there. One pass over the entities, and only if the run made anything."""
    made = {id for id, rows in intents.items() if any(row["kind"] == "create" for row in rows)}
    if not made:
        return set()
    inside: dict[str, set[str]] = {}
    for id, agreed in tx.connection.execute(sa.select(t.entity.c.id, t.entity.c.agreed)):
        for value in agreed.values():
            if isinstance(value["value"], str) and value["value"] in made:
                inside.setdefault(id, set()).add(value["value"])
    found = set()
    for part in chunks(sorted(inside), 400):
        ours = sa.select(t.intent.c.entity, t.intent.c.side).where(
            t.intent.c.run == run, t.intent.c.kind == "create", t.intent.c.entity.in_(part)
        )
        same_run = {(row["entity"], row["side"]) for row in tx.all(ours)}
        links = sa.select(t.link.c.entity, t.link.c.side).where(t.link.c.entity.in_(part), t.link.c.state == "live")
        for row in tx.all(links):
            if (row["entity"], row["side"]) not in same_run:
                found |= {(whole, row["side"].partition(".")[0]) for whole in inside[row["entity"]]}
    return found
