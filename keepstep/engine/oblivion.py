"""What may have happened while a store knew nothing, before it was put back from a copy. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keepstep.engine.reconfigured import NEVER_SEEN
from keepstep.engine.state import EntityState
from mapping.agreement import Agreed, Equality, View


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is not known of one entity, by its sides."""

    touched: frozenset[str] = frozenset()
    """Their records were changed by anybody in that time, or do not say when they were, or were not seen again."""
    made: frozenset[str] = frozenset()
    """Their records were made by us in that time, and were tied just now."""

    def stand_against(self, agreed: Agreed, views: Sequence[View], equality: Equality) -> list[View]:
        """Sides that may have been set back by a person to what they show. They look unchanged while others changed,
        and had perhaps been carried that change; or are empty, and we would not have made them so."""
        new = [view for view in views if view.changed and not equality.shows(view, agreed.value)]
        changed = [view for view in new if not view.follows]
        against = []
        for view in views:
            if view.follows or view in new:
                continue
            carried = any(not equality.means(view.side, view.cur, each.cur) for each in changed)
            emptied = view.shows < 0 and not view.changed and not equality.shows(view, agreed.value)
            if (view.side in self.touched and carried) or (view.side in self.made and emptied):
                against.append(view)
        return against


def unknown_of(state: EntityState, forgotten: str | None, left: Callable[[Mapping[str, Any]], bool]) -> Unknown:
    """What the store does not know of an entity.

    ``forgotten``: since when it knows nothing of any, until everything was taken in anew. Later on ``left`` tells of a
    record that we made in that time: what happened to it before it was tied is not known.
    """
    new = {side for side, link in state.links.items() if not link.fields and side in state.records}
    made = frozenset(side for side in new if left(state.records[side]))
    since = forgotten or min((state.records[side]["created_at"] for side in made), default=None)
    if since is None:
        return Unknown()
    touched = {side for side, record in state.records.items() if _touched(record, since)}
    return Unknown(frozenset(touched), made)


def _touched(record: Mapping[str, Any], since: str) -> bool:
    return bool(record["digest"] == NEVER_SEEN or (record["modified_at"] or since) >= since)


def doubt_deletes(state: EntityState, unknown: Unknown) -> None:
    """What was deleted on one side and touched on another: whoever deleted it may not have known of that. It counts as
    not having shown what is agreed on."""
    if not any(link.state == "live" and side in unknown.touched for side, link in state.links.items()):
        return
    for side, link in state.links.items():
        if link.state == "gone":
            for name, agreed in state.agreed.items():
                known = link.field(name)
                known.shows = min(known.shows, agreed.n - 1)
            state.touch(side)
