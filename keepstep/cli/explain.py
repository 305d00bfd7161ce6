"""``keepstep explain``."""

from __future__ import annotations

from typing import Any

import click
import msgspec
import sqlalchemy as sa

from keepstep.cli.address import field_of
from keepstep.cli.output import cell
from keepstep.cli.session import Session
from keepstep.cli.values import Reading
from keepstep.engine.state import EntityState
from keepstep.language import codes
from keepstep.store import tables as t
from keepstep.store.store import Tx

TOLD_OF_ALL = ("record_", "write_")
"""Audit lines that name no field and still tell of each."""


@click.command(help="Why a field is what it is: what is agreed, what each side shows, what is owed, and what happened.")
@click.argument("field", metavar="ENTITY.FIELD")
@click.pass_context
def explain(ctx: click.Context, field: str) -> None:
    session: Session = ctx.obj
    session.config()
    with session.hub() as hub, hub.store.read() as tx:
        state, name = field_of(tx, session, field)
        reading = Reading(tx, session)
        facts = _facts(reading, state, name)
        facts["history"] = _history(tx, reading, session, state, name)
    if session.output.as_json:
        session.output.document(facts)
        return
    _show(session, facts)


def _facts(reading: Reading, state: EntityState, name: str) -> dict[str, Any]:
    agreed = state.agreed.get(name)
    conflict = state.conflicts.get(name)
    sides = []
    for side, link in sorted(state.links.items()):
        record = state.records.get(side)
        known = link.fields.get(name)
        shows = known.shows if known else -1
        sides.append(
            {
                "side": side,
                "record": link.record,
                "url": record["url"] if record else None,
                "state": link.state,
                "has_field": bool(record and name in record["shown"]),
                "shown": reading.value(state.kind, name, record["shown"].get(name)) if record else None,
                "shadow": reading.value(state.kind, name, known.shadow) if known else None,
                "shows": shows,
                "standing": _standing(state, side, name),
            }
        )
    return {
        "entity": state.id,
        "kind": state.kind.value,
        "sync": state.sync,
        "title": reading.title(state.id),
        "field": name,
        "parked": state.parked,
        "agreed": agreed
        and {
            "value": reading.value(state.kind, name, agreed.value),
            "version": agreed.n,
            "source": agreed.source,
            "at": agreed.at or None,
        },
        "sides": sides,
        "conflict": conflict and msgspec.to_builtins(conflict),
    }


def _standing(state: EntityState, side: str, name: str) -> str:
    """Where a side stands on the field: gone, doubt, conflict, absent, refused, owed, even."""
    link, record, agreed = state.links[side], state.records.get(side), state.agreed.get(name)
    known = link.fields.get(name)
    if link.state != "live":
        return "gone"
    if any(intent["side"] == side and name in intent["fields"] for intent in state.intents):
        return "doubt"
    if record is None or name not in record["shown"]:
        return "absent"
    if name in state.conflicts:
        return "conflict"
    if agreed is None or known is None:
        return "new"
    if known.refused == agreed.n:
        return "refused"
    return "owed" if known.shows < agreed.n else "even"


def _history(tx: Tx, reading: Reading, session: Session, state: EntityState, name: str) -> list[dict[str, Any]]:
    rows = tx.all(sa.select(t.audit).where(t.audit.c.entity == state.id).order_by(t.audit.c.n))
    found = []
    for row in rows:
        of_all = row["code"].startswith(TOLD_OF_ALL)
        carried = name in row["params"].get("fields", {name: None})
        if row["field"] == name or (row["field"] is None and of_all and carried):
            line = {"n": row["n"], "at": row["at"], "run": row["run"], "code": row["code"], "side": row["side"]}
            found.append(line | {"message": _said(reading, session, state, name, row)})
    return found


def _said(reading: Reading, session: Session, state: EntityState, name: str, row: dict[str, Any]) -> str:
    params = row["params"]
    told: dict[str, Any] = {"at": row["at"], "side": row["side"], "code": row["code"]}
    for key in ("from", "to", "value"):
        if key in params:
            told[{"from": "before", "to": "value"}.get(key, key)] = reading.value(state.kind, name, params[key])
    fields = params.get("fields", {})
    if name in fields:
        told["value"] = reading.value(state.kind, name, fields[name])
    told["reason"] = (params.get("outcome") or {}).get("reason") or None
    told["kind"] = params.get("kind")
    code = f"audit_{row['code']}"
    return session.say(code if code in codes() else "audit_other", **{"value": None, "n": params.get("n"), **told})


def _show(session: Session, facts: dict[str, Any]) -> None:
    output, say = session.output, session.say
    output.line(cell(say("explain_head", kind=facts["kind"], title=facts["title"], field=facts["field"])))
    agreed = facts["agreed"]
    output.line("  " + cell(say("explain_agreed", **agreed) if agreed else say("explain_nothing_agreed")))
    if facts["parked"]:
        output.line("  " + say("explain_parked"))
    for side in facts["sides"]:
        if side["has_field"]:
            text = say("explain_side", **{name: side[name] for name in ("side", "record", "shown", "shadow", "shows")})
        else:
            text = say("explain_side_without", side=side["side"], record=side["record"])
        output.line("  " + cell(text))
        output.line("    " + say(f"standing.{side['standing']}"))
    if facts["conflict"]:
        output.line("  " + say("explain_conflict", entity=facts["entity"], field=facts["field"]))
    for line in facts["history"]:
        output.line("  " + cell(line["message"]))
