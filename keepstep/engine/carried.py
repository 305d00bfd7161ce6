"""What is carried from the side where it was made to the others, and never back: a task's comments.

A sync of such things is one like any other, with four differences. A thing belongs to it by what it lies under. Only
the record that it began with says what it is. The others are copies: nothing they show is taken in, and one that a
person has edited is left as it stands. And what was there before its task was linked stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine.ports import Ports
from keepstep.engine.references import PLACE, References
from keepstep.engine.state import EntityState, LinkState
from keepstep.engine.world import Carried, Side, Sync, World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.fields import Mapper
from mapping.model import CONTENT, REQUIRED_PARENT, Kind

JOINER = "\u2060"
"""A word joiner: no eye sees it, and no service takes what follows for a name."""

_MENTION = re.compile(r"(?<![\w@])@(?=\w)")
_SIGNS = re.compile(r"[\[\]<>*`|\\#\s]+")
NAME = 80
"""Characters of an author's name that are kept."""


def carrying(sync: Sync, name: str, kind: Kind, largest: int = 0, **rules: Any) -> Sync:
    """The sync of what lies under the things of another one, on every side whose connection has a stream of it.

    ``rules`` are those of ``Carried``. Its name cannot be that of a configured sync, which has no dot.
    """
    sides: dict[str, Side] = {}
    under: dict[str, set[str]] = {}
    for above in sync.sides.values():
        for side in beneath(above, kind):
            sides[side.name] = side
            under.setdefault(side.name, set()).add(above.name)
    open_to = {name for name, side in sides.items() if shown_to_clients(side)}
    return Sync(
        name=f"{sync.name}.{name}",
        kind=kind,
        sides=sides,
        mode=sync.mode,
        create={name: {} for name in sides if name not in open_to},
        deletes=sync.deletes,
        zone=sync.zone,
        largest=largest,
        carried=Carried(sync.name, {side: frozenset(each) for side, each in under.items()}, **rules),
    )


def beneath(above: Side, kind: Kind) -> Iterator[Side]:
    """Where its connection keeps what lies under its things: each stream of that kind."""
    for stream, mapper in above.connection.mappers.items():
        if kind in mapper.kinds and stream != above.stream and _lies(mapper, kind, above.stream):
            yield Side(above.connection, stream)


def tell(tx: Tx, ports: Ports, syncs: Iterable[Sync]) -> None:
    """What rides with a sync and goes nowhere: only one side has such things, or a client would see them."""
    there: dict[str, Finding] = {}
    for sync in syncs:
        if sync.carried is None:
            if sync.largest and sum(sync.copies(side) for side in sync.sides.values()) < 2:
                key = f"nothing_copied:{sync.name}"
                there[key] = Finding(key=key, code="nothing_copied", severity="warning", params={"sync": sync.name})
            continue
        parent, _, what = sync.name.partition(".")
        if len(sync.sides) < 2:
            key = f"nothing_rides:{sync.name}"
            there[key] = Finding(
                key=key, code="nothing_rides", severity="warning", params={"sync": parent, "what": what}
            )
            continue
        for name, side in sync.sides.items():
            if shown_to_clients(side):
                key = f"client_would_see:{sync.name}:{name}"
                there[key] = Finding(
                    key=key, code="client_would_see", severity="info", params={"side": name, "what": what}
                )
    findings.report(tx, list(there.values()), ports.now(), ports.new_id)
    told = sa.select(t.finding.c.key).where(
        t.finding.c.code.in_(("nothing_rides", "nothing_copied", "client_would_see")),
        t.finding.c.state.in_(findings.OPEN),
    )
    over = [row["key"] for row in tx.all(told) if row["key"] not in there]
    findings.close(tx, over, ports.now())


def shown_to_clients(side: Side) -> bool:
    """Whether people outside the company would see what is created there: nothing is carried to it."""
    return side.abilities.audience == "client"


