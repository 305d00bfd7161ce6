"""What shows only where connections stand side by side: one account twice, and schedules beyond a quota."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations

import msgspec

from connectors.examining import Symptom
from keepstep.config import Config
from keepstep.config.schema import Sync
from keepstep.engine.diagnosis.look import Looked

NEAR = 0.5
"""The share of a quota from which polling alone is worth a word: people's changes cost as much again."""


def of_connections(syncs: Mapping[str, Sync], looked: Mapping[str, Looked]) -> None:
    """Add what is found to the connections that it concerns."""
    for one, other in combinations(looked.values(), 2):
        if one.identity is not None and one.identity == other.identity:
            params = {"other": one.connection.name, "site": one.identity[1]}
            other.add(Symptom(code="same_account", params=params))
    for each in looked.values():
        for symptom in _pace(syncs, each):
            each.add(symptom)


def calm(used: Mapping[str, Collection[str]], looked: Mapping[str, Looked]) -> None:
    """What concerns a stream that a connection does not use is good to know, and no more. ``used``: connection ->
    its streams that take part in anything; a connection that takes part in nothing yet is left as it is."""
    for name, streams in used.items():
        if name in looked:
            looked[name].symptoms = [
                msgspec.structs.replace(symptom, severity="info") if _elsewhere(symptom, streams) else symptom
                for symptom in looked[name].symptoms
            ]


def _elsewhere(symptom: Symptom, streams: Collection[str]) -> bool:
    return "stream" in symptom.params and symptom.params["stream"] not in streams


def streams_used(config: Config) -> dict[str, set[str]]:
    """Connection -> streams that a configuration reads or writes for some purpose."""
    used: dict[str, set[str]] = {}
    tasks = config.changes_to_tasks
    places = [(side.connection, side.stream) for sync in config.syncs.values() for side in sync.sides]
    if tasks is not None:
        places += [(watched.connection, watched.stream) for watched in tasks.watch]
        places += [(tasks.create_in.connection, tasks.create_in.stream)] if tasks.create_in is not None else []
    for connection, stream in places:
        used.setdefault(connection, set()).add(stream)
    return used


def _pace(syncs: Mapping[str, Sync], looked: Looked) -> Iterator[Symptom]:
    """Requests that polling alone makes while nothing changes, beside what the service grants in the same time.

    A request costs at least one of whatever unit the service counts in, so that a quota in credits is judged mildly.
    """
    quota = looked.description.quota if looked.description is not None else None
    if quota is None or looked.description is None:
        return
    needed, polling = 0.0, []
    for name, sync in syncs.items():
        streams = {side.stream for side in sync.sides if side.connection == looked.connection.name}
        cost = sum(feed.cost for feed in looked.description.feeds if streams & set(feed.streams))
        if cost:
            needed += cost * quota.seconds / sync.every.total_seconds()
            polling.append(name)
    if needed <= quota.amount * NEAR:
        return
    params = {
        "needed": round(needed),
        "amount": quota.amount,
        "seconds": quota.seconds,
        "percent": round(100 * needed / quota.amount),
        "syncs": polling,
    }
    yield Symptom(code="quota_near", severity="error" if needed > quota.amount else "warning", params=params)
