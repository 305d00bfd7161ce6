"""Plans that a named person must see before they are carried out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import utc
from connectors.http import REQUEST_TIMEOUT
from keepstep.engine.carried import shown_to_clients
from keepstep.engine.match.linking import put_back
from keepstep.engine.match.summary import linked_count, open_proposals
from keepstep.engine.operations import Operation
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import CONTENT

DELETES = 10
DELETES_SHARE = 0.05
SCOPE_SHARE = 0.5
MASS_SHARE = 0.5
MASS_LINKS = 10
PLACE = ("side", "scope", "field")
"""What a hold's parameters say of the place it is about."""

UNKNOWN = 3
"""Records of ours that the store does not know, from which on it is taken for an older copy."""
BACK = 5
"""The same of records that are older than the store knows them."""


def restored(taken_at: str, now: str) -> dict[str, str]:
    """What stands in place of the configuration under which plans were carried out, once the store is an older copy."""
    return {"taken_at": taken_at, "put_back_at": now}


class Hold(msgspec.Struct, frozen=True):
    """Why a plan waits for a person."""

    reason: str
    params: dict[str, Any]

    @property
    def key(self) -> str:
        """Reason and place: a plan may wait for one reason at several sides, and each is let through by itself."""
        return ":".join([self.reason, *(str(self.params[name]) for name in PLACE if name in self.params)])


def reasons(tx: Tx, sync: Sync, operations: Sequence[Operation], fingerprint: str) -> list[Hold]:
    """Why this plan must not be carried out unseen. Pure over the store's facts."""
    held = []
    known = tx.setting(f"applied:{sync.name}")
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
    if operations and put_back(known):
        until = _seen_by(sync, known["put_back_at"])
        held.append(Hold("store_restored", {"operations": len(operations), "at": known["taken_at"], "until": until}))
    elif operations and reconfigured(tx, sync.name, fingerprint):
        held.append(Hold("configuration_changed", {"operations": len(operations)}))
    held += _back_in_time(tx, sync, operations)
    held += _made_unknown(tx, sync, operations)
    held += _deletes(tx, sync, operations)
    held += _mass(tx, sync, operations)
    held += _toward_clients(sync, operations)
    return held


def taken_in_since(tx: Tx, sync: str) -> bool:
    """Whether everything was read and taken in anew since the store was put back."""
    applied = tx.setting(f"applied:{sync}")
    return not put_back(applied) or "taken_in_at" in applied


def took_in(tx: Tx, sync: str, now: str) -> None:
    """Everything was read and taken in anew, after the store was put back: shadows can be believed again."""
    name = f"applied:{sync}"
    applied = tx.setting(name)
    tx.upsert(t.setting, [{"name": name, "value": {**applied, "taken_in_at": now}}])


def settled(tx: Tx, sync: Sync, now: str) -> bool:
    """Whether the store was not put back from a copy, or long enough ago that all we made before is seen."""
    applied = tx.setting(f"applied:{sync.name}")
    return not put_back(applied) or now >= _seen_by(sync, applied["put_back_at"])


def _seen_by(sync: Sync, since: str) -> str:
    """When all that we ourselves made until then is sure to be seen: a lagging index would let it be made again."""
    abilities = [side.abilities for side in sync.sides.values()]
    wait = REQUEST_TIMEOUT + max(each.settle + 2 * each.search_lag for each in abilities)
    return utc(datetime.fromisoformat(since) + timedelta(seconds=wait))


def _deletes(tx: Tx, sync: Sync, operations: Sequence[Operation]) -> list[Hold]:
    deletes = [operation for operation in operations if operation.kind in ("delete", "archive")]
    if not deletes:
        return []
    held = []
    if len(deletes) > DELETES:
        # Where there are so many that the deletes are few, it does not matter how many more there are.
        enough = (len(deletes) + 1) * round(1 / DELETES_SHARE)
        total = _live_up_to(tx, enough, t.record.c.side.in_(list(sync.sides)))
        limit = max(DELETES, int(total * DELETES_SHARE))
        if len(deletes) > limit:
            held.append(Hold("too_many_deletes", {"deletes": len(deletes), "limit": limit}))
    going = Counter(_scopes(tx, deletes))
    for scope, count in sorted(going.items()):
        there = _live_up_to(tx, int(count / SCOPE_SHARE), t.record.c.side == scope[0], _in_scope(scope[1]))
        if there and (count > there * SCOPE_SHARE):
            params = {"side": scope[0], "scope": scope[1], "deletes": count, "there": there}
            held.append(Hold("scope_emptied", params) if count >= there else Hold("scope_thinned", params))
    return held + _perhaps_hidden(tx, sync, deletes)


