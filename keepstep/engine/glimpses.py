"""What is seen on a side while a write to it is in doubt.

Such a side has no say: what it shows may be our own value in its own words. But the write may still land, over what a
person set meanwhile, and where the side keeps no history only we have seen that.
"""

from __future__ import annotations

from collections.abc import Iterable

from keepstep.engine.absorb import open_conflict
from keepstep.engine.lens import Lens
from keepstep.engine.references import References
from keepstep.engine.settle import still_kept
from keepstep.engine.state import EntityState, Glimpse
from keepstep.engine.world import Sync


def keep(states: Iterable[EntityState], sync: Sync, references: References) -> None:
    """Remember what is neither what the write found nor what it sets."""
    for state in states:
        for intent in state.intents:
            side = sync.sides.get(intent["side"])
            record = state.records.get(intent["side"])
            if side is None or side.abilities.history or intent["kind"] != "update" or record is None:
                continue
            fields = still_kept(sync, side, intent)
            for name, cur in Lens(sync, side, references).shown(state, list(fields)).items():
                known = state.links[side.name].field(name)
                usual = (intent["compared"].get(name), fields[name].value, fields[name].local)
                if any(sync.equal(name, cur, each) for each in usual):
                    continue
                if known.glimpse is None or not sync.equal(name, known.glimpse.value, cur):
                    known.glimpse = Glimpse(cur, record["modified_at"], record["modified_by"])
                    state.touch(side.name)


def over(state: EntityState, side: str, names: Iterable[str], landed: bool, now: str, run: str | None) -> None:
    """The write, of that run, is in doubt no more. If it ``landed``, what was seen before is buried under it, and is
    asked about."""
    for name in names:
        known = state.links[side].field(name)
        if known.glimpse is None:
            continue
        if landed:
            open_conflict(state, name, side, known.glimpse.value, known.glimpse.at, known.glimpse.by, now, run)
        known.glimpse = None
        state.touch(side)
