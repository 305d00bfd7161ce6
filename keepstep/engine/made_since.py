"""Creates after the store was put back from a copy: what was made since is looked for before anything is made.

What is alive is seen by reading everything anew. What went into the bin since is not, and would be made a second time.
"""

from __future__ import annotations

from collections.abc import Sequence

from keepstep.engine.intake import store_records
from keepstep.engine.job import Job
from keepstep.engine.match.linking import link_records, link_row
from keepstep.engine.operations import Operation
from keepstep.engine.world import Side
from keepstep.store import tables as t

FOUND_BY_MARKER = ("in_create", "unique_field", "reserved_id")


def not_made(job: Job, side: Side, creates: Sequence[Operation]) -> list[Operation]:
    """Those of the creates whose record is not there. What is there, in the bin or not, gets its place.

    Raises ``ConnectorError`` if the side cannot be asked; what was found before stays stored.
    """
    if side.abilities.marker not in FOUND_BY_MARKER:
        return list(creates)
    missing = []
    for operation in creates:
        found = side.connector.find(side.stream, operation.entity)
        if not found:
            missing.append(operation)
            continue
        first, now = found[0], job.ports.now()
        with job.write() as tx:
            store_records(tx, job.ports, job.world, side.connection, [first])
            state = "gone" if first.deleted else "live"
            row = {"side": side.name, "id": first.id}
            link_records(tx, [link_row(row, operation.entity, now, state=state, evidence={"by": "marker"})])
            tx.upsert(t.due, [{"sync": job.sync.name, "entity": operation.entity, "since": now}])
    return missing
