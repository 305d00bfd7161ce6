"""After a write that took effect: look at what stands there, and move the written side's shadow and version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from connectors.base import Change, Outcome, Record, utc
from keepstep.engine import settle
from keepstep.engine.intake import store_records
from keepstep.engine.intents import Look
from keepstep.engine.job import Job
from keepstep.engine.lens import Lens
from keepstep.engine.match import link_records, link_row
from keepstep.engine.receipts import look_again
from keepstep.engine.references import Outside, References, Unresolved
from keepstep.engine.state import EntityState, load, save
from keepstep.engine.world import Side, Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.fields import KEPT_WRITTEN

SKEW = 60.0
"""Seconds by which a service's clock may differ from ours; twice what is told to people as a symptom."""


class Closed(NamedTuple):
    """What became of intents whose writes were done."""

    done: int
    """So many are closed. The others wait: what stands there could not be seen."""
    unfinished: list[str]
    """Entities whose new records lack something still, which only an update can set."""


def read_back(job: Job, side: Side, answered: Sequence[tuple[dict[str, Any], Outcome]], look: Look) -> Closed:
    """Close the intents of writes that were done, by what the side shows now. In one transaction.

    ``look``: the one directly before the writes.
    """
    ports, sync = job.ports, job.sync
    intents = [intent for intent, _ in answered]
    carried = {outcome.id: outcome.record for _, outcome in answered if outcome.record is not None}
    ports.fence.point("apply.reading_back")
    missing = [i["record"] for i in intents if i["record"] and i["record"] not in carried and i["kind"] != "delete"]
    looked = {record.id: record for record in side.connector.get(side.stream, missing)} if missing else {}
    # What may not be seen just now (403) stays acknowledged: recovery looks again, and says so.
    intents = [i for i in intents if i["record"] not in looked or not looked[i["record"]].forbidden]
    shown = {id: record for id, record in [*looked.items(), *carried.items()] if id is not None}
    history = read_history(side, _doubtful(job, side, intents, look, shown))
    now = ports.now()
    unfinished: list[str] = []
    with job.write() as tx:
        # A delete that the service confirmed is seen at once: until its feed says so it would look restored.
        graves = [
            Record(stream=side.stream, id=intent["record"], version=outcome.version, deleted=True)
            for intent, outcome in answered
            if intent["kind"] == "delete"
        ]
        store_records(tx, ports, job.world, side.connection, [*graves, *shown.values()])
        adopt(tx, job, side, intents, shown)
        states = load(tx, [intent["entity"] for intent in intents])
        references = References(tx, job.world)
        references.prepare(sync, states.values())
        lens = Lens(sync, side, references)
        for intent in intents:
            state = states[intent["entity"]]
            record = shown.get(intent["record"])
            tied = intent["record"] in carried or (
                record is not None and record.version is not None and record.version == intent["answer_version"]
            )
            if finish(lens, state, intent, record, history, tied, now):
                unfinished.append(state.id)
        settle.close_intents(tx, intents, "done", now)
        save(tx, states.values(), now)
        references.people.save()
        look_again(tx, sync, intents, now)
        ports.fence.point("apply.read_back.committing")
    ports.fence.point("apply.read_back.committed")
    return Closed(len(intents), unfinished)


def _doubtful(
    job: Job, side: Side, intents: Sequence[dict[str, Any]], look: Look, shown: Mapping[str, Record]
) -> list[dict[str, Any]]:
    """Those of which only history can tell whether they overwrote, or were overwritten by, something nobody saw.

    A server that compares versions lets nothing through between our look and our write, unless the version was so
    fresh that an edit could share it; and what stands there just as it was sent was not edited after it.
    """
    if not side.abilities.history or not side.abilities.guarded:
        return list(intents)
    settled = utc(datetime.fromisoformat(look.at) - timedelta(seconds=side.abilities.grain + SKEW))
    sync = job.sync
    with job.read() as tx:
        references = References(tx, job.world)
        references.prepare(sync, load(tx, [intent["entity"] for intent in intents]).values())
        return [
            intent
            for intent in intents
            if not _old_enough(side, look.records.get(intent["record"]), settled)
            or not _as_sent(sync, side, references, intent, shown.get(intent["record"]))
        ]


