"""A plan as people read it: by side and kind, each field with both values and whose edit it carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from keepstep.cli import told
from keepstep.cli.output import cell
from keepstep.cli.session import Session
from keepstep.cli.values import Reading
from keepstep.engine.forecast import Forecast
from keepstep.engine.forecast import forecast as engine_forecast
from keepstep.engine.made import SOURCE
from keepstep.engine.match.summary import linked_by
from keepstep.engine.operations import KINDS, Operation
from keepstep.engine.planning import Plan
from keepstep.engine.state import EntityState, load
from keepstep.engine.world import Sync
from keepstep.hub import Hub
from keepstep.store.store import Tx
from mapping.agreement import Agreed
from mapping.model import Form


def writing(plan: Plan) -> list[Operation]:
    """The operations that send something; fields that show the agreed value already need no write."""
    return [operation for operation in plan.operations if operation.kind != "update" or operation.fields]


def limited(plans: Mapping[str, Plan], limit: int | None) -> dict[str, list[Operation]]:
    """Sync -> what of its plan would be written, if no more than so many records are, in the order of the syncs."""
    found: dict[str, list[Operation]] = {}
    for name, plan in plans.items():
        left = max(limit - sum(map(len, found.values())), 0) if limit is not None else None
        found[name] = writing(plan)[:left]
    return found


def as_data(session: Session, hub: Hub, sync: Sync, plan: Plan, operations: Sequence[Operation]) -> dict[str, Any]:
    """All that is told of a plan of which these operations would be carried out."""
    with hub.store.read() as tx:
        reading = Reading(tx, session)
        told_operations = described(tx, reading, sync, operations)
        waits = _waiting(tx, reading, sync, plan)
        conflicts = told.stored(tx, code="conflict", syncs=[sync.name])
        linking = _linking(tx, sync, plan)
    return {
        "name": sync.name,
        "mode": sync.mode,
        "operations": told_operations,
        "left_out": len(writing(plan)) - len(operations),
        "waits": waits,
        "conflicts": [told.as_data(session, row) for row in conflicts],
        "findings": [
            {"code": each.code, "message": told.words(session, each.code, each.params)}
            for each in plan.findings
            if each.code != "conflict"
        ],
        "holds": [
            {
                "reason": hold.reason,
                "params": hold.params,
                "message": told.hold_words(session, sync.name, hold.reason, hold.params),
            }
            for hold in plan.holds
        ],
        "linking": linking,
        "waiting": plan.waiting,
        "busy": plan.busy,
    }


def described(
    tx: Tx, reading: Reading, sync: Sync, operations: Sequence[Operation], reason: str | None = None
) -> list[dict[str, Any]]:
    """The operations for ``--json``, by what stands in that transaction. ``reason``: why, if not because of an edit."""
    states = load(tx, [operation.entity for operation in operations])
    return [_operation(tx, reading, sync, each, states[each.entity], reason) for each in operations]


def _waiting(tx: Tx, reading: Reading, sync: Sync, plan: Plan) -> list[dict[str, Any]]:
    """What is to be made or changed once something it refers to is there, and what that is. Fields of a change that
    is planned anyway are told with it, and of persons without an account there a finding tells."""
    told_there = {(each.entity, each.side) for each in plan.operations}
    later = [each for each in plan.later if (each.entity, each.side) not in told_there]
    states = load(tx, [each.entity for each in later])

    def fields(operation: Operation) -> list[dict[str, Any]]:
        agreed = states[operation.entity].value
        names = [name for name in operation.waits if sync.fields[name] is not Form.PERSON]
        return [{"field": name, "value": reading.value(sync.kind, name, agreed(name))} for name in names]

    found = [
        {"entity": each.entity, "title": each.title, "side": each.side, "fields": fields(each), "lacks": each.lacks}
        for each in later
    ]
    return [each for each in found if each["fields"] or each["lacks"]]


def _linking(tx: Tx, sync: Sync, plan: Plan) -> dict[str, Any] | None:
    """What first linking came to, as long as the sync's first plan has not been let through."""
    first = next((hold for hold in plan.holds if hold.reason == "first_plan"), None)
    if first is None:
        return None
    return {name: first.params[name] for name in ("linked", "proposals", "creates")} | {"by": linked_by(tx, sync.name)}