def _lies(mapper: Mapper, kind: Kind, stream: str) -> bool:
    """Whether a thing of that stream's mapping can lie under a record of another stream."""
    place = {REQUIRED_PARENT[kind]: {"stream": stream, "id": "0"}}
    return not mapper.unmap(kind, place).losses


class Withheld(msgspec.Struct, frozen=True):
    """Why a file stays where it is. ``code``: of the finding that says so; None where there is nothing to say."""

    code: str | None = None
    size: int = 0
    limit: int = 0


# -- which things belong to it


def behind(tx: Tx, world: World, sync: Sync) -> bool:
    """Whether the sync of what the things lie under has yet to match what its sides showed: it goes first."""
    if sync.carried is None:
        return False
    position = sa.select(t.position.c.n).where(t.position.c.sync == sync.carried.parent).scalar_subquery()
    log = t.change_log.c
    news = sa.exists().where(
        log.n > sa.func.coalesce(position, 0), log.side.in_(list(world.syncs[sync.carried.parent].sides))
    )
    return bool(tx.scalar(sa.select(news)))


def belonging(tx: Tx, sync: Sync, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the records that lie under a thing of the parent sync, in few queries however many there are."""
    if sync.carried is None:
        return list(rows)
    name = REQUIRED_PARENT[sync.kind]
    lying: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for row in rows:
        above = row["shown"].get(name)
        side = f"{row['side'].partition('.')[0]}.{above['stream']}" if above else ""
        if side in sync.carried.under[row["side"]]:
            lying.setdefault(side, []).append((above["id"], row))
    found = []
    for side in sorted(lying):
        there: set[str] = set()
        for part in chunks(sorted({id for id, _ in lying[side]}), 400):
            query = (
                sa.select(t.link.c.record)
                .join(t.entity, t.entity.c.id == t.link.c.entity)
                .where(t.link.c.side == side, t.link.c.record.in_(part), t.entity.c.sync == sync.carried.parent)
            )
            there.update(row["record"] for row in tx.all(query))
        found += [row for id, row in lying[side] if id in there]
    return found


# -- what copies are


def is_copy(state: EntityState, sync: Sync, side: str) -> bool:
    """Whether that side's record is, or would be, a copy of one that was made elsewhere."""
    origin = state.origin
    return sync.carried is not None and origin is not None and origin.side != side


def rests(state: EntityState, sync: Sync, references: References) -> bool:
    """Whether nothing may be done about a thing now, because of what it lies under."""
    if sync.carried is None:
        return False
    above = references.above(state.under)
    return above is None or above.parked or above.sync != sync.carried.parent


def lies_there(state: EntityState, sync: Sync, side: str, references: References) -> bool:
    """Whether what it lies under is alive on that side: what goes with its task has not been deleted by itself."""
    if sync.carried is None:
        return True
    above = references.above(state.under)
    return above is not None and any(name in above.live for name in sync.carried.under[side])


def follows(state: EntityState, sync: Sync, side: Side, references: References) -> bool:
    """Whether it is carried to that side: what it lies under is linked on both, and was when it was made.

    What Keepstep itself has put on a side, or seen from its beginning, was linked all its life.
    """
    carried, origin = sync.carried, state.origin
    if carried is None:
        return True
    above = references.above(state.under)
    if above is None or origin is None:
        return False
    ends = [
        next((above.live[name] for name in sorted(carried.under[end]) if name in above.live), None)
        for end in (origin.side, side.name)
    ]
    if None in ends:
        return False
    record = state.records.get(origin.side)
    made = state.value("created") or (record["created_at"] if record else None) or origin.linked_at
    return carried.older or all(
        end is not None and (made >= end.linked_at or (end.whole and not above.old)) for end in ends
    )


def withheld(state: EntityState, sync: Sync, side: Side, references: References) -> Withheld | None:
    """Why a file is not carried to that side: too large, without bytes that can be read, or there already."""
    origin = state.origin
    if sync.copies(side):
        return _not_copied(state, sync, side, references)
    if sync.carried is None or not sync.largest or origin is None:
        return None
    size, limit = state.value("size"), min(sync.largest, side.abilities.content)
    if size is not None and size > limit:
        return Withheld("file_too_large", size, limit)
    known = state.agreed.get(CONTENT)
    if known is None:
        return None
    if known.value is None:
        return Withheld("file_unreadable")
    return Withheld() if known.value in references.held(state.under, side.name) else None


def _not_copied(state: EntityState, sync: Sync, side: Side, references: References) -> Withheld | None:
    link = source(state, sync)
    if link is None:
        alive = any(each.state == "live" and sync.copies(sync.sides[each.side]) for each in _links(state, sync))
        # A link from elsewhere is no file; one without bytes is in its service's own format.
        return Withheld("document_without_bytes" if alive else None)
    if CONTENT in state.conflicts:
        return Withheld()
    if state.records[link.side]["shown"][CONTENT] in references.held(state.value(PLACE), side.name):
        return Withheld()
    return too_large(state, sync, link, side)


def too_large(state: EntityState, sync: Sync, link: LinkState, side: Side) -> Withheld | None:
    """Whether a document has more bytes than may be copied to that side, as far as its own side tells."""
    size, limit = state.records[link.side]["shown"].get("size"), min(sync.largest, side.abilities.content)
    return Withheld("file_too_large", size, limit) if size is not None and size > limit else None


def source(state: EntityState, sync: Sync) -> LinkState | None:
    """The record whose bytes are carried: what a thing began with; of a document one that shows what is agreed."""
    if sync.carried is not None:
        return state.origin
    agreed = state.value(CONTENT)
    found = [
        link
        for link in _links(state, sync)
        if link.state == "live"
        and sync.copies(sync.sides[link.side])
        and state.records.get(link.side, {"shown": {}})["shown"].get(CONTENT) is not None
    ]
    found.sort(key=lambda link: (state.records[link.side]["shown"][CONTENT] != agreed, not link.first, link.side))
    return found[0] if found else None


def _links(state: EntityState, sync: Sync) -> list[LinkState]:
    return [link for link in state.links.values() if link.side in sync.sides]


def of_its_own(state: EntityState, sync: Sync, side: str, name: str) -> bool:
    """Whether a field is that record's own affair: the address of a copy is not the document's."""
    if name != "url" or not sync.copies(sync.sides[side]):
        return False
    origin = state.origin
    return origin is not None and origin.side != side


def worded(state: EntityState, sync: Sync, side: str, name: str, value: Any, references: References) -> Any:
    """A value as a copy shows it: a text with author and time in its first line, in which nobody is called by name."""
    carried = sync.carried
    if carried is None or name != carried.text or value is None or not is_copy(state, sync, side):
        return value
    author = state.value("author")
    called = _SIGNS.sub(" ", references.people.name(author)).strip()[:NAME] if author else None
    origin = state.origin
    at = state.value("created") or (origin.linked_at if origin else state.created_at)
    moment = datetime.fromisoformat(at).astimezone(sync.zone)
    return _MENTION.sub(f"@{JOINER}", f"{carried.heading(called, moment.strftime('%Y-%m-%d %H:%M'))}\n\n{value}")


def edited(state: EntityState, sync: Sync, side: str) -> bool:
    """Whether a person has edited a copy since it was written."""
    carried, link, record = sync.carried, state.links.get(side), state.records.get(side)
    if carried is None or carried.text is None or link is None or record is None or not is_copy(state, sync, side):
        return False
    known = link.fields.get(carried.text)
    return known is not None and known.shows >= 0 and record["shown"].get(carried.text) != known.shadow


def stir(tx: Tx, carrying: Iterable[Carried | None], sync: Sync, moved: Mapping[str, EntityState]) -> None:
    """What lies under these things may be wanted elsewhere now that they have moved."""
    if any(carried is not None and carried.parent == sync.name for carried in carrying):
        for part in chunks(sorted(moved), 400):
            tx.execute(sa.update(t.entity).where(t.entity.c.under.in_(part)).values(owing=True))
