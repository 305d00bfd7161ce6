"""Records that look unchanged to a store that was put back from a copy: looked at by id before that is believed.

What was written just before may stand there already, and a person may have set it back since; an index that lags shows
the record as it was, or not at all.
"""

from __future__ import annotations

import sqlalchemy as sa

from connectors.errors import ConnectorError
from keepstep.engine.absorb import look
from keepstep.engine.failures import tell_failure
from keepstep.engine.intake import store_looks
from keepstep.engine.job import Job
from keepstep.engine.oblivion import Unknown
from keepstep.engine.reconfigured import NEVER_SEEN
from keepstep.engine.references import References
from keepstep.engine.state import EntityState, load
from keepstep.store import tables as t
from mapping.agreement import Agreed

BATCH = 400


def look_closely(job: Job) -> str | None:
    """Read by id what was not shown again, or looks unchanged while others of its thing changed, of all that is due.

    Returns the side that could not be asked, if one could not, which is told: nothing may be taken in yet.
    """
    ports, sync = job.ports, job.sync
    after = ""
    while entities := _due(job, after):
        after = entities[-1]
        for name, ids in _quiet(job, entities).items():
            side, asked_at = sync.sides[name], ports.now()
            try:
                looked = list(side.connector.get(side.stream, ids))
            except ConnectorError as error:
                with job.write() as tx:
                    tell_failure(tx, ports, side, error)
                return name
            with job.write() as tx:
                store_looks(tx, ports, job.world, side.connection, looked, asked_at)
    return None


def _due(job: Job, after: str) -> list[str]:
    mine = t.due.c.sync == job.sync.name, t.due.c.entity > after
    with job.read() as tx:
        rows = tx.all(sa.select(t.due.c.entity).where(*mine).order_by(t.due.c.entity).limit(BATCH))
    return [row["entity"] for row in rows]


def _quiet(job: Job, entities: list[str]) -> dict[str, list[str]]:
    """Side -> records of these entities that cannot be believed yet."""
    found: dict[str, list[str]] = {}
    with job.read() as tx:
        states = load(tx, entities)
        references = References(tx, job.world)
        references.prepare(job.sync, states.values())
        for state in states.values():
            for side in sorted(_quiet_sides(job, state, references)):
                found.setdefault(side, []).append(state.links[side].record)
    return found


def _quiet_sides(job: Job, state: EntityState, references: References) -> set[str]:
    views, _ = look(state, job.sync, references)
    there = {side for side, record in state.records.items() if side in job.sync.sides and not record["deleted"]}
    nothing = Unknown(frozenset(there))
    return {side for side in there if state.records[side]["digest"] == NEVER_SEEN} | {
        view.side
        for name, seen in views.items()
        for view in nothing.stand_against(Agreed(), seen, job.sync.equality(name))
    }
