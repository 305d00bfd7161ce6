"""Intents that a crash, a take-over or a lost answer left open: find out what became of them, then close them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import Change, Record, chunks, utc
from connectors.errors import ConnectorError
from connectors.http import REQUEST_TIMEOUT
from keepstep.engine import answers, glimpses, settle
from keepstep.engine.failures import tell_failure
from keepstep.engine.intake import store_looks
from keepstep.engine.job import Job
from keepstep.engine.lens import Lens
from keepstep.engine.operations import CHUNK
from keepstep.engine.read_back import adopt, finish, read_history
from keepstep.engine.receipts import requeue
from keepstep.engine.references import References
from keepstep.engine.state import EntityState, load, save
from keepstep.engine.world import Side
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.model import REQUIRED_PARENT


class Recovered(msgspec.Struct, kw_only=True):
    """What became of the open intents."""

    done: int = 0
    not_applied: int = 0
    unclear: int = 0
    waiting: int = 0
    failed: list[str] = []
    """Sides that could not be asked."""


def recover(job: Job) -> Recovered:
    """Judge each open intent of the sync whose time has come. The rest stays in doubt; other sides go on."""
    ports, sync = job.ports, job.sync
    result = Recovered(failed=[])
    with job.read() as tx:
        rows = tx.all(
            sa.select(t.intent)
            .where(t.intent.c.sync == sync.name, t.intent.c.closed_at.is_(None))
            .order_by(t.intent.c.written_at, t.intent.c.id)
        )
    ripe: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        side = sync.sides.get(row["side"])
        if side is None:
            continue
        if row["state"] != "acknowledged" and ports.now() < ripe_at(row, side):
            result.waiting += 1
            continue
        ripe.setdefault(side.name, []).append(row)
    for name, mine in ripe.items():
        side = sync.sides[name]
        for part in _parts(mine):
            ports.fence.point("recover.looking")
            try:
                if part[0]["kind"] == "create" and part[0]["record"] is None:
                    _create(job, side, part[0], result)
                else:
                    _by_id(job, side, part, result)
            except ConnectorError as error:
                # They stay in doubt until the side can be asked; other sides go on.
                result.waiting += len(part)
                result.failed.append(side.name)
                with job.write() as tx:
                    tell_failure(tx, ports, side, error)
            ports.fence.point("recover.stored")
    return result


def _parts(rows: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    """Intents whose record is known are judged after one look together; what a create made is looked for one by one."""
    known = [row for row in rows if row["kind"] != "create" or row["record"] is not None]
    yield from chunks(known, CHUNK)
    yield from ([row] for row in rows if row["kind"] == "create" and row["record"] is None)


def ripe_at(intent: dict[str, Any], side: Side) -> str:
    """When a request of this intent can surely have no effect any more that a look would miss."""
    wait = REQUEST_TIMEOUT + side.abilities.settle
    if intent["kind"] == "create":
        wait += 2 * side.abilities.search_lag
    return utc(datetime.fromisoformat(intent["send_by"]) + timedelta(seconds=wait))


def _by_id(job: Job, side: Side, rows: Sequence[dict[str, Any]], result: Recovered) -> None:
    ports, sync = job.ports, job.sync
    asked_at = ports.now()
    records = {record.id: record for record in side.connector.get(side.stream, [row["record"] for row in rows])}
    there = [row for row in rows if not (records[row["record"]].deleted or records[row["record"]].forbidden)]
    history = read_history(side, there)
    for row in rows:
        record = records[row["record"]]
        if record.forbidden:
            _tell_unseen(job, side, row)
            result.waiting += 1
            continue
        now = ports.now()
        with job.write() as tx:
            store_looks(tx, ports, job.world, side.connection, [record], asked_at)
            adopt(tx, job, side, [row], records)
            states = load(tx, [row["entity"]])
            references = References(tx, job.world)
            references.prepare(sync, states.values())
            lens = Lens(sync, side, references)
            for state in states.values():
                changes = history.get(record.id, [])
                outcome = _judge(lens, state, row, record, changes, now)
                setattr(result, outcome, getattr(result, outcome) + 1)
                settle.close_intent(tx, row, outcome, now)
            findings.close(tx, [_unseen_key(row)], now)
            save(tx, states.values(), now)
            requeue(tx, sync, row, side, now)
            ports.fence.point("recover.storing")


def _judge(
    lens: Lens, state: EntityState, row: dict[str, Any], record: Record, changes: Sequence[Change], now: str
) -> str:
    """done, not_applied or unclear; the state is moved accordingly."""
    acknowledged = row["state"] == "acknowledged"
    if record.deleted:
        if row["kind"] == "delete":
            finish(lens, state, row, record, {}, False, now)
        else:
            settle.lost_sight(state, lens.side.name)
        return "done"
    if row["kind"] in ("delete", "archive"):
        return "not_applied"
    if acknowledged or row["kind"] == "create":
        tied = record.version is not None and record.version == row["answer_version"]
        finish(lens, state, row, record, {record.id: changes}, tied, now)
        return "done"
    outcome = _judge_update(lens, state, row, record, changes, now)
    kept = settle.still_kept(lens.sync, lens.side, row)
    glimpses.over(state, lens.side.name, kept, outcome == "done", now, row["run"])
    return outcome


def _judge_update(
    lens: Lens, state: EntityState, row: dict[str, Any], record: Record, changes: Sequence[Change], now: str
) -> str:
    fields = settle.still_kept(lens.sync, lens.side, row)
    if lens.side.abilities.history:
        entries = {name: lens.our_entry(name, changes, row) for name in fields}
        if any(entry is not None for entry in entries.values()):
            finish(lens, state, row, record, {record.id: changes}, False, now)
            return "done"
        shown = lens.shown(state, list(fields))
        touched = [
            name
            for name in fields
            if lens.touched(name, changes, row["written_at"]) and shown.get(name) == row["compared"].get(name)
        ]
        if touched:
            # Ours may have been a no-op that this person then set back.
            settle.unclear(lens, state, {**row, "fields": dict.fromkeys(touched)}, now)
            return "unclear"
        return "not_applied"
    if record.version is not None and record.version == row["compared_version"]:
        return "not_applied"
    shown = lens.shown(state, list(fields))
    if all(
        name in shown and any(lens.sync.equal(name, shown[name], each) for each in (planned.value, planned.local))
        for name, planned in fields.items()
    ):
        finish(lens, state, row, record, {}, True, now)
        return "done"
    as_before = record.version is None and all(shown.get(name) == row["compared"].get(name) for name in fields)
    if as_before and not _touched(lens, state, record, row, fields):
        return "not_applied"
    settle.unclear(lens, state, row, now)
    return "unclear"


def _touched(lens: Lens, state: EntityState, record: Record, row: dict[str, Any], fields: Iterable[str]) -> bool:
    """Whether somebody may have set back what we wrote: the record was changed since, and no edit that was seen on it
    meanwhile says why."""
    known = state.links[lens.side.name].fields
    seen = any(name in known and known[name].glimpse is not None for name in fields)
    return (record.modified_at or "") > row["written_at"] and not seen


def _create(job: Job, side: Side, row: dict[str, Any], result: Recovered) -> None:
    """Look for what our create may have made, by the stream's marker; the oldest wins, others are twins."""
    found: list[Record]
    match side.abilities.marker:
        case "reserved_id" if row["reserved_id"]:
            looked = list(side.connector.get(side.stream, [row["reserved_id"]]))
            if any(record.forbidden for record in looked):
                _tell_unseen(job, side, row)
                result.waiting += 1
                return
            found = [record for record in looked if not record.deleted]
        case "fingerprint":
            found = _unlinked(job, side, row)
        case "none":
            answer = answers.given(row)
            if answer is None:
                with job.write() as tx:
                    _tell_unknown(tx, job, side, row)
                result.waiting += 1
                return
            found = [] if answer.record is None else list(side.connector.get(side.stream, [answer.record]))
        case _:
            found = side.connector.find(side.stream, row["entity"])
    now = job.ports.now()
    with job.write() as tx:
        answers.over(tx, row, now)
        findings.close(tx, [_unseen_key(row)], now)
        if not found:
            settle.close_intent(tx, row, "not_applied", now)
            requeue(tx, job.sync, row, side, now)
            result.not_applied += 1
            return
        row["record"] = found[0].id
        tx.execute(sa.update(t.intent).where(t.intent.c.id == row["id"]).values(record=found[0].id))
        _tell_twins(tx, job, side, row, found)
    _by_id(job, side, [row], result)