def _perhaps_hidden(tx: Tx, sync: Sync, deletes: Sequence[Operation]) -> list[Hold]:
    """Deletes that follow from nothing but a record that is out of sight, on a side where a right that was taken away
    looks the same as a delete: whoever tells of a delete says when it was. What goes into an archive can be taken out
    of it again."""
    hiding = [name for name, side in sync.sides.items() if side.abilities.hides]
    entities = [operation.entity for operation in deletes if operation.kind == "delete"]
    if not hiding or not entities:
        return []
    unseen = t.record.c.side.in_(hiding), t.record.c.deleted.is_(True), t.record.c.modified_at.is_(None)
    query = sa.select(t.record.c.entity, t.record.c.side).where(t.among(t.record.c.entity, entities), *unseen)
    found = {(row["entity"], row["side"]) for row in tx.all(query)}
    unsure = Counter(
        operation.because[0]
        for operation in deletes
        if operation.kind == "delete"
        and operation.because
        and all((operation.entity, side) in found for side in operation.because)
    )
    return [Hold("perhaps_hidden", {"side": side, "deletes": count}) for side, count in sorted(unsure.items())]


def _scopes(tx: Tx, operations: Sequence[Operation]) -> list[tuple[str, str]]:
    found = []
    for operation in operations:
        scope = tx.scalar(
            sa.select(t.record.c.scope).where(t.record.c.side == operation.side, t.record.c.id == operation.record)
        )
        found.append((operation.side, scope or ""))
    return found


def _in_scope(scope: str) -> sa.ColumnElement[bool]:
    """Records in that place, or in none: two conditions, so that the index serves for either."""
    return t.record.c.scope == scope if scope else sa.or_(t.record.c.scope.is_(None), t.record.c.scope == "")


def _back_in_time(tx: Tx, sync: Sync, operations: Sequence[Operation]) -> list[Hold]:
    """Several records in an older version than the one known: a restored backup, not people."""
    mine = t.went_back.c.side.in_(list(sync.sides))
    if tx.one(sa.select(t.went_back.c.id).where(mine).limit(1)) is None:
        return []  # asked by itself: joined, the database may go through all records to find none
    query = (
        sa.select(t.went_back.c.side, t.record.c.entity)
        .join(t.record, sa.and_(t.record.c.side == t.went_back.c.side, t.record.c.id == t.went_back.c.id))
        .where(mine)
    )
    back = {(row["side"], row["entity"]) for row in tx.all(query)}
    if not back:
        return []
    carried = Counter(
        side for operation in operations for side in operation.because if (side, operation.entity) in back
    )
    return [
        Hold("back_in_time", {"side": side, "changes": count})
        for side, count in sorted(carried.items())
        if count > BACK
    ]


def _made_unknown(tx: Tx, sync: Sync, operations: Sequence[Operation]) -> list[Hold]:
    """Creates where records of ours lie that the store does not know: it may be an older copy, and make them again.

    What carries no marker in a stream that has one was made by hand with our account.
    """
    held = []
    creates = Counter(operation.side for operation in operations if operation.kind == "create")
    for side, count in sorted(creates.items()):
        told = sa.select(t.finding.c.params).where(
            t.finding.c.sync == sync.name,
            t.finding.c.code == "made_unknown",
            t.finding.c.state == "open",
            t.begins(t.finding.c.key, f"twin:{side}:"),
        )
        bare = sync.sides[side].abilities.marker in ("fingerprint", "none")
        unknown = sum(bare or row["params"]["marked"] for row in tx.all(told))
        if unknown >= UNKNOWN:
            held.append(Hold("made_unknown", {"side": side, "creates": count, "unknown": unknown}))
    return held


def _mass(tx: Tx, sync: Sync, operations: Sequence[Operation]) -> list[Hold]:
    """Over half of a stream changing one field at once is a moved time zone or a restored backup, not people."""
    changed: Counter[tuple[str, str]] = Counter()
    for operation in operations:
        if operation.kind == "update":
            changed.update(
                (operation.side, name) for name, planned in operation.fields.items() if planned.was is not None
            )
    held = []
    for (side, name), count in sorted(changed.items()):
        if count < MASS_LINKS:
            continue
        # Where there are so many that the changes are no mass, it does not matter how many more there are.
        there = _live_up_to(tx, int(count / MASS_SHARE), t.record.c.side == side)
        if count > there * MASS_SHARE:
            held.append(Hold("mass_change", {"side": side, "field": name, "changes": count, "there": there}))
    return held


