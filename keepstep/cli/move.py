"""``keepstep move``."""

from __future__ import annotations

import re
from collections.abc import Mapping

import click

from keepstep.cli.session import NEEDS_A_PERSON, WRONG, Session, Trouble
from keepstep.config.environment import VARIABLE
from keepstep.problems import Problem


@click.command(
    help="Move the store to an empty database at another address, from SQLite to PostgreSQL or back. ${VAR} in the "
    "address reads the environment. The former store keeps its rows, and refuses to be used from then on."
)
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def move(ctx: click.Context, address: str, yes: bool) -> None:
    session: Session = ctx.obj
    source = session.config().store.get_secret_value()
    target = _filled(address, session.runtime.environ)

    from keepstep.store.moving import move as moved
    from keepstep.store.peek import peek

    here, there = peek(source).url, peek(target).url
    if not session.agreed("move_question", yes=yes, here=here, there=there):
        ctx.exit(NEEDS_A_PERSON)
    with session.output.progress(session.say("move_copying", there=there)):
        rows = moved(source, target, session.runtime.clock, session.runtime.environ)
    if session.output.as_json:
        session.output.document({"from": here, "to": there, "rows": rows})
    session.output.line(session.say("move_done", rows=rows, there=there))
    session.output.line(session.say("move_next", address=address, here=here))


def _filled(address: str, environ: Mapping[str, str]) -> str:
    """The address with its variables read. Raises ``Trouble``."""

    def value(match: re.Match[str]) -> str:
        name = match[2]
        if not name or not environ.get(name):
            raise Trouble(Problem("move_variable", {"name": name or match[0]}), WRONG)
        return environ[name]

    return VARIABLE.sub(value, address)