def _since(agreed: Agreed, origin: Mapping[str, Any] | None) -> str | None:
    """When the value was set, as its record tells; else when it was taken in, which may be much later."""
    told_at = origin["modified_at"] if origin else None
    return min(filter(None, (told_at, agreed.at)), default=None)


def _operation(
    tx: Tx, reading: Reading, sync: Sync, operation: Operation, state: EntityState, reason: str | None
) -> dict[str, Any]:
    record = state.records.get(operation.side)
    fields = []
    for name, planned in operation.fields.items():
        agreed = state.agreed.get(name)
        source = agreed.source if agreed else ""
        origin = state.records.get(source)
        fields.append(
            {
                "field": name,
                "before": reading.value(sync.kind, name, planned.was),
                "after": reading.value(sync.kind, name, planned.value),
                "because": source,
                "by": reading.author(source, origin["modified_by"]) if origin else None,
                "at": _since(agreed, origin) if agreed else None,
            }
        )
    return {
        "kind": operation.kind,
        "side": operation.side,
        "entity": operation.entity,
        "record": operation.record,
        "title": operation.title,
        "url": record["url"] if record else None,
        "reason": reason or {"create": "new", "update": "edited"}.get(operation.kind, "deleted"),
        "because": operation.because,
        "fields": fields,
        "waits": operation.waits,
    }


def forecast(
    hub: Hub, syncs: Sequence[Sync], plans: Mapping[str, Plan], operations: Mapping[str, Sequence[Operation]] | None
) -> dict[str, Forecast]:
    """What `apply` takes of each connection, by its name; ``operations``: if that is all that it carries out."""
    now = [(each, plans[each.name].operations if operations is None else operations[each.name]) for each in syncs]
    later = [(each, plans[each.name].later) for each in syncs] if operations is None else []
    return engine_forecast(hub.engine.world, now, later)


def stretched(hub: Hub, found: Mapping[str, Forecast]) -> dict[str, float]:
    """Connection -> seconds over which its budget stretches what is forecast; those whose budget has room are left
    out. Signing in and looking are done by now."""
    over = {}
    with hub.store.read() as tx:
        for name, each in found.items():
            meter = hub.engine.world.connections[name].meter
            wait = (
                meter.wait(tx, hub.runtime.clock.now(), each.read + each.write + each.more)
                if meter is not None
                else 0.0
            )
            if wait:
                over[name] = wait
    return over


def forecast_data(found: Mapping[str, Forecast], over: Mapping[str, float]) -> dict[str, Any]:
    """The forecast as a document has it."""
    counts = ("calls", "sign_in", "look", "read", "write", "units", "share")
    return {
        name: {count: getattr(each, count) for count in counts}
        | {"quota": msgspec.to_builtins(each.quota) if each.quota else None, "stretched": over.get(name)}
        for name, each in found.items()
    }


def show_operations(session: Session, operations: Sequence[Mapping[str, Any]]) -> None:
    """Print what is to be written, by side and kind."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for operation in operations:
        groups.setdefault((operation["side"], operation["kind"]), []).append(operation)
    for (side, kind), group in sorted(groups.items(), key=lambda each: (each[0][0], KINDS.index(each[0][1]))):
        session.output.line("  " + session.say(f"plan_group_{kind}", side=side, count=len(group)))
        for operation in group:
            _show_operation(session, operation)
    if not operations:
        session.output.line("  " + session.say("nothing_to_do"))


def show(session: Session, data: Mapping[str, Any]) -> None:
    """Print one sync's plan."""
    output, say = session.output, session.say
    output.line(say("status_sync", sync=data["name"], mode=say(f"mode.{data['mode']}")))
    if data["busy"]:
        output.line("  " + say("sync_busy"))
    if data["waiting"]:
        output.line("  " + say("plan_first_crawl", feed=data["waiting"]))
    if data["operations"] or not data["left_out"]:
        show_operations(session, data["operations"])
    if data["left_out"]:
        output.line("  " + say("plan_left_out", count=data["left_out"]))
    for waiting in data["waits"]:
        reasons = [say("waits_for", **each) for each in waiting["fields"]]
        reasons += [say("waits_unset", field=name) for name in waiting["lacks"]]
        text = session.listed(reasons)
        output.line("  " + cell(say("plan_waits", side=waiting["side"], title=waiting["title"], text=text)))
    for finding in data["findings"]:
        output.line("  " + cell(say("note", text=finding["message"])))
    for conflict in data["conflicts"]:
        output.line("  " + cell(conflict["message"]))
        output.line("    " + say("conflict_cure", id=conflict["id"], who=session.who))
    if data["linking"]:
        _show_linking(session, data["name"], data["linking"])
    for hold in data["holds"]:
        output.line("  " + say("plan_held", text=hold["message"]))
    if data["holds"]:
        output.line("    " + say("plan_let", sync=data["name"], who=session.who))


