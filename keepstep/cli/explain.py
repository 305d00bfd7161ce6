"""``keepstep explain``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from keepstep.cli.address import entity, field_of
from keepstep.cli.lineage import Lineage
from keepstep.cli.output import cell
from keepstep.cli.session import WRONG, Session, Trouble, failure
from keepstep.engine.state import EntityState
from keepstep.engine.world import Sync
from keepstep.hub import Hub
from keepstep.store.store import Tx

EMPTY: tuple[Any, ...] = (None, "", [])


@click.command(
    help="Why a thing, or one field of it, is what it is: what each side shows, since when and by whom, what is agreed "
    "and what decided that, which run wrote it, how it is mapped, and what happened to it."
)
@click.argument("what", metavar="ENTITY[.FIELD]")
@click.pass_context
def explain(ctx: click.Context, what: str) -> None:
    session: Session = ctx.obj
    session.config()
    with session.hub() as hub:
        with hub.store.read() as tx:
            wanted = _wanted(tx, session, what)
        sync = _sync(session, hub, wanted[0])
        with hub.store.read() as tx:
            state, name = _wanted(tx, session, what)
            lineage = Lineage(tx, session, state, sync)
            facts = lineage.entity()
            if name is None:
                facts["fields"] = [lineage.field(each) for each in lineage.names()]
            else:
                facts |= lineage.field(name)
                facts["history"] = list(lineage.history(name))
    if session.output.as_json:
        session.output.document(facts)
    elif name is None:
        _show_entity(session, facts)
    else:
        _show_field(session, facts)


def _wanted(tx: Tx, session: Session, what: str) -> tuple[EntityState, str | None]:
    """The entity, and the field if one was named. A title may have full stops in it, so the whole is tried first."""
    try:
        return entity(tx, session, what), None
    except Trouble as error:
        tail = what.rpartition(".")[2]
        named = tail in session.config().model.names
        if error.problem.code == "no_such_entity" and ("." not in what or not (named or _known(tx, session, what))):
            raise
        return field_of(tx, session, what)


def _known(tx: Tx, session: Session, what: str) -> bool:
    """Whether what stands before the last full stop names something: then the field is what is wrong."""
    try:
        entity(tx, session, what.rpartition(".")[0])
    except Trouble as error:
        return error.exit_code != WRONG
    return True


def _sync(session: Session, hub: Hub, state: EntityState) -> Sync | None:
    """The entity's sync with its mappings; None, and said, if one of its connections is down or it is configured no
    more."""
    sync = hub.engine.world.syncs.get(state.sync)
    if sync is None and state.sync in hub.config.syncs:
        for side in hub.config.syncs[state.sync].sides:
            if side.connection in hub.down:
                session.output.warn(session.words(failure(side.connection, hub.down[side.connection])))
        session.output.warn(session.say("explain_unmapped"))
    return sync


def _show_entity(session: Session, facts: Mapping[str, Any]) -> None:
    output, say = session.output, session.say
    output.line(cell(say("explain_entity", kind=facts["kind"], title=facts["title"], id=facts["entity"])))
    if facts["parked"]:
        output.line("  " + say("explain_parked"))
    for record in facts["records"]:
        output.line("  " + cell(say("explain_record", **record) + f"  {record['url'] or ''}"))
        by = record["linked_by"] or "first"
        output.line("    " + say("explain_linked", at=record["linked_at"], why=by))
        if record["state"] != "live":
            output.line("    " + say("standing.gone" if record["state"] in ("gone", "deleted") else "standing.apart"))
    for field in facts["fields"]:
        _show_in_short(session, field)
    output.line(say("explain_more", entity=facts["entity"]))


def _show_in_short(session: Session, field: Mapping[str, Any]) -> None:
    """One field of an entity, and the sides that do not simply show what is agreed. Nothing of one that is empty."""
    output, say = session.output, session.say
    agreed = field["agreed"]
    apart = [
        side for side in field["sides"] if side["has_field"] and (side["standing"] != "even" or side["kept_apart"])
    ]
    apart = [side for side in apart if side["standing"] != "new" or side["shown"] not in EMPTY]
    if agreed:
        text = say("explain_of", field=field["field"], value=agreed["value"], side=agreed["source"], at=agreed["at"])
    elif apart:
        text = say("explain_of_nothing", field=field["field"])
    else:
        return
    output.line("  " + cell(text))
    for side in apart:
        standing = "kept" if side["kept_apart"] else side["standing"]
        output.line("    " + cell(say("explain_shows", side=side["side"], shown=side["shown"], standing=standing)))


def _show_field(session: Session, facts: Mapping[str, Any]) -> None:
    output, say = session.output, session.say
    output.line(
        cell(say("explain_head", kind=facts["kind"], title=facts["title"], field=facts["field"], who=session.who))
    )
    agreed = facts["agreed"]
    output.line("  " + cell(say("explain_agreed", **agreed) if agreed else say("explain_nothing_agreed")))
    if agreed:
        because = agreed["because"]
        output.line("    " + cell(say(f"because.{because['code']}", by=because["by"], side=agreed["source"])))
        if agreed["origin"]:
            output.line("    " + cell(say("explain_origin", **agreed["origin"])))
    if facts["rule"]:
        rule = facts["rule"]
        owner = say("word.comma") + say("explain_owner", owner=rule["owner"]) if rule["owner"] else ""
        output.line("  " + say("explain_rule", policy=rule["policy"]) + owner)
    if facts["parked"]:
        output.line("  " + say("explain_parked"))
    for side in facts["sides"]:
        _show_side(session, side)
    if facts["conflict"]:
        output.line("  " + say("explain_conflict", entity=facts["entity"], field=facts["field"], who=session.who))
    for line in facts["history"]:
        output.line("  " + cell(say("told_at", at=line["at"], text=line["message"])))


def _show_side(session: Session, side: Mapping[str, Any]) -> None:
    output, say = session.output, session.say
    if side["has_field"]:
        text = say("explain_side", **{name: side[name] for name in ("side", "record", "shown", "shadow", "shows")})
    else:
        text = say("explain_side_without", side=side["side"], record=side["record"])
    output.line("  " + cell(text))
    output.line("    " + say(f"standing.{'kept' if side['kept_apart'] else side['standing']}"))
    if side["seen_at"]:
        output.line(
            "    " + cell(say("explain_seen", at=side["seen_at"], by=side["modified_by"], on=side["modified_at"]))
        )
    mapping = side["mapping"]
    if mapping:
        output.line("    " + cell(say(f"mapped.{mapping['mode']}", field=mapping["system_field"])))
        if mapping["shown_as"] is not None:
            output.line("    " + cell(say("explain_shown_as", value=mapping["shown_as"])))
        for loss in mapping["losses"]:
            output.line("    " + cell(say("explain_loss", field=loss["field"], why=loss["why"], value=loss["value"])))
    if side["written"]:
        output.line("    " + cell(say("explain_written", **side["written"])))