def _unlinked(job: Job, side: Side, row: dict[str, Any]) -> list[Record]:
    """Records by our account since the intent, in a strong listing, that belong to nobody, and lie where it was to lie.

    Content is not compared: a person may have edited it already; hence one open create per stream.
    """
    parent = REQUIRED_PARENT.get(job.sync.kind, "")
    above = row["fields"][parent][0] if parent in row["fields"] else None
    with job.read() as tx:
        linked = {each["record"] for each in tx.all(sa.select(t.link.c.record).where(t.link.c.side == side.name))}
        lies = tx.all(sa.select(t.link.c.side, t.link.c.record).where(t.link.c.entity == above)) if above else []
    places = {(each["side"], each["record"]) for each in lies}

    def there(record: Record) -> bool:
        shown = side.mapper.canon(record).values.get(parent) if above else None
        return shown is None or (f"{side.connection.name}.{shown['stream']}", shown["id"]) in places

    scope = (row["outcome"] or {}).get("scope")
    made = side.connector.made_since(side.stream, scope, row["written_at"])
    loose = [record for record in made if record.id not in linked and there(record)]
    return sorted(loose, key=lambda record: (record.created_at or "", record.id))


def _unseen_key(row: dict[str, Any]) -> str:
    return f"write_unseen:{row['id']}"


