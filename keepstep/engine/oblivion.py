"""What may have happened while a store knew nothing, before it was put back from a copy. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from keepstep.engine.reconfigured import NEVER_SEEN
from keepstep.engine.state import EntityState
from mapping.agreement import Equality, View


def not_known_since(state: EntityState, forgotten: str | None, left: Callable[[Mapping[str, Any]], bool]) -> str | None:
    """Since when the store knows nothing of an entity; None if it knows all.

    ``forgotten``: of all of them, until everything was taken in anew. Later on ``left`` tells of a record that we made
    in that time: what happened to it before it was tied is not known.
    """
    if forgotten is not None:
        return forgotten
    new = [state.records[side] for side, link in state.links.items() if not link.fields and side in state.records]
    return min((record["created_at"] for record in new if left(record)), default=None)


def touched_since(state: EntityState, since: str) -> frozenset[str]:
    """Sides whose record was changed since then by anybody, or does not say when it was, or was not seen again."""
    return frozenset(
        side
        for side, record in state.records.items()
        if record["digest"] == NEVER_SEEN or (record["modified_at"] or since) >= since
    )


def doubt_deletes(state: EntityState, moved: Set[str]) -> None:
    """What was deleted on one side and ``moved`` on another, in a time of which the store knows nothing: whoever
    deleted it may not have known of that. It counts as not having shown what is agreed on."""
    if not any(link.state == "live" and side in moved for side, link in state.links.items()):
        return
    for side, link in state.links.items():
        if link.state == "gone":
            for name, agreed in state.agreed.items():
                known = link.field(name)
                known.shows = min(known.shows, agreed.n - 1)
            state.touch(side)


def perhaps_set_back(views: Sequence[View], moved: Set[str], equality: Equality) -> list[View]:
    """Sides that look unchanged to a store that has lost its memory, while others changed: the change may have been
    carried there once, and set back by a person since."""
    changed = [view for view in views if view.changed and not view.follows]
    quiet = [view for view in views if not view.changed and not view.follows and view.side in moved]
    return [view for view in quiet if any(not equality.means(view.side, view.cur, each.cur) for each in changed)]