def _toward_clients(sync: Sync, operations: Sequence[Operation]) -> list[Hold]:
    """Bytes that would go to where people outside the company read: never unless a person has seen what."""
    going = Counter(
        operation.side
        for operation in operations
        if sync.copies(sync.sides[operation.side])
        and (operation.kind == "create" or CONTENT in operation.fields)
        and shown_to_clients(sync.sides[operation.side])
    )
    return [Hold("client_would_get", {"side": side, "changes": count}) for side, count in sorted(going.items())]


def _live_up_to(tx: Tx, limit: int, *which: sa.ColumnElement[bool]) -> int:
    """How many linked records of those are there, counted no further than the limit."""
    there = (*which, t.record.c.entity.is_not(None), t.record.c.deleted.is_(False))
    some = sa.select(t.record.c.id).where(*there).limit(limit).subquery()
    return int(tx.scalar(sa.select(sa.func.count()).select_from(some)))


def standing(tx: Tx, ports: Ports, sync: Sync, operations: Sequence[Operation], fingerprint: str) -> list[Hold]:
    """The holds that stand: those that nobody has let through. Only reads."""
    known = _known(tx, sync)
    return [hold for hold in reasons(tx, sync, operations, fingerprint) if _stands(hold, known.get(hold.key), ports)]


def judge(tx: Tx, ports: Ports, sync: Sync, operations: Sequence[Operation], fingerprint: str) -> list[Hold]:
    """As ``standing``, and remembers new ones for a person to decide."""
    known = _known(tx, sync)
    there = reasons(tx, sync, operations, fingerprint)
    for hold in there:
        if not _permitted(hold, known.get(hold.key)):
            row = {"sync": sync.name, "reason": hold.key, "params": hold.params, "state": "open", "by": None}
            tx.upsert(t.hold, [row | {"at": ports.now()}])
    over = known.keys() - {hold.key for hold in there}
    if over:
        tx.execute(sa.delete(t.hold).where(t.hold.c.sync == sync.name, t.hold.c.reason.in_(sorted(over))))
    return [hold for hold in there if _stands(hold, known.get(hold.key), ports)]


_HOLDS = sa.select(t.hold).where(t.hold.c.sync == sa.bindparam("sync"))


def _known(tx: Tx, sync: Sync) -> dict[str, dict[str, Any]]:
    return {row["reason"]: row for row in tx.all(_HOLDS, sync=sync.name)}


def _stands(hold: Hold, known: Mapping[str, Any] | None, ports: Ports) -> bool:
    """Whether nobody has let it through, or the permission holds only from a later time on."""
    return not _permitted(hold, known) or ports.now() < hold.params.get("until", "")


def _permitted(hold: Hold, known: Mapping[str, Any] | None) -> bool:
    return known is not None and known["state"] == "let_through" and not _grown(known["params"], hold.params)


def _grown(shown: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether more would be deleted or overwritten than the person who let it through was shown."""
    return any(now.get(name, 0) > shown.get(name, 0) for name in ("deletes", "changes"))


def reconfigured(tx: Tx, sync: str, fingerprint: str) -> bool:
    """Whether plans were carried out under another configuration, and none under this one yet."""
    known = tx.setting(f"applied:{sync}")
    return known is not None and known != fingerprint


def reason_of(key: str) -> str:
    """The reason within a hold's stored key."""
    return key.partition(":")[0]


def let_through(tx: Tx, ports: Ports, sync: str, by: str) -> list[str]:
    """A named person lets the held plan of a sync through, once. Returns the reasons that had held it."""
    rows = tx.all(sa.select(t.hold.c.reason).where(t.hold.c.sync == sync, t.hold.c.state == "open"))
    tx.execute(
        sa.update(t.hold)
        .where(t.hold.c.sync == sync, t.hold.c.state == "open")
        .values(state="let_through", by=by, at=ports.now())
    )
    reasons = list(dict.fromkeys(reason_of(row["reason"]) for row in rows))
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


def passed(tx: Tx, sync: Sync, fingerprint: str) -> None:
    """A plan of this configuration was carried out; a permission to pass holds for one plan."""
    tx.upsert(t.setting, [{"name": f"applied:{sync.name}", "value": fingerprint}])
    tx.execute(sa.delete(t.hold).where(t.hold.c.sync == sync.name, t.hold.c.state == "let_through"))
    tx.execute(sa.delete(t.went_back).where(t.went_back.c.side.in_(list(sync.sides))))
