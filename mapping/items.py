"""Ordered lists of items, such as a task's checklist: what each side did to its items, and one list of all of it.

Every side gives the items ids of its own. Between sides an item is known by one shared id; ``pair`` keeps which own id
stands for which shared one. All else here speaks of shared ids only.

An item may say under which heading it stands (``UNDER``). That is where it is put on a side that makes it anew, and no
part of the merge: what a side calls its lists, and which of its items it puts where, is its own affair afterwards.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

Item = Mapping[str, Any]
Items = Sequence[Item]
Ids = dict[str, str]
"""Own id -> shared id."""

PARTS: Final = ("text", "done")
"""What an item holds besides its place."""

UNDER: Final = "under"
"""Key of the heading; left out where there is none."""


class Look(NamedTuple):
    """What a side showed when it was last taken in, and shows now. ``at``: when it was changed last."""

    side: str
    before: Items
    after: Items
    at: str | None = None


class Changes(NamedTuple):
    """What a side did to its items, by id."""

    edited: dict[str, Item]
    removed: dict[str, Item]
    """As they were."""
    placed: dict[str, str | None]
    """What is new or was moved -> the item that it comes after, of those that stayed; None: the first."""


def alike(a: Any, b: Any) -> bool:
    """The same items in the same order, whatever their ids."""
    return [_parts(each) for each in a or ()] == [_parts(each) for each in b or ()]


def pair(own: Iterable[Items], shared: Items, known: Mapping[str, str]) -> Ids:
    """Which shared item each of a side's own is; ``own``: what it showed, and what it shows now.

    An item that nothing is known of is the first that has its text and no partner yet; else it is new, and its own id
    becomes the shared one, unless another item has that.
    """
    found: Ids = {}
    names = {each["id"] for each in shared}
    taken = names | set(known.values())
    for items in own:
        here = {each["id"] for each in items}
        partners = {id for each, id in {**known, **found}.items() if each in here}
        free = [each for each in shared if each["id"] not in partners]
        for item in items:
            id = item["id"]
            target = found.get(id) or known.get(id)
            if target is not None and target in names:
                found[id] = target
                continue
            # Also one whose partner is gone: the list may have been put together anew, under other ids.
            twin = next((each for each in free if each["text"] == item["text"]), None)
            if twin is not None:
                free.remove(twin)
                found[id] = twin["id"]
                continue
            if target is not None:
                found[id] = target
                continue
            number, fresh = 1, id
            while fresh in taken:
                number += 1
                fresh = f"{id}~{number}"
            taken.add(fresh)
            found[id] = fresh
    return found


def translated(items: Any, ids: Mapping[str, str]) -> Any:
    """The list with other ids; one that has no counterpart keeps its own. None stays None."""
    return [{**each, "id": ids.get(each["id"], each["id"])} for each in items] if items is not None else None


def changes(before: Items, after: Items) -> Changes:
    """What leads from one list to the other, with as few moves as possible."""
    was, now = {each["id"]: each for each in before}, {each["id"]: each for each in after}
    rank = {id: number for number, id in enumerate(was)}
    common = [id for id in now if id in was]
    stays = longest_rise([rank[id] for id in common])
    placed: dict[str, str | None] = {}
    last: str | None = None
    for id in now:
        if id in was and rank[id] in stays:
            last = id
        else:
            placed[id] = last
    return Changes(
        edited={id: now[id] for id in common if _parts(was[id]) != _parts(now[id])},
        removed={id: each for id, each in was.items() if id not in now},
        placed=placed,
    )


def contested(agreed: Items, looks: Sequence[Look]) -> dict[str, list[str | None]]:
    """Items that are wanted in different ways -> the sides that do; None among them: and the agreed list.

    Two sides may say different things; or one says something against what was agreed since, which it was not shown.
    What was edited on one side and removed on another is asked about as well.
    """
    there = {each["id"]: each for each in agreed}
    before = {look.side: {each["id"]: each for each in look.before} for look in looks}
    made = {look.side: changes(look.before, look.after) for look in looks}
    touched = dict.fromkeys(id for each in made.values() for id in (*each.edited, *each.removed, *each.placed))
    found: dict[str, list[str | None]] = {}
    for id in touched:
        now = there.get(id)
        editors = {side: each.edited[id] for side, each in made.items() if id in each.edited}
        removers = [side for side, each in made.items() if id in each.removed]
        parties: set[str | None] = set()
        for part in PARTS:
            votes = {side: item[part] for side, item in editors.items() if item[part] != before[side][id][part]}
            if len(set(votes.values())) > 1:
                parties |= votes.keys()
            for side, new in votes.items():
                if now is None or now[part] not in (before[side][id][part], new):
                    parties |= {side, None}
        if removers and now is not None:
            if editors:
                parties |= {*removers, *editors}
            for side in removers:
                if _parts(now) != _parts(before[side][id]):
                    parties |= {side, None}
        movers = {side: each.placed[id] for side, each in made.items() if id in each.placed and id in before[side]}
        if len(set(movers.values())) > 1:
            parties |= movers.keys()
        if parties:
            found[id] = sorted(parties, key=lambda side: (side is None, side or ""))
    return found


def folded(agreed: Items, looks: Iterable[Look], winners: Mapping[str, str | None]) -> list[Item]:
    """The agreed list with all that the sides did to it. ``winners``: contested item -> the only side that is heard
    about it; None: none is."""
    result = {each["id"]: each for each in agreed}
    order = list(result)
    fresh: set[str] = set()
    for look in sorted(looks, key=lambda each: (each.at or "", [_parts(item) for item in each.after])):
        made = changes(look.before, look.after)
        was = {each["id"]: each for each in look.before}
        heard = {item["id"] for item in (*look.before, *look.after) if winners.get(item["id"], look.side) == look.side}
        for id in made.removed.keys() & heard & result.keys():
            del result[id]
            order.remove(id)
        previous: str | None = None
        for item in look.after:
            id = item["id"]
            if id in heard:
                known = id in result
                if known and id in made.edited:
                    result[id] = {**result[id], **{part: item[part] for part in PARTS if item[part] != was[id][part]}}
                # New here, unless another side made it too; moved; or removed elsewhere, and wanted more here.
                comes = not known if id not in was else id in (made.placed if known else made.edited)
                if comes:
                    if known:
                        order.remove(id)
                    result[id] = _headed(result.get(id, item), _heading(item, look.after, result))
                    at = order.index(previous) + 1 if previous is not None else 0
                    while at < len(order) and order[at] in fresh:
                        at += 1
                    order.insert(at, id)
            if id in result:
                previous = id
        fresh |= made.placed.keys() & result.keys()
    return [result[id] for id in order]


def _heading(item: Item, beside: Items, known: Mapping[str, Item]) -> Any:
    """What is said, between sides, to stand above an item: as of those that stand under the same heading beside it, for
    a side may have renamed that."""
    here = (each["id"] for each in beside if each["id"] != item["id"] and each.get(UNDER) == item.get(UNDER))
    return next((known[id].get(UNDER) for id in here if id in known), item.get(UNDER))


def _headed(item: Item, heading: Any) -> Item:
    bare = {name: part for name, part in item.items() if name != UNDER}
    return {**bare, UNDER: heading} if heading is not None else bare


class Fresh(NamedTuple):
    """A list that is not there yet."""

    name: Any


def homes(
    wanted: Items, shown: Sequence[tuple[int, Any] | None], called: Mapping[Any, Any], first: Any = None
) -> list[Any]:
    """In which list of a side each wanted item goes.

    ``shown``: for each, its place among all that the side shows and its list; None: it is not there yet. ``called``:
    list -> its heading, in the side's order. As few as possible change their list: what moved goes where the item
    before it is. What is new goes there too if that list holds others of its heading, else to such others, to the list
    of that name, or to a ``Fresh`` one. ``first``: the list for what has nothing beside it and no heading.
    """
    kept = longest_rise([place[0] for place in shown if place is not None])
    found = [place[1] if place is not None and place[0] in kept else None for place in shown]
    after = first
    for at in reversed(range(len(found))):
        after = found[at] if found[at] is not None else after
    for at, home in enumerate(found):
        after = found[at] = home if home is not None else after
    under: dict[Any, list[Any]] = {}
    for item, place, home in zip(wanted, shown, found, strict=True):
        if place is not None:
            under.setdefault(item.get(UNDER), []).append(home)
    names = {name: home for home, name in reversed(list(called.items()))}
    for at, item in enumerate(wanted):
        heading = item.get(UNDER)
        if shown[at] is None and heading is not None and found[at] not in under.get(heading, ()):
            found[at] = under[heading][0] if heading in under else names.get(heading, Fresh(heading))
    return found


def differing(lists: Sequence[Any]) -> dict[str, str]:
    """The items about which these lists differ: id -> text, in the order of the lists that name them."""
    tables = [{each["id"]: each for each in items or ()} for items in lists]
    found: dict[str, str] = {}
    for table in tables:
        for id, item in table.items():
            if any(id not in other or _parts(other[id]) != _parts(item) for other in tables):
                found.setdefault(id, item["text"])
    if not found and tables:
        for table in tables[1:]:
            moved = changes(list(tables[0].values()), list(table.values())).placed
            found |= {id: table[id]["text"] for id in moved}
    return found


def longest_rise(order: Sequence[int]) -> set[int]:
    """A longest rising part of the order: those need not move."""
    tails: list[int] = []
    before: dict[int, int | None] = {}
    for each in order:
        at = bisect_left(tails, each)
        before[each] = tails[at - 1] if at else None
        tails[at : at + 1] = [each]
    kept: set[int] = set()
    last: int | None = tails[-1] if tails else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept


def _parts(item: Item) -> tuple[Any, ...]:
    return tuple(item[part] for part in PARTS)
