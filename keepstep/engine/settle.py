"""After a write: what the side shows now, and which version of the agreed value that stands for.

"Shadow := read-back" alone is wrong: a person who edits between our write and our look would be taken for the side's
own rounding, and lost without a trace. So every read-back must be tied to the write first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.base import Change
from keepstep.engine.absorb import open_conflict
from keepstep.engine.carried import is_copy
from keepstep.engine.lens import Lens
from keepstep.engine.operations import Planned
from keepstep.engine.state import EntityState
from keepstep.engine.world import Side, Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.agreement import UNSURE
from mapping.fields import Approximate
from mapping.items import pair
from mapping.model import Form


def planned_fields(intent: Mapping[str, Any]) -> dict[str, Planned]:
    return msgspec.convert(intent["fields"], dict[str, Planned])


def still_kept(sync: Sync, side: Side, intent: Mapping[str, Any]) -> dict[str, Planned]:
    """What the intent writes of fields that the side still has: a configuration may have let go of some since."""
    return {name: each for name, each in planned_fields(intent).items() if sync.can(side, name) != "absent"}


def took_effect(
    lens: Lens, state: EntityState, intent: Mapping[str, Any], history: Sequence[Change], tied: bool, now: str
) -> None:
    """Move shadow and version of each written field. ``tied``: the look is the write's answer, or has its version."""
    sync, side = lens.sync, lens.side
    link = state.links[side.name]
    fields = still_kept(sync, side, intent)
    shown = lens.shown(state, list(fields))
    for name, planned in fields.items():
        known = link.field(name)
        if sync.fields[name] is Form.LIST and name in shown:
            known.items = pair([shown[name] or []], planned.value or [], known.items or {})
        entry = lens.our_entry(name, history, intent)
        if entry is not None:
            before = intent["compared"].get(name)
            old, new = entry
            if isinstance(new, Approximate):
                there = name in shown and any(
                    sync.equal(name, shown[name], each) for each in (planned.value, planned.local)
                )
                new = shown[name] if there else planned.local
            if isinstance(old, Approximate):
                old = _replaced(lens, name, history, intent, before)
            known.shadow = new
            half_way = new not in (planned.value, planned.local)
            if not half_way or not lens.stepwise(name):
                known.shows = planned.n  # otherwise it is owed still, from where it stands now
            if old != before and old != new:
                # Between our look and our write somebody set a value that nobody else was shown.
                open_conflict(state, name, side.name, old, now, None, now, intent["run"])
        elif name not in shown:
            known.shadow, known.shows = planned.local, planned.n
        elif tied or any(sync.equal(name, shown[name], each) for each in (planned.value, planned.local)):
            known.shadow, known.shows = shown[name], planned.n
        elif is_copy(state, sync, side.name):
            known.shadow, known.shows = planned.local, planned.n  # it differs: told as a copy that was edited
        else:
            open_conflict(state, name, side.name, shown[name], record_time(state, side), None, now, intent["run"])
            known.shadow = shown[name]
    state.touch(side.name)


def _replaced(lens: Lens, name: str, history: Sequence[Change], intent: Mapping[str, Any], before: Any) -> Any:
    """What our write replaced, where the history tells it in other words than the record: what was compared, unless an
    entry of somebody else stands before ours."""
    try:
        theirs = lens.set_before(name, history, intent)
    except LookupError:
        return before
    return str(theirs) if isinstance(theirs, Approximate) else theirs


def begun(lens: Lens, state: EntityState, intent: Mapping[str, Any], history: Sequence[Change], now: str) -> bool:
    """Take what a new record began with, where no create could say it: it shows nothing that was agreed, and is owed.

    Returns whether anything is. What a person set meanwhile is no beginning: it stands against the agreed value.
    """
    sync, side = lens.sync, lens.side
    link = state.links[side.name]
    names = [
        name
        for name in state.agreed
        if name not in intent["fields"]
        and side.mapper.mode(sync.kind, name) == "both"
        and side.sets_later(sync.kind, name)
    ]
    owing = False
    for name, cur in lens.shown(state, names).items():
        agreed, known = state.agreed[name], link.field(name)
        known.shadow = cur
        if cur in (agreed.value, lens.local(name, agreed.value)):
            known.shows = agreed.n
        elif lens.touched(name, history, intent["written_at"]):
            open_conflict(state, name, side.name, cur, record_time(state, side), None, now, intent["run"])
        else:
            owing = True
    state.touch(side.name)
    return owing


def unclear(lens: Lens, state: EntityState, intent: Mapping[str, Any], now: str) -> None:
    """Whether the write took effect cannot be told: what the side shows stands against the agreed value."""
    side = lens.side
    link = state.links[side.name]
    if is_copy(state, lens.sync, side.name):
        for name, planned in planned_fields(intent).items():
            link.field(name).shadow, link.field(name).shows = planned.local, planned.n
        state.touch(side.name)
        return
    for name, cur in lens.shown(state, list(intent["fields"])).items():
        open_conflict(state, name, side.name, cur, record_time(state, side), None, now, intent["run"])
        link.field(name).shadow = cur
    state.touch(side.name)


def lost_sight(state: EntityState, side: str) -> None:
    """The record is gone: whatever it showed is unsure from now on, so that a restore is compared."""
    link = state.links.get(side)
    if link is None:
        return
    link.state = "gone"
    for known in link.fields.values():
        known.shadow, known.shows, known.glimpse = UNSURE, -1, None
    state.touch(side)


def record_time(state: EntityState, side: Side) -> str | None:
    record = state.records.get(side.name)
    return record["modified_at"] if record else None


def close_intent(tx: Tx, intent: dict[str, Any], state: str, now: str, receipt: dict[str, Any] | None = None) -> None:
    """End an intent for good; it is never sent again. A retry is a new plan and a new intent."""
    close_intents(tx, [intent], state, now, receipt)


def close_intents(
    tx: Tx, intents: Sequence[dict[str, Any]], state: str, now: str, receipt: dict[str, Any] | None = None
) -> None:
    """The same for several that ended alike."""
    ended = {"state": state, "closed_at": now} | ({"outcome": receipt} if receipt else {})
    tx.change(t.intent, [{"id": intent["id"], **ended} for intent in intents])
    tx.insert(
        t.audit,
        [
            {
                "at": now,
                "run": intent["run"],
                "code": f"write_{state}",
                "entity": intent["entity"],
                "side": intent["side"],
                "field": None,
                "params": {
                    "intent": intent["id"],
                    "kind": intent["kind"],
                    "record": intent["record"],
                    "fields": {name: planned[0] for name, planned in intent["fields"].items()},
                    "outcome": receipt or {},
                },
            }
            for intent in intents
        ],
    )