def _old_enough(side: Side, record: Record | None, settled: str) -> bool:
    """Whether no edit after the look could have had the version that the look showed."""
    if record is None:
        return False
    return side.abilities.grain == 0 or (record.modified_at or settled) < settled


def _as_sent(sync: Sync, side: Side, references: References, intent: dict[str, Any], record: Record | None) -> bool:
    if record is None or record.deleted:
        return False
    there = side.mapper.canon(record).values
    for name, planned in settle.still_kept(sync, side, intent).items():
        try:
            value = references.inward(sync.fields[name], there[name], side.connection.name)
        except (KeyError, Unresolved, Outside):
            return False
        if not any(sync.equal(name, value, each) for each in (planned.value, planned.local)):
            return False
    return True


def read_history(side: Side, intents: Sequence[Mapping[str, Any]]) -> dict[str, list[Change]]:
    """What happened to the records since the intents were written: of updates, and of creates that leave something to
    be set afterwards, since a person may have set it first."""
    kinds = ("update", "create") if side.abilities.after_create else ("update",)
    mine = [intent for intent in intents if intent["kind"] in kinds and intent["record"]]
    history: dict[str, list[Change]] = {}
    if side.abilities.history and mine:
        since = min(intent["written_at"] for intent in mine)
        for change in side.connector.history(side.stream, [intent["record"] for intent in mine], since):
            history.setdefault(change.id, []).append(change)
    return history


def finish(
    lens: Lens,
    state: EntityState,
    intent: dict[str, Any],
    record: Record | None,
    history: Mapping[str, Sequence[Change]],
    tied: bool,
    now: str,
) -> bool:
    """What a write that is known to have taken effect leaves behind. True: a new record lacks something still."""
    side = lens.side
    if intent["kind"] in ("delete", "archive"):
        if side.name in state.links:
            state.links[side.name].state = "deleted" if intent["kind"] == "delete" else "archived"
            state.touch(side.name)
        return False
    if intent["kind"] == "create" and state.links[side.name].record != intent["record"]:
        return False  # the place went to another record: what that one shows is nothing that we wrote
    if record is not None and record.deleted:
        settle.lost_sight(state, side.name)
        return False
    changes = history.get(intent["record"], ())
    settle.took_effect(lens, state, intent, changes, tied, now)
    return intent["kind"] == "create" and settle.begun(lens, state, intent, changes, now)


def adopt(tx: Tx, job: Job, side: Side, intents: Sequence[Mapping[str, Any]], records: Mapping[str, Record]) -> None:
    """Link the records that our creates made, before anything else is judged by them: one place, one record.

    What is there of them is stored already.
    """
    made = [intent for intent in intents if intent["kind"] == "create"]
    if not made:
        return
    there = sa.select(t.link.c.entity).where(
        t.link.c.side == side.name, t.among(t.link.c.entity, [intent["entity"] for intent in made])
    )
    taken = {row["entity"] for row in tx.all(there)}
    links = []
    for intent in made:
        if intent["entity"] in taken:
            continue
        record = records.get(intent["record"])
        # Made and gone again already: still linked, so that it is never made twice and a restore finds its place.
        state = "live" if record is not None and not record.deleted else "gone"
        fields = {name: [None, -1, -1] for name in intent["fields"] if job.sync.can(side, name) in KEPT_WRITTEN}
        row = {"side": side.name, "id": intent["record"]}
        links.append(link_row(row, intent["entity"], job.ports.now(), fields, state, {"by": "marker"}))
    link_records(tx, links)
