"""``keepstep connectors``."""

from __future__ import annotations

from typing import Any

import click
from pydantic import BaseModel

from keepstep.cli.session import NEEDS_A_PERSON, Session, as_data
from keepstep.registry import BrokenPlugin


@click.command(help="List the systems that are installed, and what each needs.")
@click.pass_context
def connectors(ctx: click.Context) -> None:
    session: Session = ctx.obj
    broken = session.registry.broken()
    found = []
    for system in session.registry.systems():
        try:
            settings = session.registry.connector(system.name).settings
        except BrokenPlugin:
            continue  # told below, with its reason
        found.append(
            {
                "system": system.name,
                "needs": keys(settings, required=True),
                "may_have": keys(settings, required=False),
                "mapping": system.mapping,
                "sandbox": system.sandbox,
            }
        )
    output = session.output
    if output.as_json:
        output.document({"systems": found, "broken": [as_data(session, problem) for problem in broken]})
    else:
        columns = ["column_system", "column_needs", "column_may", "column_mapping", "column_sandbox"]
        output.table([session.say(code) for code in columns], [_row(session, each) for each in found])
        for problem in broken:
            output.warn(session.words(problem))
    if broken:
        ctx.exit(NEEDS_A_PERSON)


def keys(settings: type[BaseModel], *, required: bool) -> list[str]:
    """The keys of a system's settings that must, or may, be there."""
    return [field.alias or name for name, field in settings.model_fields.items() if field.is_required() == required]


def _row(session: Session, each: dict[str, Any]) -> list[str]:
    yes, no = session.say("word.yes"), session.say("word.no")
    return [
        each["system"],
        session.listed(each["needs"]) or "-",
        session.listed(each["may_have"]) or "-",
        yes if each["mapping"] else no,
        yes if each["sandbox"] else no,
    ]
