"""What happened, in order: seen, decided, written, asked and answered. Read from the store as it streams."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import STANDARD, Form, Kind

FETCH = 500
"""Rows of one source that are held at a time."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. ``code`` is the audit's, or ``seen``, ``finding_opened``, ``finding_closed``,
    ``proposal_accepted``, ``proposal_rejected``, ``write_sent`` or ``ran``; ``params`` are what goes with it."""

    at: str
    code: str
    run: str | None = None
    sync: str | None = None
    entity: str | None = None
    side: str | None = None
    field: str | None = None
    params: dict[str, Any] = {}


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What to tell of: these entities, one run, or all; and nothing from before ``since``."""

    entities: tuple[str, ...] | None = None
    run: str | None = None
    since: str | None = None


def timeline(tx: Tx, scope: Scope) -> Iterator[Event]:
    """The events of that scope, oldest first. Holds a few rows of each source in memory; use it within ``tx``."""
    sources = [_audit(tx, scope), _sent(tx, scope), _runs(tx, scope)]
    if scope.run is None:
        # Of what happened at one moment, first what was seen and answered, then what came of it.
        sources = [_seen(tx, scope), _answered(tx, scope), *sources, _opened(tx, scope), _closed(tx, scope)]
    return heapq.merge(*sources, key=lambda event: event.at)


def within(tx: Tx, entity: str) -> tuple[str, ...]:
    """The entity and all that lies under it: what refers to it, and what refers to that in turn."""
    found = {entity}
    while True:
        before = len(found)
        for id, kind, agreed in _rows(tx, sa.select(t.entity.c.id, t.entity.c.kind, t.entity.c.agreed)):
            forms = STANDARD[Kind(kind)]
            if any(forms.get(n) is Form.REF and value["value"] in found for n, value in agreed.items()):
                found.add(id)
        if len(found) == before:
            return tuple(sorted(found))


def _rows(tx: Tx, query: sa.Select[Any]) -> Iterator[Any]:
    return iter(tx.connection.execute(query, execution_options={"yield_per": FETCH}))


def _events(
    tx: Tx,
    query: sa.Select[Any],
    scope: Scope,
    at: sa.ColumnElement[Any],
    order: sa.ColumnElement[Any],
    entity: Sequence[sa.ColumnElement[Any]],
    event: Callable[[Any], Event],
) -> Iterator[Event]:
    if scope.since is not None:
        query = query.where(at >= scope.since)
    if scope.entities is not None:
        query = query.where(sa.or_(*(t.among(column, scope.entities) for column in entity)))
    for row in _rows(tx, query.order_by(at, order)):
        yield event(row)


def _audit(tx: Tx, scope: Scope) -> Iterator[Event]:
    audit = t.audit.c
    query = sa.select(t.audit)
    if scope.run is not None:
        query = query.where(audit.run == scope.run)

    def event(row: Any) -> Event:
        sync = row.params.get("sync")
        return Event(at=row.at, code=row.code, run=row.run, sync=sync, entity=row.entity, side=row.side,
                     field=row.field, params=row.params)  # fmt: skip

    return _events(tx, query, scope, audit.at, audit.n, [audit.entity], event)


def _runs(tx: Tx, scope: Scope) -> Iterator[Event]:
    if scope.entities is not None:
        return iter(())
    run = t.run.c
    query = sa.select(t.run).where(run.ended_at.is_not(None))
    if scope.run is not None:
        query = query.where(run.id == scope.run)

    def event(row: Any) -> Event:
        counts = row.counts or {}
        params = {
            "mode": row.mode,
            "planned": counts.get("planned", 0),
            "done": counts.get("applied", {}).get("done", 0),
        }
        return Event(at=row.ended_at, code="ran", run=row.id, sync=row.sync, params=params)

    return _events(tx, query, scope, run.ended_at, run.id, [run.id], event)


def _sent(tx: Tx, scope: Scope) -> Iterator[Event]:
    """Writes that are under way: all others have their line in the audit."""
    intent = t.intent.c
    query = sa.select(t.intent).where(intent.closed_at.is_(None))
    if scope.run is not None:
        query = query.where(intent.run == scope.run)

    def event(row: Any) -> Event:
        fields = {name: planned[0] for name, planned in row.fields.items()}
        params = {"intent": row.id, "kind": row.kind, "record": row.record, "fields": fields}
        return Event(at=row.written_at, code="write_sent", run=row.run, sync=row.sync, entity=row.entity,
                     side=row.side, params=params)  # fmt: skip

    return _events(tx, query, scope, intent.written_at, intent.id, [intent.entity], event)


def _seen(tx: Tx, scope: Scope) -> Iterator[Event]:
    """Each time a record looked other than it had. Who changed it is known of its newest look only."""
    log, record = t.change_log.c, t.record.c
    newest = sa.select(sa.func.max(log.n)).group_by(log.side, log.id)
    told = (record.entity, record.modified_by, record.modified_at, record.deleted)
    query = sa.select(log.n, log.at, log.side, log.id, *told, log.n.in_(newest).label("newest"))
    here = sa.and_(record.side == log.side, record.id == log.id)
    query = query.join_from(t.change_log, t.record, here, isouter=True)

    def event(row: Any) -> Event:
        params = {"record": row.id}
        if row.newest:
            params |= {"by": row.modified_by, "modified_at": row.modified_at, "deleted": row.deleted}
        return Event(at=row.at, code="seen", entity=row.entity, side=row.side, params=params)

    return _events(tx, query, scope, log.at, log.n, [record.entity], event)


def _finding(row: Any, at: str, code: str) -> Event:
    params = {"id": row.id, "code": row.code, "severity": row.severity, "state": row.state, "params": row.params}
    return Event(at=at, code=code, sync=row.sync, entity=row.entity, params=params)


def _opened(tx: Tx, scope: Scope) -> Iterator[Event]:
    finding = t.finding.c

    def event(row: Any) -> Event:
        return _finding(row, row.opened_at, "finding_opened")

    return _events(tx, sa.select(t.finding), scope, finding.opened_at, finding.id, [finding.entity], event)


def _closed(tx: Tx, scope: Scope) -> Iterator[Event]:
    finding = t.finding.c
    query = sa.select(t.finding).where(finding.closed_at.is_not(None))

    def event(row: Any) -> Event:
        return _finding(row, row.closed_at, "finding_closed")

    return _events(tx, query, scope, finding.closed_at, finding.id, [finding.entity], event)


def _answered(tx: Tx, scope: Scope) -> Iterator[Event]:
    """What people said about proposals."""
    proposal = t.proposal.c
    query = sa.select(t.proposal).where(proposal.state != "open")

    def event(row: Any) -> Event:
        params = {"id": row.id, "by": row.by, "other": row.other}
        return Event(at=row.at, code=f"proposal_{row.state}", sync=row.sync, entity=row.entity, params=params)

    return _events(tx, query, scope, proposal.at, proposal.id, [proposal.entity, proposal.other], event)
