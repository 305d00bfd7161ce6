"""Plans that a named person must see before they are carried out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.engine.match.summary import linked_count, open_proposals
from keepstep.engine.owed import Operation
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx

DELETES = 10
DELETES_SHARE = 0.05
SCOPE_SHARE = 0.5
MASS_SHARE = 0.5
MASS_LINKS = 10


class Hold(msgspec.Struct, frozen=True):
    """Why a plan waits for a person."""

    reason: str
    params: dict[str, Any]


def reasons(tx: Tx, sync: Sync, operations: Sequence[Operation], fingerprint: str) -> list[Hold]:
    """Why this plan must not be carried out unseen. Pure over the store's facts."""
    held = []
    known = tx.one(sa.select(t.setting.c.value).where(t.setting.c.name == f"applied:{sync.name}"))
    if operations and known is None:
        # Letting it through accepts the sync's first matching as well: so it says what that linked and asks.
        held.append(
            Hold(
                "first_plan",
                {
                    "operations": len(operations),
                    "creates": sum(operation.kind == "create" for operation in operations),
                    "linked": linked_count(tx, sync.name),
                    "proposals": open_proposals(tx, sync.name),
                },
            )
        )
    if operations and known is not None and known["value"] != fingerprint:
        held.append(Hold("configuration_changed", {"operations": len(operations)}))
    held += _deletes(tx, sync, operations)
    held += _mass(tx, sync, operations)
    return held


def _deletes(tx: Tx, sync: Sync, operations: Sequence[Operation]) -> list[Hold]:
    deletes = [operation for operation in operations if operation.kind in ("delete", "archive")]
    if not deletes:
        return []
    held = []
    links = _live_links(tx, sync)
    total = sum(links.values())
    limit = max(DELETES, int(total * DELETES_SHARE))
    if len(deletes) > limit:
        held.append(Hold("too_many_deletes", {"deletes": len(deletes), "limit": limit}))
    going = Counter(_scopes(tx, deletes))
    for scope, count in sorted(going.items()):
        there = links.get(scope, 0)
        if there and (count > there * SCOPE_SHARE):
            params = {"side": scope[0], "scope": scope[1], "deletes": count, "there": there}
            held.append(Hold("scope_emptied", params) if count >= there else Hold("scope_thinned", params))
    return held


def _scopes(tx: Tx, operations: Sequence[Operation]) -> list[tuple[str, str]]:
    found = []
    for operation in operations:
        scope = tx.scalar(
            sa.select(t.record.c.scope).where(t.record.c.side == operation.side, t.record.c.id == operation.record)
        )
        found.append((operation.side, scope or ""))
    return found


def _live_links(tx: Tx, sync: Sync) -> dict[tuple[str, str], int]:
    query = (
        sa.select(t.record.c.side, t.record.c.scope, sa.func.count().label("n"))
        .where(t.record.c.side.in_(list(sync.sides)), t.record.c.entity.is_not(None), t.record.c.deleted.is_(False))
        .group_by(t.record.c.side, t.record.c.scope)
    )
    return {(row["side"], row["scope"] or ""): row["n"] for row in tx.all(query)}


def _mass(tx: Tx, sync: Sync, operations: Sequence[Operation]) -> list[Hold]:
    """Over half of a stream changing one field at once is a moved time zone or a restored backup, not people."""
    changed: Counter[tuple[str, str]] = Counter()
    for operation in operations:
        if operation.kind == "update":
            changed.update(
                (operation.side, name) for name, planned in operation.fields.items() if planned.was is not None
            )
    if not changed or max(changed.values()) < MASS_LINKS:
        return []
    there: Counter[str] = Counter()
    for (side, _), count in _live_links(tx, sync).items():
        there[side] += count
    return [
        Hold("mass_change", {"side": side, "field": name, "changes": count, "there": there[side]})
        for (side, name), count in sorted(changed.items())
        if count >= MASS_LINKS and count > there[side] * MASS_SHARE
    ]


def judge(tx: Tx, ports: Ports, sync: Sync, operations: Sequence[Operation], fingerprint: str) -> list[Hold]:
    """The holds that stand: those that nobody has let through. Remembers new ones for a person to decide."""
    standing = []
    rows = {row["reason"]: row for row in tx.all(sa.select(t.hold).where(t.hold.c.sync == sync.name))}
    there = reasons(tx, sync, operations, fingerprint)
    for hold in there:
        row = rows.get(hold.reason)
        if row is not None and row["state"] == "let_through" and not _grown(row["params"], hold.params):
            continue
        standing.append(hold)
        tx.upsert(
            t.hold,
            [
                {
                    "sync": sync.name,
                    "reason": hold.reason,
                    "params": hold.params,
                    "state": "open",
                    "by": None,
                    "at": ports.now(),
                }
            ],
        )
    over = [reason for reason in rows if reason not in {hold.reason for hold in there}]
    if over:
        tx.execute(sa.delete(t.hold).where(t.hold.c.sync == sync.name, t.hold.c.reason.in_(over)))
    return standing


def _grown(shown: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether more would be deleted or overwritten, or elsewhere, than the person who let it through was shown."""
    counts = ("deletes", "changes")
    where = ("side", "scope", "field")
    return any(now.get(name, 0) > shown.get(name, 0) for name in counts) or any(
        now.get(name) != shown.get(name) for name in where
    )


def let_through(tx: Tx, ports: Ports, sync: str, by: str) -> list[str]:
    """A named person lets the held plan of a sync through, once. Returns the reasons that had held it."""
    rows = tx.all(sa.select(t.hold.c.reason).where(t.hold.c.sync == sync, t.hold.c.state == "open"))
    tx.execute(
        sa.update(t.hold)
        .where(t.hold.c.sync == sync, t.hold.c.state == "open")
        .values(state="let_through", by=by, at=ports.now())
    )
    reasons = [row["reason"] for row in rows]
    if reasons:
        tx.insert(
            t.audit,
            [
                {
                    "at": ports.now(),
                    "run": None,
                    "code": "let_through",
                    "entity": None,
                    "side": None,
                    "field": None,
                    "params": {"sync": sync, "reasons": reasons, "by": by},
                }
            ],
        )
    return reasons


def passed(tx: Tx, sync: str, fingerprint: str) -> None:
    """A plan of this configuration was carried out; a permission to pass holds for one plan."""
    tx.upsert(t.setting, [{"name": f"applied:{sync}", "value": fingerprint}])
    tx.execute(sa.delete(t.hold).where(t.hold.c.sync == sync, t.hold.c.state == "let_through"))