def _tell_unseen(job: Job, side: Side, row: dict[str, Any]) -> None:
    """The record may not be seen any more (403): what became of the write stays in doubt until it can be."""
    with job.write() as tx:
        finding = Finding(
            key=_unseen_key(row),
            code="write_unseen",
            severity="error",
            sync=job.sync.name,
            entity=row["entity"],
            params={
                "title": _title(tx, row["entity"]),
                "side": side.name,
                "record": row["record"] or row["reserved_id"],
                "at": row["written_at"],
            },
        )
        findings.report(tx, [finding], job.ports.now(), job.ports.new_id)


def _tell_unknown(tx: Tx, job: Job, side: Side, row: dict[str, Any]) -> None:
    findings.report(
        tx,
        [
            Finding(
                key=answers.finding_key(row["id"]),
                code="unknown_create",
                severity="error",
                sync=job.sync.name,
                entity=row["entity"],
                params={
                    "entity": row["entity"],
                    "title": _title(tx, row["entity"]),
                    "side": side.name,
                    "at": row["written_at"],
                },
            )
        ],
        job.ports.now(),
        job.ports.new_id,
    )


def _tell_twins(tx: Tx, job: Job, side: Side, row: dict[str, Any], found: Sequence[Record]) -> None:
    findings.report(
        tx,
        [
            Finding(
                key=f"twin:{side.name}:{record.id}",
                code="twin",
                severity="error",
                sync=job.sync.name,
                entity=row["entity"],
                params={
                    "side": side.name,
                    "record": record.id,
                    "title": _title(tx, row["entity"]),
                    "url": record.url,
                    "first": found[0].id,
                },
            )
            for record in found[1:]
        ],
        job.ports.now(),
        job.ports.new_id,
    )


def _title(tx: Tx, entity: str) -> str:
    state = load(tx, [entity]).get(entity)
    return state.title if state is not None else entity
