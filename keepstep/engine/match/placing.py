"""Where a batch of unlinked records belongs: decided one after the other, over facts that were fetched at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.match.addresses import Place, pointing
from keepstep.engine.match.keys import MOST, alike
from keepstep.engine.match.linking import link_records, link_row, made_in_oblivion, proposal_row
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.model import TITLE

OURS = re.compile("[0-9A-Za-z:_.-]{1,200}")
"""What an id of ours looks like. A marker was read from a service, where anybody may have written it."""

MENTIONS = 3
"""Records that point at one, or that one points at, up to which it is worth asking: beyond, they only mention it."""


class Placing:
    """One batch. ``place`` decides in memory; ``store`` writes what came of it."""

    def __init__(
        self, tx: Tx, ports: Ports, sync: Sync, loose: Sequence[dict[str, Any]], moved: Sequence[dict[str, Any]]
    ) -> None:
        self._tx, self._ports, self._sync = tx, ports, sync
        self.entities: list[dict[str, Any]] = []
        self.proposals: list[dict[str, Any]] = []
        self.linked = 0
        self.held = 0
        self._links: list[dict[str, Any]] = []
        self._findings: list[Finding] = []
        self._creating = self._open_creates()
        self._alike = alike(tx, sync, [row["match_key"] for row in (*loose, *moved) if row["match_key"]])
        # Each of the things that are carried begins with a record of its own: that one names another is no sign.
        seeking = () if sync.carried else [(row["side"], row["id"]) for row in loose]
        self._pairs = pointing(tx, sync, seeking)
        batch = set(self._pairs)
        peers = {peer for mine in self._pairs.values() for peer in mine} - batch
        self._pairs |= pointing(tx, sync, peers)
        self._entity_of = self._placed(peers)
        marked = [row["marker"] for row in loose if row["marker"]]
        reached = {*marked, *(row["entity"] for row in moved), *(id for id in self._entity_of.values() if id)}
        self._known = self._existing(marked)
        self._linked = self._ties(loose)
        self._tied: list[dict[str, Any]] = []
        self._left = made_in_oblivion(tx) if any(row["ours"] for row in loose) else lambda row: False
        self._places = self._taken(reached)
        self._asked = self._asked_before([row["entity"] for row in moved])

    # -- the facts

    def _open_creates(self) -> dict[str, set[str]]:
        """Side -> the entities for which a create there is open."""
        query = sa.select(t.intent.c.side, t.intent.c.entity).where(
            t.intent.c.side.in_(list(self._sync.sides)), t.intent.c.kind == "create", t.intent.c.closed_at.is_(None)
        )
        found: dict[str, set[str]] = {}
        for row in self._tx.all(query):
            found.setdefault(row["side"], set()).add(row["entity"])
        return found

    def _placed(self, peers: Iterable[Place]) -> dict[Place, str | None]:
        """The entity of each record that the batch's keys and pointers lead to."""
        wanted: dict[str, set[str]] = {}
        for side, id in peers:
            wanted.setdefault(side, set()).add(id)
        for groups in self._alike.values():
            for side, group in groups.items():
                wanted.setdefault(side, set()).update(group.ids)
        found: dict[Place, str | None] = {}
        for side in sorted(wanted):
            for part in chunks(sorted(wanted[side]), 400):
                query = sa.select(t.record.c.id, t.record.c.entity).where(
                    t.record.c.side == side, t.record.c.id.in_(part)
                )
                found.update(((side, row["id"]), row["entity"]) for row in self._tx.all(query))
        return found

    def _ties(self, loose: Sequence[Mapping[str, Any]]) -> dict[Place, str]:
        """The entities of those records that are linked, though nothing was held of them: made, and gone at once."""
        wanted: dict[str, list[str]] = {}
        for row in loose:
            wanted.setdefault(row["side"], []).append(row["id"])
        found: dict[Place, str] = {}
        for side in sorted(wanted):
            for part in chunks(sorted(wanted[side]), 400):
                query = sa.select(t.link.c.record, t.link.c.entity).where(
                    t.link.c.side == side, t.link.c.record.in_(part)
                )
                found.update(((side, row["record"]), row["entity"]) for row in self._tx.all(query))
        return found

    def _existing(self, entities: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for part in chunks(sorted(set(entities)), 400):
            found.update(row["id"] for row in self._tx.all(sa.select(t.entity.c.id).where(t.entity.c.id.in_(part))))
        return found

    def _taken(self, entities: Iterable[str]) -> dict[str, dict[str, str]]:
        """Entity -> side -> the record that has the place, alive or gone."""
        found: dict[str, dict[str, str]] = {}
        for part in chunks(sorted(set(entities)), 400):
            query = sa.select(t.link.c.entity, t.link.c.side, t.link.c.record).where(t.link.c.entity.in_(part))
            for row in self._tx.all(query):
                found.setdefault(row["entity"], {})[row["side"]] = row["record"]
        return found

    def _asked_before(self, entities: Iterable[str]) -> set[frozenset[str]]:
        """Pairs of entities about which a person was asked already, whatever the answer."""
        found: set[frozenset[str]] = set()
        for part in chunks(sorted(set(entities)), 400):
            query = sa.select(t.proposal.c.entity, t.proposal.c.other).where(
                sa.or_(t.proposal.c.entity.in_(part), t.proposal.c.other.in_(part))
            )
            found.update(frozenset((row["entity"], row["other"])) for row in self._tx.all(query))
        return found

    # -- the decisions

    def place(self, row: dict[str, Any], old: bool) -> str | None:
        """The entity that the record belongs to now: found, or new. None: it is held back.

        ``old``: it was there before the hub began.
        """
        side, marker = row["side"], row["marker"]
        linked = self._linked.get((side, row["id"]))
        if linked is not None:
            row["entity"] = linked
            self._tied.append({"side": side, "id": row["id"], "entity": linked})
            return linked
        creating = self._creating.get(side, ())
        if marker in self._known:
            if marker in creating:
                self.held += 1  # recovery adopts it, with the versions that it carried
                return None
            taken = self._places.get(marker, {}).get(side)
            if taken is None:
                return self._link(row, marker, {"by": "marker"})
            self._tell("twin", row, entity=marker, first=taken)
            return None
        if self._ours(row, old) or (creating and self._sync.sides[side].abilities.marker == "none"):
            # Made by our account and not linked: never new. Where a stream shows neither author nor marker, every
            # new record may be the one that an open create has made.
            if not creating and self._sync.carried is None:
                self._tell("made_unknown", row, marked=marker is not None)
            elif not creating and not old:
                self._tell("own_left", row)
            self.held += 1
            return None
        pointed, mentions = self._pointed(row, old)
        entity, taken = self._by_key(row) if len(pointed) != 1 else (next(iter(pointed)), None)
        if entity in creating:
            self.held += 1  # whether the place is free is not known before it is known what the create made
            return None
        if taken is not None:
            self._tell("taken_place", row, entity=taken, first=self._places[taken][side])
            return None
        if entity is not None:
            by_key = {"by": "key", "keys": list(self._sync.match), "value": row["match_key"]}
            return self._link(row, entity, pointed[entity] if len(pointed) == 1 else by_key)
        return self._begin(row, old, pointed | mentions)

    def _ours(self, row: Mapping[str, Any], old: bool) -> bool:
        """Whether our account made it lately. A thing that is carried is ours at any age, or it would be carried back;
        and a person's who shares our account, if it lacks the marker that each of ours is made with."""
        if self._sync.carried is None:
            return bool(row["ours"]) and not old
        marked = self._sync.sides[row["side"]].abilities.marker in ("in_create", "unique_field")
        return row["marker"] is not None or (row["ours"] and not (marked and not old))

    def _pointed(self, row: Mapping[str, Any], old: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """Entities that the record and no other of its side points at, or is pointed at from; and those in doubt.

        What came later and only mentions something is in doubt: nobody looks over its links before they are used. A
        taken place is no trouble here: people mention things.
        """
        here = (row["side"], row["id"])
        sure: dict[str, Any] = {}
        doubtful: dict[str, Any] = {}
        by_side: dict[str, list[Place]] = {}
        for peer in self._pairs.get(here, ()):
            by_side.setdefault(peer[0], []).append(peer)
        for side in sorted(by_side):
            peers = sorted(by_side[side])
            for peer in peers:
                entity = self._entity_of.get(peer)
                back = [each for each in self._pairs.get(peer, ()) if each[0] == row["side"]]
                if entity is None or not self._free(entity, row["side"]) or max(len(back), len(peers)) > MENTIONS:
                    continue
                evidence = {"by": "pointer", "records": [":".join(peer)]}
                alone = len(back) == len(peers) == 1
                (sure if alone and (old or self._pairs[here][peer]) else doubtful)[entity] = evidence
        return sure, doubtful

    def _by_key(self, row: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """The one entity that the declared key leads to, if the key is unique on this side and on the others.

        In the second place if another record has the place there: a finding, never a second entity.
        """
        groups = self._alike.get(row["match_key"], {}) if row["match_key"] else {}
        if not groups or any(group.count > 1 for group in groups.values()):
            return None, None
        found = {self._entity_of.get((side, group.ids[0])) for side, group in groups.items() if side != row["side"]}
        entities = {entity for entity in found if entity is not None}
        if len(entities) != 1:
            return None, None
        entity = entities.pop()
        return (entity, None) if self._free(entity, row["side"]) else (None, entity)

    def _begin(self, row: dict[str, Any], old: bool, doubtful: dict[str, Any]) -> str:
        # A marker of ours that leads nowhere was written before the store went back in time, or was begun anew: records
        # that carry the same one were one entity, and find each other by it again.
        marker = row["marker"] if row["marker"] and OURS.fullmatch(row["marker"]) else None
        entity = marker or self._ports.new_id()
        self._known.add(entity)
        self.entities.append(
            {
                "id": entity,
                "sync": self._sync.name,
                "kind": self._sync.kind.value,
                "agreed": {},
                "parked": False,
                "old": old,
                "owing": False,
                "created_at": self._ports.now(),
            }
        )
        self._tie(row, entity, None)
        if self._sync.carried is None and self._left(row):
            self._tell("own_left", row)
        for other, evidence in self._candidates(row, unique=False).items():
            doubtful.setdefault(other, evidence)
        for other in sorted(doubtful):
            if other != entity and self._free(other, row["side"]):
                self._ask(entity, other, doubtful[other])
        return entity

    def _candidates(self, row: Mapping[str, Any], *, unique: bool) -> dict[str, Any]:
        """Entities on other sides whose records have this record's key."""
        found: dict[str, Any] = {}
        groups = self._alike.get(row["match_key"], {}) if row["match_key"] else {}
        for side in sorted(groups):
            for id in groups[side].ids[:MOST] if side != row["side"] else ():
                entity = self._entity_of.get((side, id))
                if entity is not None:
                    found[entity] = {"by": "key", "keys": list(self._sync.match), "value": row["match_key"]} | {
                        "unique": unique
                    }
        return found

    def ask_again(self, row: Mapping[str, Any]) -> None:
        """A record's key has moved to where another entity's is: whether they are one is for a person to say."""
        entity = row["entity"]
        groups = self._alike.get(row["match_key"], {})
        if any(group.count > 1 for group in groups.values()):
            return
        for other, evidence in self._candidates(row, unique=True).items():
            mine, theirs = self._places.get(entity, {}), self._places.get(other, {})
            if other != entity and mine and theirs and not mine.keys() & theirs.keys():
                self._ask(entity, other, evidence)

    # -- what comes of it

    def _free(self, entity: str, side: str) -> bool:
        return side not in self._places.get(entity, {})

    def _link(self, row: dict[str, Any], entity: str, evidence: Mapping[str, Any]) -> str:
        self._tie(row, entity, evidence)
        self.linked += 1
        return entity

    def _tie(self, row: dict[str, Any], entity: str, evidence: Mapping[str, Any] | None) -> None:
        row["entity"] = entity
        self._links.append(link_row(row, entity, self._ports.now(), evidence=evidence))
        self._entity_of[(row["side"], row["id"])] = entity
        self._places.setdefault(entity, {})[row["side"]] = row["id"]

    def _ask(self, entity: str, other: str, evidence: Mapping[str, Any]) -> None:
        pair = frozenset((entity, other))
        if pair not in self._asked:
            self._asked.add(pair)
            self.proposals.append(proposal_row(self._ports, self._sync.name, entity, other, evidence))

    def _tell(self, code: str, row: Mapping[str, Any], *, entity: str | None = None, **more: str | bool) -> None:
        """Tell of a record. ``own_left``: ours, and nothing is amiss; all others are for a person to settle."""
        # The same record in the same trouble, whether or not the thing that it doubles is known.
        key = "twin" if code == "made_unknown" else code
        params = {"side": row["side"], "record": row["id"], "title": row["shown"].get(TITLE[self._sync.kind])}
        self._findings.append(
            Finding(
                key=f"{key}:{row['side']}:{row['id']}",
                code=code,
                severity="info" if code == "own_left" else "error",
                sync=self._sync.name,
                entity=entity,
                params={**params, "url": row["url"], **more},
            )
        )

    def store(self) -> None:
        """Write the new entities, links, questions and findings."""
        tx = self._tx
        tx.insert(t.entity, self.entities)
        link_records(tx, self._links)
        tx.change(t.record, self._tied)
        tx.insert(t.proposal, self.proposals)
        findings.report(tx, self._findings, self._ports.now(), self._ports.new_id)
