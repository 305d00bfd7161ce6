"""``keepstep resolve``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import msgspec
import sqlalchemy as sa

from keepstep.cli import create_in_doubt
from keepstep.cli.address import field_of
from keepstep.cli.output import cell
from keepstep.cli.session import NEEDS_A_PERSON, WRONG, Session, Trouble, decider
from keepstep.cli.values import Reading, typed
from keepstep.engine.decisions import WorldMoved
from keepstep.engine.decisions import resolve as decide
from keepstep.engine.state import EntityState, load
from keepstep.problems import Problem, nearest
from keepstep.store import tables as t
from keepstep.store.store import Tx

VALUE = "value"


@click.command(
    help="Decide a conflict: name the side whose value holds (or `agreed`, where that stands beside them), or say "
    "`value` with --value; without a choice it lists what there is to choose. Of a create in doubt say `made` with "
    "--record, or `not-made`."
)
@click.argument("conflict")
@click.argument("choice", required=False)
@click.option("--value", help="With the choice `value`: what holds instead. Empty text clears the field.")
@click.option("--record", help="With the choice `made`: the id of the record over there that the create made.")
@click.option("--rev", type=int, help="The revision that you were shown; refused if the conflict has changed since.")
@decider
@click.pass_context
def resolve(
    ctx: click.Context,
    conflict: str,
    choice: str | None,
    value: str | None,
    record: str | None,
    rev: int | None,
    name: str | None,
) -> None:
    session: Session = ctx.obj
    output = session.output
    if (choice == create_in_doubt.MADE) != (record is not None):
        raise click.UsageError(session.say("record_missing" if record is None else "record_with_made"))
    if (choice == VALUE) != (value is not None):
        raise click.UsageError(session.say("value_missing" if value is None else "value_with_choice"))
    with session.hub() as hub:
        with hub.store.read() as tx:
            found = tx.one(sa.select(t.finding).where(t.finding.c.id == conflict))
        if found is not None and found["code"] == "unknown_create":
            create_in_doubt.answer(ctx, session, hub, found, choice, record, name)
            return
        with hub.store.read() as tx:
            state, field = _wanted(tx, session, conflict)
            shown = _candidates(tx, session, state, field)
        if choice is None:
            _list(session, shown)
            ctx.exit(NEEDS_A_PERSON)
        chosen = _chosen(shown, choice)
        new = typed(session.config().model, state.kind, field, value) if value is not None else None
        by = session.person(name)
        try:
            revision = rev if rev is not None else shown["rev"]
            decide(hub.ports, state.sync, state.id, field, chosen, revision, by, new)
        except WorldMoved:
            raise Trouble(Problem("world_moved", {"text": conflict}), NEEDS_A_PERSON) from None
    if output.as_json:
        output.document({"entity": state.id, "field": field, "choice": chosen, "by": by, "rev": revision})
    output.line(session.say("decided", field=field, title=shown["title"], by=by))


def _wanted(tx: Tx, session: Session, text: str) -> tuple[EntityState, str]:
    row = tx.one(sa.select(t.finding).where(t.finding.c.id == text))
    if row is None and "." not in text:
        raise Trouble(Problem("no_such_conflict", {"text": text}), WRONG)
    if row is None:
        return field_of(tx, session, text)
    if row["code"] != "conflict":
        raise Trouble(Problem("not_a_conflict", {"id": text}), WRONG)
    states = load(tx, [row["entity"]])
    if row["entity"] not in states:
        raise Trouble(Problem("world_moved", {"text": text}), NEEDS_A_PERSON)
    return states[row["entity"]], row["params"]["field"]


def _candidates(tx: Tx, session: Session, state: EntityState, field: str) -> dict[str, Any]:
    reading = Reading(tx, session)
    conflict = state.conflicts.get(field)
    if conflict is None:
        raise Trouble(Problem("no_conflict", {"title": reading.title(state.id), "field": field}), NEEDS_A_PERSON)
    candidates = [
        {
            "side": side,
            "value": reading.value(state.kind, field, each.value),
            "at": each.at,
            "by": reading.author(side, each.by),
        }
        for side, each in sorted(conflict.candidates.items())
    ]
    return {
        "entity": state.id,
        "kind": state.kind.value,
        "title": reading.title(state.id),
        "field": field,
        "rev": conflict.rev,
        "decided": msgspec.to_builtins(conflict.decision) if conflict.decision else None,
        "candidates": candidates,
    }


def _chosen(shown: Mapping[str, Any], choice: str) -> str:
    """The candidate that was meant: a side, its connection alone where that is clear, ``agreed`` or ``value``."""
    sides: list[str] = [each["side"] for each in shown["candidates"]]
    if choice == VALUE or choice in sides:
        return choice
    short = [side for side in sides if side.partition(".")[0] == choice]
    if len(short) == 1:
        return short[0]
    params = {"choice": choice, "nearest": nearest(choice, sides), "known": [*sides, VALUE]}
    raise Trouble(Problem("no_such_candidate", params), WRONG)


def _list(session: Session, shown: Mapping[str, Any]) -> None:
    output, say = session.output, session.say
    output_document = {"conflict": shown}
    if output.as_json:
        output.document(output_document)
        return
    output.line(cell(say("conflict_head", title=shown["title"], field=shown["field"], rev=shown["rev"])))
    for each in shown["candidates"]:
        output.line("  " + cell(say("candidate", **each)))
    if shown["decided"]:
        output.line("  " + say("decided_already", by=shown["decided"]["by"]))
    output.line(say("conflict_choices", known=[*(each["side"] for each in shown["candidates"]), VALUE]))
