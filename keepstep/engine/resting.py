"""A plan that waits for a person is not counted anew in each round: while nothing moved, it is what it was.

Only a round that wrote nothing comes to rest, because its plan was held, or because its mode is to write nothing.
Whoever lets the plan through leaves a line in the audit, by which the next round knows that it has to count again.
"""

from __future__ import annotations

import msgspec

from keepstep.engine import moved
from keepstep.engine.guard import Hold
from keepstep.engine.moved import Place
from keepstep.engine.ports import Ports
from keepstep.engine.world import Mode, Sync
from keepstep.store.store import Tx


class Counted(msgspec.Struct, frozen=True):
    """What a round found, and left as it was."""

    planned: int
    holds: list[Hold]


def recall(tx: Tx, ports: Ports, sync: Sync, mode: Mode, fingerprint: str) -> Counted | None:
    """What the last round counted, if a round of a sync that is ``still_owing`` would count the same now; else None."""
    found = moved.found_at_rest(tx, ports, _name(sync), _about(sync, mode, fingerprint))
    return msgspec.convert(found, Counted) if found is not None else None


def remember(tx: Tx, ports: Ports, sync: Sync, mode: Mode, fingerprint: str, place: Place, counted: Counted) -> None:
    """A round in that mode counted this over the store as it was at that place, and wrote nothing."""
    if any("until" in hold.params for hold in counted.holds):
        return  # time alone ends such a hold, once it was let through
    about = _about(sync, mode, fingerprint)
    moved.gone_through(tx, ports, _name(sync), about, place, msgspec.to_builtins(counted))


def _name(sync: Sync) -> str:
    return f"plan:{sync.name}"


def _about(sync: Sync, mode: Mode, fingerprint: str) -> str:
    """What a plan depends on, beside what is in the store."""
    access = sorted((name, side.connection.access) for name, side in sync.sides.items())
    return repr((mode, fingerprint, access))
