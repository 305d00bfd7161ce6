"""``keepstep backup``."""

from __future__ import annotations

from pathlib import Path

import click

from keepstep.cli.session import WRONG, Session, Trouble
from keepstep.problems import Problem
from keepstep.secrets import VARIABLE


@click.command(help="Copy the store into a new file, consistent, while syncs run. Tokens in it stay sealed.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def backup(ctx: click.Context, file: Path) -> None:
    from keepstep.store import backup as copies

    session: Session = ctx.obj
    with session.store() as store:
        source = copies.place(store.url)
        if source is None:
            raise Trouble(Problem("backup_no_file"), WRONG)
        made = copies.copy(source, file, store.now())
    size = file.stat().st_size
    if session.output.as_json:
        about = {"file": str(file), "bytes": size, "revision": made.revision, "taken_at": made.taken_at}
        session.output.document(about)
    session.output.line(session.say("backup_made", file=str(file), size=size / 1e6))
    session.output.line(session.say("backup_key", name=VARIABLE))
