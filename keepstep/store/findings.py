"""Findings: what a person must see, as code and parameters. The same trouble is never told twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.store import tables as t
from keepstep.store.store import Tx

OPEN = ("open", "acknowledged", "waived")
"""States of a finding whose trouble is still there. Trouble that ends makes it resolved; that returns, open again."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Trouble that is there now. ``key`` says which trouble it is: two with one key are one."""

    key: str
    code: str
    severity: str = "warning"
    params: Mapping[str, Any] = {}
    sync: str | None = None
    entity: str | None = None


def report(tx: Tx, findings: Iterable[Finding], now: str, new_id: Callable[[], str]) -> list[Finding]:
    """Record trouble that is there; returns what was not open before."""
    fresh = []
    for finding in findings:
        row = tx.one(sa.select(t.finding).where(t.finding.c.key == finding.key))
        params = msgspec.to_builtins(finding.params)
        if row is None:
            tx.insert(
                t.finding,
                [
                    {
                        "key": finding.key,
                        "id": new_id(),
                        "code": finding.code,
                        "severity": finding.severity,
                        "params": params,
                        "sync": finding.sync,
                        "entity": finding.entity,
                        "state": "open",
                        "opened_at": now,
                        "seen_at": now,
                        "closed_at": None,
                        "times": 1,
                    }
                ],
            )
            fresh.append(finding)
            continue
        again = row["state"] not in OPEN
        same = (row["code"], row["params"], row["severity"]) == (finding.code, params, finding.severity)
        if not again and same:
            continue
        values: dict[str, Any] = {
            "code": finding.code,
            "params": params,
            "severity": finding.severity,
            "seen_at": now,
        }
        if again:
            values |= {"state": "open", "opened_at": now, "closed_at": None, "times": row["times"] + 1}
            fresh.append(finding)
        tx.execute(sa.update(t.finding).where(t.finding.c.key == finding.key).values(**values))
    return fresh


_CLOSE = (
    sa.update(t.finding)
    .where(t.among(t.finding.c.key, t.named("keys")), t.finding.c.state.in_(OPEN))
    .values(state="resolved", closed_at=sa.bindparam("now"))
)


def close(tx: Tx, keys: Iterable[str], now: str) -> None:
    """The trouble of those keys is over."""
    keys = list(keys)
    if keys:
        tx.execute(_CLOSE, keys=keys, now=now)


@cache
def _open_below(prefix: str) -> sa.Select[tuple[str]]:
    return sa.select(t.finding.c.key).where(
        t.finding.c.entity.in_(sa.bindparam("entities", expanding=True)),
        t.finding.c.state.in_(OPEN),
        t.begins(t.finding.c.key, prefix),
    )


def reconcile(
    tx: Tx, entities: list[str], prefix: str, there: Iterable[Finding], now: str, new_id: Callable[[], str]
) -> list[Finding]:
    """What ``there`` names is open; what else was open with that key prefix for those entities is resolved."""
    there = list(there)
    wanted = {finding.key for finding in there}
    fresh = report(tx, there, now, new_id)
    for start in range(0, len(entities), 400):
        part = entities[start : start + 400]
        rows = tx.all(_open_below(prefix), entities=part)
        close(tx, [row["key"] for row in rows if row["key"] not in wanted], now)
    return fresh


def acknowledge(tx: Tx, finding: Mapping[str, Any], by: str, now: str) -> None:
    """A person has seen an open finding. Who and when stays in the audit; what it says, in the finding alone."""
    tx.execute(sa.update(t.finding).where(t.finding.c.id == finding["id"]).values(state="acknowledged"))
    about = {name: finding[name] for name in ("id", "code", "sync")}
    line = {"at": now, "run": None, "entity": finding["entity"], "side": None, "field": None}
    tx.insert(t.audit, [line | {"code": "finding_acknowledged", "params": about | {"by": by}}])
