"""The bytes of a file on their way: in parts into a private file of ours, hashed, never whole in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import sqlalchemy as sa

from connectors.base import Content
from connectors.content import Carries, Download
from connectors.errors import ConnectorError, NotFound, RecordRefused
from connectors.log import Log
from keepstep.engine.carried import source
from keepstep.engine.job import Job
from keepstep.engine.state import EntityState, load, save
from keepstep.engine.world import Side, Sync
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.agreement import Agreed
from mapping.model import CONTENT

log = Log()

Keep = Callable[[], None]

BEAT = 30.0
"""Seconds of a slow download after which the lease is renewed."""

TWINS = 5
"""Files of one size on one thing that are read to tell whether one of them is the same."""


class Unasked(Exception):
    """A side could not be asked for bytes just now; ``error`` says why."""

    def __init__(self, side: Side, error: ConnectorError) -> None:
        super().__init__(str(error))
        self.side = side
        self.error = error


@contextmanager
def fetched(job: Job, side: Side, entity: str) -> Iterator[Content | None]:
    """The bytes of an entity, as long as the context lasts. None: they cannot be carried to that side.

    Of what rides with a sync it keeps what the bytes were, and those of files of the same size that lie there already:
    whether it is among them is told by that. Raises ``Unasked``.
    """
    sync = job.sync
    with job.read() as tx:
        state = load(tx, [entity]).get(entity)
        beside = _same_size(tx, sync, side, state) if state is not None and sync.carried is not None else []
    origin = source(state, sync) if state is not None else None
    if origin is None:
        yield None
        return
    limit = min(sync.largest, side.abilities.content)
    facts: dict[str, str | None] = {entity: None}
    keep = _keeper(job)
    with NamedTemporaryFile(prefix="keepstep-") as file:
        content = None
        try:
            content = _read(sync.sides[origin.side], origin.record, limit, file, keep)
            facts[entity] = content.sha256
        except (NotFound, RecordRefused) as reason:
            log.warning("file left where it is", entity=entity, side=origin.side, reason=str(reason))
        for other in beside if content is not None else ():
            link = other.links[side.name]
            try:
                facts[other.id] = _hash(side, link.record, limit, keep)
            except (NotFound, RecordRefused):
                continue
        if sync.carried is not None:
            _keep(job, facts)
        else:
            _tell(job, entity, origin.side, content is not None)
        yield content


def _read(source: Side, record: str, limit: int, file: IO[bytes], keep: Keep) -> Content:
    got, parts = _parts(source, record, limit, keep)
    digest, size = hashlib.sha256(), 0
    for part in parts:
        size += len(part)
        digest.update(part)
        file.write(part)
    file.flush()
    return Content(Path(file.name), got.name, got.media_type, size, digest.hexdigest())


def _hash(side: Side, record: str, limit: int, keep: Keep) -> str:
    digest = hashlib.sha256()
    for part in _parts(side, record, limit, keep)[1]:
        digest.update(part)
    return digest.hexdigest()


def _parts(side: Side, record: str, limit: int, keep: Keep) -> tuple[Download, Iterator[bytes]]:
    """What a side sends of a record, and its parts. Raises ``NotFound``, ``RecordRefused`` or ``Unasked``."""
    if not isinstance(side.connector, Carries):
        raise RecordRefused(f"{side.name} gives no bytes away", code="no_content")
    with _asking(side):
        got = side.connector.download(side.stream, record)
    return got, _within(side, got, limit, keep)


@contextmanager
def _asking(side: Side) -> Iterator[None]:
    try:
        yield
    except (NotFound, RecordRefused):
        raise
    except ConnectorError as error:
        raise Unasked(side, error) from error


def _keeper(job: Job) -> Keep:
    """Renews the lease now and then: however long the bytes take, nobody else begins meanwhile."""
    clock = job.ports.clock
    last = clock.monotonic()

    def keep() -> None:
        nonlocal last
        if clock.monotonic() - last > BEAT:
            with job.write():
                last = clock.monotonic()

    return keep


def _within(side: Side, got: Download, limit: int, keep: Keep) -> Iterator[bytes]:
    """The parts, as long as they are no more than allowed, whatever was told beforehand."""
    size = 0
    while True:
        with _asking(side):
            part = next(got.chunks, None)
        if part is None:
            return
        keep()
        size += len(part)
        if size > limit:
            raise RecordRefused(f"{got.name}: more than {limit} bytes", code="too_large")
        yield part


def _same_size(tx: Tx, sync: Sync, side: Side, state: EntityState) -> list[EntityState]:
    """Files that lie on that side under the same thing, are as large, and were never read."""
    query = (
        sa.select(t.entity.c.id)
        .join(t.link, t.link.c.entity == t.entity.c.id)
        .where(
            t.entity.c.under == state.under,
            t.entity.c.sync == sync.name,
            t.entity.c.id != state.id,
            t.link.c.side == side.name,
            t.link.c.state == "live",
        )
        .order_by(t.entity.c.id)
    )
    others = load(tx, [row["id"] for row in tx.all(query)]).values()
    alike = [each for each in others if CONTENT not in each.agreed and each.value("size") == state.value("size")]
    return alike[:TWINS]


def _tell(job: Job, entity: str, side: str, read: bool) -> None:
    """A document that cannot be read is told as long as that is so; it is tried again whenever its copy is due."""
    ports, sync, key = job.ports, job.sync, f"unreadable:{entity}"
    with job.write() as tx:
        if read:
            findings.close(tx, [key], ports.now())
            return
        state = load(tx, [entity])[entity]
        finding = Finding(
            key=key,
            code="file_unreadable",
            sync=sync.name,
            entity=entity,
            params={"entity": entity, "kind": sync.kind.value, "title": state.title, "side": side},
        )
        findings.report(tx, [finding], ports.now(), ports.new_id)


def _keep(job: Job, facts: Mapping[str, str | None]) -> None:
    now = job.ports.now()
    with job.write() as tx:
        states = load(tx, list(facts))
        for id, state in states.items():
            source = state.origin.side if state.origin else job.sync.name
            state.agreed[CONTENT] = Agreed(facts[id], 0, source, now)
            state.dirty = True
        save(tx, states.values(), now)
