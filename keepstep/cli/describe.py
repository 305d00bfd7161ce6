"""``keepstep describe CONNECTION``."""

from __future__ import annotations

import click
import msgspec

from connectors.base import Abilities, Field
from keepstep.cli.session import Session, talking_to


@click.command(help="Show a connection's streams, feeds, fields and limits, as its service tells them.")
@click.argument("connection")
@click.pass_context
def describe(ctx: click.Context, connection: str) -> None:
    session: Session = ctx.obj
    chosen, output = session.connection(connection), session.output
    with talking_to(connection), output.progress(connection):
        connector = session.connector(chosen, "read")
        connector.check()  # where all accounts have the same streams, describing asks nobody
        description = connector.describe()
    if output.as_json:
        output.document(msgspec.to_builtins(description))
        return
    say = session.say
    output.table(
        [say("column_stream"), say("column_abilities"), say("column_fields")],
        [[each.name, session.listed(abilities(each.abilities)), str(len(each.fields))] for each in description.streams],
    )
    output.line("")
    output.table(
        [say("column_feed"), say("column_stream"), say("column_cost")],
        [[feed.name, session.listed(feed.streams), str(feed.cost)] for feed in description.feeds],
    )
    for stream in description.streams:
        if stream.fields:
            output.line("")
            rows = [
                [field.name, field.label, session.listed(kind(field)), session.listed(field.values or [])]
                for field in stream.fields
            ]
            columns = [say("column_field"), "", say("column_type"), say("column_value")]
            output.table(columns, rows, title=stream.name)
    if description.limits:
        output.line("")
        output.table([say("column_limit"), ""], [[name, limit] for name, limit in description.limits.items()])


def abilities(can: Abilities) -> list[str]:
    """The names of what a stream can do, and its marker."""
    flags = ("create", "update", "delete", "archive", "guarded", "history", "versioned", "returns_record")
    words = [flag for flag in flags if getattr(can, flag)]
    words += [f"marker={can.marker}"] if can.marker != "none" else []
    words += [f"batch={can.batch}"] if can.batch > 1 else []
    words += [f"audience={can.audience}"] if can.audience != "team" else []
    words += ["hides"] if can.hides else []
    return words or ["read"]


def kind(field: Field) -> list[str]:
    """A field's type and what is special about it."""
    words = [field.kind]
    words += ["required"] if field.required else []
    words += ["custom"] if field.custom else []
    words += [] if field.writable else ["read"]
    return words
