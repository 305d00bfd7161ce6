"""Take back what one run wrote: where the value is still what that run wrote, and nowhere else.

A value that all sides had agreed on before is agreed on again, as if a person had set it back: every side is owed it. A
value that only the written side had shown goes back to that side alone, and the others keep theirs. A record that was
made goes into the archive, never into the bin, or is left where there is none; either way it is not made anew until the
undoing is undone. All of it is a stored fact before anything is sent, so a crash in between loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.made import SOURCE
from keepstep.engine.observe import LEASE
from keepstep.engine.owed import Operation, owed, title
from keepstep.engine.ports import Ports
from keepstep.engine.references import References
from keepstep.engine.settle import planned_fields
from keepstep.engine.state import EntityState, Instead, LinkState, load, save
from keepstep.engine.world import Sync, World
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.merge import UNSURE, Agreed, View

BATCH = 200

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


class Undoing:
    """What one run of one sync did, and taking it back. ``only``: no other entities than these."""

    def __init__(self, ports: Ports, world: World, sync: Sync, run: str, only: Collection[str] | None = None) -> None:
        self._ports = ports
        self._world = world
        self._sync = sync
        self._run = run
        self._only = only
        with ports.store.read() as tx:
            self.entities = self._concerned(tx)

    def _concerned(self, tx: Tx) -> list[str]:
        wrote = sa.select(t.intent.c.entity).where(t.intent.c.run == self._run, t.intent.c.sync == self._sync.name)
        undid = sa.select(t.audit.c.entity).where(t.audit.c.run == self._run, t.audit.c.code.in_(UNDONE))
        found = {row["entity"] for query in (wrote, undid) for row in tx.all(query.distinct())}
        return sorted(found if self._only is None else found & set(self._only))

    @contextmanager
    def rehearsed(self) -> Iterator[tuple[Tx, list[Undone], list[Operation]]]:
        """What would be taken back, and the writes that follow, within a transaction that is rolled back."""
        with self._ports.store.rehearse() as tx:
            done: list[Undone] = []
            operations: list[Operation] = []
            for part in chunks(self.entities, BATCH):
                done += self._step(tx, part, None, "")
                states = load(tx, part)
                references = References(tx, self._world)
                references.prepare(self._sync, states.values())
                operations += owed(states.values(), self._sync, references, lambda state: True).operations
            yield tx, done, operations

    def decide(self, by: str) -> str | None:
        """Make it a fact that all of it is taken back; the writes are owed from now on. Safe to repeat.

        Returns the id of the run that is to carry it out, by which it can be undone in turn; None while another
        worker has the sync.
        """
        ports = self._ports
        lease = ports.store.acquire(f"sync:{self._sync.name}", ports.holder, LEASE)
        if lease is None:
            return None
        run = ports.new_id()
        try:
            with ports.store.write(lease) as tx:
                tx.insert(t.audit, [self._row(run, Line("undo", None, None, None, {}), by)])
            for part in chunks(self.entities, BATCH):
                with ports.store.write(lease) as tx:
                    self._step(tx, part, run, by)
                    ports.fence.point("undo.storing")
                ports.fence.point("undo.stored")
        finally:
            ports.store.release(lease)
        return run

    # -- one batch

    def _step(self, tx: Tx, entities: Sequence[str], run: str | None, by: str) -> list[Undone]:
        states = load(tx, entities)
        batch = Batch(tx, self._ports, self._sync, self._run, states)
        done = [each for state in states.values() for each in batch.entity(state)]
        now = self._ports.now()
        for state in states.values():
            if state.dirty or state.dirty_links:
                state.owing = state.dirty = True
        tx.insert(t.audit, [self._row(run, line, by) for line in batch.audit])
        tx.upsert(t.due, [{"sync": self._sync.name, "entity": s.id, "since": now} for s in states.values() if s.dirty])
        save(tx, states.values(), now)
        return done

    def _row(self, run: str | None, line: Line, by: str) -> dict[str, Any]:
        row = line._asdict() | {"params": {"of": self._run, "sync": self._sync.name, "by": by, **line.params}}
        return row | {"at": self._ports.now(), "run": run}


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
        for row in lines:
            if row["code"] in ("agreed", "undone"):
                self._agreed.setdefault((row["entity"], row["field"]), []).append(row["params"])
                if row["run"] == run and row["params"]["n"] == 0:
                    self._first.add((row["entity"], row["side"], row["field"]))
            if row["code"] in UNDONE and row["params"]["of"] == run:
                self._before.add((row["entity"], row["side"], row["field"]))
            if row["code"] == "undone_create" and row["run"] == run:
                self._made_back.append(row)
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
        return found

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
        if link is None or link.state != "live" or side not in self._sync.sides:
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
        state.agreed[name] = Agreed(former.value, agreed.n + 1, SOURCE, self._ports.now())
        state.dirty = True
        params = {"from": agreed.value, "to": former.value, "n": agreed.n + 1}
        self.audit.append(Line("undone", state.id, SOURCE, name, params))
        return told("agreed", value=former.value)

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
        if shown["shown"].get("archived") and mine.mapper.mode(self._sync.kind, "archived") == "both":
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
        called = title(state, self._sync)
        return Undone(entity=state.id, title=called, side=side, record=record, field=name, how=how, **more)


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


def sync_of(tx: Tx, run: str) -> str | None:
    """The sync that a run was of; None if there is no such run."""
    for query in (
        sa.select(t.run.c.sync).where(t.run.c.id == run),
        sa.select(t.intent.c.sync).where(t.intent.c.run == run).limit(1),
    ):
        found = tx.scalar(query)
        if found is not None:
            return str(found)
    line = tx.one(sa.select(t.audit.c.params).where(t.audit.c.run == run, t.audit.c.code == "undo").limit(1))
    return str(line["params"]["sync"]) if line is not None else None
