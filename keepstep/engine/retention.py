"""What is old enough to be forgotten leaves the store, in batches; what something open still needs stays.

Safe to be killed anywhere and to be repeated: each batch is whole by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import chunks, utc
from keepstep.engine.news import POSITION
from keepstep.engine.ports import Ports
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.store import Lease, Tx

BATCH = 500
LEASE = 300.0
SUPERSEDED = 50_000
"""Entries of the change log that one pass over it finds."""


class Swept(msgspec.Struct, kw_only=True):
    """How many rows left, by what they were."""

    changes: int = 0
    """Entries of the change log that a later one of the same record has made pointless."""
    before_images: int = 0
    audit: int = 0
    findings: int = 0
    runs: int = 0
    busy: bool = False
    """Another worker is at it."""

    @property
    def rows(self) -> int:
        return self.changes + self.before_images + self.audit + self.findings + self.runs


def sweep(
    ports: Ports,
    before_images: timedelta,
    audit: timedelta,
    readers: Mapping[str, Sequence[str]],
    told_of_changes: bool,
) -> Swept:
    """Remove what is older than its time. ``readers``: sync -> the sides whose change log it reads;
    ``told_of_changes``: customer changes become tasks, so that the audit is read from a position.

    Entities with an open intent, finding or conflict keep all that is known of them.
    """
    lease = ports.store.acquire("retention", ports.holder, LEASE)
    if lease is None:
        return Swept(busy=True)
    sweeper = _Sweeper(ports, lease)
    now = ports.clock.now()
    sweeper.change_log(readers)
    sweeper.before_images(utc(now - before_images))
    sweeper.audit(utc(now - audit), told_of_changes)
    sweeper.findings(utc(now - audit))
    sweeper.runs(utc(now - audit))
    ports.store.release(lease)
    return sweeper.swept


class _Sweeper:
    def __init__(self, ports: Ports, lease: Lease) -> None:
        self._ports = ports
        self._lease = lease
        self.swept = Swept()

    def change_log(self, readers: Mapping[str, Sequence[str]]) -> None:
        """Of each record, the first entry stays and the last, and all that some sync has not read yet.

        The first says that the record was there before the hub began; the last lies beyond every position that a
        sync may come back with. A number is thus never given a second time either: the newest entry stays.
        """
        log = t.change_log.c
        while True:
            with self._ports.store.read() as tx:
                same = (log.side, log.id)
                entries = sa.select(
                    log.n,
                    log.side,
                    sa.func.lag(log.n).over(partition_by=same, order_by=log.n).label("former"),
                    sa.func.lead(log.n).over(partition_by=same, order_by=log.n).label("later"),
                ).subquery()
                unread = [
                    sa.and_(entries.c.side.in_(list(sides)), entries.c.n > _position(tx, sync))
                    for sync, sides in readers.items()
                ]
                query = sa.select(entries.c.n).where(
                    entries.c.former.is_not(None), entries.c.later.is_not(None), sa.not_(sa.or_(sa.false(), *unread))
                )
                found = [row["n"] for row in tx.all(query.order_by(entries.c.n).limit(SUPERSEDED))]
            for part in chunks(found, BATCH):
                with self._ports.store.write(self._lease) as tx:
                    self.swept.changes += tx.execute(sa.delete(t.change_log).where(log.n.in_(part)))
            if len(found) < SUPERSEDED:
                return

    def before_images(self, before: str) -> None:
        """Intents go a whole run at a time, so that a run can be undone as a whole or not at all; so does what an
        accepted match could be parted with. A refused create is not asked for again because its intent says so."""
        intent = t.intent.c
        with self._ports.store.write(self._lease) as tx:
            # First: a match whose writes are no longer known must not look as if nothing had been written for it.
            accepted = sa.update(t.proposal).where(t.proposal.c.before.is_not(None), t.proposal.c.at < before)
            self.swept.before_images += tx.execute(accepted.values(before=None))
        with self._ports.store.read() as tx:
            young = sa.select(intent.run).where(sa.or_(intent.closed_at.is_(None), intent.closed_at >= before))
            lasting = {row["run"] for row in tx.all(young.distinct())}
        columns = (intent.id, intent.run, intent.entity, intent.closed_at, intent.kind, intent.state)
        after = ("", "")
        while True:
            with self._ports.store.write(self._lease) as tx:
                query = (
                    sa.select(*columns)
                    .where(
                        intent.closed_at < before,
                        sa.or_(
                            intent.closed_at > after[0], sa.and_(intent.closed_at == after[0], intent.id > after[1])
                        ),
                    )
                    .order_by(intent.closed_at, intent.id)
                    .limit(BATCH)
                )
                page = tx.all(query)
                needed = _needed(tx, (row["entity"] for row in page))
                gone = [
                    row["id"]
                    for row in page
                    if row["run"] not in lasting
                    and row["entity"] not in needed
                    and (row["kind"], row["state"]) != ("create", "refused")
                ]
                self.swept.before_images += tx.execute(sa.delete(t.intent).where(intent.id.in_(gone))) if gone else 0
            if len(page) < BATCH:
                return
            after = page[-1]["closed_at"], page[-1]["id"]

    def audit(self, before: str, told_of_changes: bool) -> None:
        """Never the newest line: its number would be given again, and lie before positions that were read up to."""
        line = t.audit.c
        with self._ports.store.read() as tx:
            limit = int(tx.scalar(sa.select(sa.func.max(line.n))) or 0)
            if told_of_changes:
                read = tx.setting(POSITION)
                limit = min(limit, int(read or 0) + 1)
        after = 0
        while True:
            with self._ports.store.write(self._lease) as tx:
                query = sa.select(line.n, line.entity).where(line.n > after, line.n < limit, line.at < before)
                page = tx.all(query.order_by(line.n).limit(BATCH))
                needed = _needed(tx, (row["entity"] for row in page))
                gone = [row["n"] for row in page if row["entity"] not in needed]
                self.swept.audit += tx.execute(sa.delete(t.audit).where(line.n.in_(gone))) if gone else 0
            if len(page) < BATCH:
                return
            after = page[-1]["n"]

    def findings(self, before: str) -> None:
        """Trouble that is over, once it is as old as the audit may grow."""
        over = sa.select(t.finding.c.key).where(t.finding.c.state.not_in(findings.OPEN), t.finding.c.closed_at < before)
        while True:
            with self._ports.store.write(self._lease) as tx:
                page = [row["key"] for row in tx.all(over.limit(BATCH))]
                self.swept.findings += tx.execute(sa.delete(t.finding).where(t.finding.c.key.in_(page))) if page else 0
            if len(page) < BATCH:
                return

    def runs(self, before: str) -> None:
        """Runs of which nothing is kept any more; never a sync's last one, nor the first that wrote: handoffs count
        from it."""
        run, other = t.run, t.run.alias("other")
        first = sa.select(run.c.id).where(run.c.mode == "write").order_by(run.c.started_at, run.c.id).limit(1)
        last = sa.select(sa.func.max(other.c.started_at)).where(other.c.sync == run.c.sync).scalar_subquery()
        over = sa.select(run.c.id).where(
            run.c.started_at < before,
            run.c.started_at < last,
            run.c.id.not_in(first.scalar_subquery()),
            run.c.id.not_in(sa.select(t.intent.c.run)),
            run.c.id.not_in(sa.select(t.audit.c.run).where(t.audit.c.run.is_not(None))),
        )
        with self._ports.store.read() as tx:
            gone = [row["id"] for row in tx.all(over)]
        for part in chunks(gone, BATCH):
            with self._ports.store.write(self._lease) as tx:
                self.swept.runs += tx.execute(sa.delete(run).where(run.c.id.in_(part)))


def _position(tx: Tx, sync: str) -> int:
    """Up to where a sync has read the change log."""
    return int(tx.scalar(sa.select(t.position.c.n).where(t.position.c.sync == sync)) or 0)


def _needed(tx: Tx, entities: Iterable[str | None]) -> set[str]:
    """Of these entities, those with something open: an intent, a finding, a conflict."""
    asked = sorted({entity for entity in entities if entity is not None})
    if not asked:
        return set()
    open_ones: list[sa.Select[Any]] = [
        sa.select(t.intent.c.entity).where(t.among(t.intent.c.entity, asked), t.intent.c.closed_at.is_(None)),
        sa.select(t.finding.c.entity).where(t.among(t.finding.c.entity, asked), t.finding.c.state.in_(findings.OPEN)),
        sa.select(t.conflict.c.entity).where(t.among(t.conflict.c.entity, asked)),
    ]
    return {row["entity"] for query in open_ones for row in tx.all(query)}
