"""Who set the values that stand in a conflict: asked of the sides' histories, where the record itself does not say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from connectors.base import Change, utc
from connectors.errors import ConnectorError
from connectors.log import Log
from keepstep.engine.absorb import conflict_findings
from keepstep.engine.job import Job
from keepstep.engine.ports import Ports
from keepstep.engine.references import References
from keepstep.engine.state import EntityState, load, save
from keepstep.engine.world import Side, Sync
from keepstep.store import findings
from mapping.agreement import Candidate

log = Log()

BACK = timedelta(days=2)
"""How far before the record's last change its history is read."""


def name_authors(job: Job, entities: Sequence[str]) -> None:
    """Complete the candidates of these entities' conflicts. What a side will not tell stays unknown."""
    ports, sync = job.ports, job.sync
    with job.read() as tx:
        states = load(tx, list(entities))
    told: dict[tuple[str, str], list[Change]] = {}
    for side in sync.sides.values():
        asked = {s.id: s.links[side.name].record for s in states.values() if _unknown(s, side)}
        if not asked or not side.abilities.history:
            continue
        try:
            since = min(_since(states[id], side, ports) for id in asked)
            for change in side.connector.history(side.stream, sorted(asked.values()), since):
                told.setdefault((side.name, change.id), []).append(change)
        except ConnectorError as error:
            log.info("history not to be had", side=side.name, error=str(error))
    if not told:
        return
    with job.write() as tx:
        states = load(tx, list(entities))
        references = References(tx, job.world)
        references.prepare(sync, states.values())
        for (side_name, _), changes in told.items():
            for change in changes:
                who = {"account": change.by, "name": change.by_name} if change.by else {}
                references.people.person(side_name.partition(".")[0], who)
        for state in states.values():
            _complete(state, sync, told)
        save(tx, states.values(), ports.now())
        references.people.save()
        findings.report(tx, conflict_findings(states.values(), sync, references), ports.now(), ports.new_id)


def _unknown(state: EntityState, side: Side) -> bool:
    stands = [conflict.candidates.get(side.name) for conflict in state.conflicts.values()]
    return side.name in state.links and any(each is not None and each.by is None for each in stands)


def _since(state: EntityState, side: Side, ports: Ports) -> str:
    record = state.records.get(side.name)
    at = record["modified_at"] if record and record["modified_at"] else ports.now()
    return utc(datetime.fromisoformat(at) - BACK)


def _complete(state: EntityState, sync: Sync, told: dict[tuple[str, str], list[Change]]) -> None:
    for name, conflict in list(state.conflicts.items()):
        candidates = dict(conflict.candidates)
        for side_name, candidate in conflict.candidates.items():
            side, link = sync.sides.get(side_name), state.links.get(side_name)
            if side is None or link is None or candidate.by is not None:
                continue
            system = side.mapper.system(sync.kind, name)
            own = [c for c in told.get((side_name, link.record), ()) if c.field == system and not c.ours]
            if own:
                candidates[side_name] = Candidate(candidate.value, own[-1].at, own[-1].by)
        if candidates != conflict.candidates:
            state.conflicts[name] = msgspec.structs.replace(conflict, candidates=candidates)
            state.dirty_conflicts.add(name)