def _show_linking(session: Session, sync: str, linking: Mapping[str, Any]) -> None:
    say = session.say
    by = session.listed(say(f"linked_by.{name}", count=count) for name, count in linking["by"].items())
    counts = {"count": linking["linked"], "proposals": linking["proposals"], "creates": linking["creates"]}
    text = say("plan_linking", by=by, **counts) if by else say("plan_linking_none", **counts)
    session.output.line("  " + text)
    session.output.line("    " + say("plan_linking_accept", sync=sync))


def _show_operation(session: Session, operation: Mapping[str, Any]) -> None:
    output, say = session.output, session.say
    output.line("    " + cell(say("plan_title", title=operation["title"], address=operation["url"] or "").rstrip()))
    for field in operation["fields"]:
        if operation["kind"] == "create" and field["after"] in (None, "", []):
            continue
        text = say("plan_change", **{name: field[name] for name in ("field", "before", "after")})
        if operation["kind"] == "create":
            text = say("plan_value", field=field["field"], after=field["after"])
        whose = ""
        if field["because"] and operation["reason"] != "undone":
            whose = say("plan_whose", side=field["because"], by=field["by"], at=field["at"])
            if field["because"] == SOURCE:
                whose = say("plan_ours", side=SOURCE)
        output.line("      " + cell(text + whose))
    if operation["reason"] not in ("edited", "undone"):
        sides = operation["because"]
        reason = say("plan_reason", reason=operation["reason"], sides=sides) if sides else ""
        output.line("      " + reason if reason else "      " + say(f"reason.{operation['reason']}"))
    for name in operation["waits"]:
        output.line("      " + say("plan_field_waits", field=name))


def summary(
    session: Session,
    syncs: Sequence[Mapping[str, Any]],
    forecasts: Mapping[str, Forecast],
    over: Mapping[str, float],
) -> None:
    """Print the last lines: how much of each kind, and what it takes of each connection."""
    operations = [operation for each in syncs for operation in each["operations"]]
    counts = {kind: sum(each["kind"] == kind for each in operations) for kind in KINDS}
    session.output.line(
        session.say(
            "plan_summary",
            creates=counts["create"],
            updates=counts["update"],
            deletes=counts["delete"] + counts["archive"],
            waits=sum(len(each["waits"]) for each in syncs),
        )
    )
    for name, each in forecasts.items():
        session.output.line(forecast_words(session, name, each))
        if name in over:
            session.output.line("  " + session.say("plan_stretched", connection=name, seconds=over[name]))


def forecast_words(session: Session, connection: str, found: Forecast) -> str:
    """One connection's forecast as a sentence."""
    counts = {count: getattr(found, count) for count in ("calls", "sign_in", "look", "read", "write")}
    text = session.say("plan_forecast", connection=connection, **counts)
    if found.quota is None or found.share is None:
        return text
    quota = {"unit": found.quota.unit, "amount": found.quota.amount, "seconds": found.quota.seconds}
    return text + session.say("plan_share", units=found.units, share=found.share, **quota)


def open_questions(syncs: Iterable[Mapping[str, Any]]) -> bool:
    """Whether somebody must decide before all of this is carried out."""
    return any(each["holds"] or each["conflicts"] for each in syncs)
