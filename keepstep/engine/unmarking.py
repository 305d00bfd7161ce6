"""Taking our markers off a system's records, in batches: whatever stops it, the next one goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import Outcome
from connectors.preparing import Prepares
from keepstep.engine.ports import Ports
from keepstep.engine.preparing import Preparing, note
from keepstep.store import tables as t
from keepstep.store.store import Tx

BATCH = 100
"""Records between two steps that are stored: as many as one request takes, where a request takes several."""
PASSES = 3
"""So often a record is tried again that a limit of the service held back."""


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A record that still carries our marker, and why."""

    side: str
    id: str
    url: str | None = None
    status: str
    reason: str = ""


class Unmarked(msgspec.Struct, kw_only=True):
    """How many lost their marker, how many were no longer there, and which still carry one."""

    done: int = 0
    gone: int = 0
    left: list[Left] = []


def marked(tx: Tx, connection: str) -> dict[str, int]:
    """Side -> how many records there are known to carry a marker of ours."""
    query = (
        sa.select(t.record.c.side, sa.func.count().label("n"))
        .where(t.record.c.side.startswith(f"{connection}.", autoescape=True), *_marked())
        .group_by(t.record.c.side)
        .order_by(t.record.c.side)
    )
    return {row["side"]: row["n"] for row in tx.all(query)}


def unmark(
    preparing: Preparing, connector: Prepares, side: str, tell: Callable[[Unmarked], None] = lambda so_far: None
) -> Unmarked:
    """Take the markers off all records of a side. What is done is stored with each batch, so that it may be killed.

    Raises ``ConnectorError`` when the service cannot be talked to at all; ``Fenced`` when the lease was lost.
    """
    result = Unmarked(left=[])
    held: dict[str, Outcome] = {}
    for attempt in range(PASSES):
        wanted = sorted(held) if attempt else None
        waits = [outcome.retry_after or 0.0 for outcome in held.values()]
        if attempt and not waits:
            break
        preparing.ports.clock.wait(max(waits, default=0.0))
        held = _pass(preparing, connector, side, wanted, result, tell)
    with preparing.ports.store.read() as tx:
        result.left += _left(tx, side, held)
    return result


def _pass(
    preparing: Preparing,
    connector: Prepares,
    side: str,
    wanted: list[str] | None,
    result: Unmarked,
    tell: Callable[[Unmarked], None],
) -> dict[str, Outcome]:
    """One walk over the side, or over the wanted records of it; those that were held back for a while."""
    stream = side.partition(".")[2]
    held: dict[str, Outcome] = {}
    after = ""
    while True:
        with preparing.ports.store.read() as tx:
            query = sa.select(t.record.c.id).where(t.record.c.side == side, t.record.c.id > after, *_marked())
            if wanted is not None:
                query = query.where(t.among(t.record.c.id, wanted))
            ids = [row["id"] for row in tx.all(query.order_by(t.record.c.id).limit(BATCH))]
        if not ids:
            return held
        after = ids[-1]
        outcomes = connector.unmark(stream, ids, preparing.gate)
        with preparing.ports.store.write(preparing.lease) as tx:
            _keep(tx, preparing.ports, preparing, side, outcomes)
            stuck = {outcome.intent: outcome for outcome in outcomes if outcome.status not in ("done", "gone")}
            waiting = {id: each for id, each in stuck.items() if each.status == "not_sent"}
            held |= waiting
            result.left += _left(tx, side, {id: each for id, each in stuck.items() if id not in waiting})
        result.done += sum(outcome.status == "done" for outcome in outcomes)
        result.gone += sum(outcome.status == "gone" for outcome in outcomes)
        tell(result)


def _keep(tx: Tx, ports: Ports, preparing: Preparing, side: str, outcomes: Iterable[Outcome]) -> None:
    freed = [outcome.intent for outcome in outcomes if outcome.status in ("done", "gone")]
    if freed:
        mine = (t.record.c.side == side, t.among(t.record.c.id, freed))
        tx.execute(sa.update(t.record).where(*mine).values(marker=None))
    for outcome in outcomes:
        params = {"record": outcome.intent, "by": preparing.by, "reason": outcome.reason}
        note(tx, ports, f"unmark_{outcome.status}", preparing.connection, side, **params)


def _left(tx: Tx, side: str, stuck: dict[str, Outcome]) -> list[Left]:
    if not stuck:
        return []
    mine = (t.record.c.side == side, t.among(t.record.c.id, list(stuck)))
    urls = {row["id"]: row["url"] for row in tx.all(sa.select(t.record.c.id, t.record.c.url).where(*mine))}
    return [
        Left(side=side, id=id, url=urls.get(id), status=outcome.status, reason=outcome.reason)
        for id, outcome in stuck.items()
    ]


def _marked() -> tuple[Any, ...]:
    return t.record.c.marker.is_not(None), t.record.c.deleted.is_(False)
