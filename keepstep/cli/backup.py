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
    from keepstep.store.dump import Server

    session: Session = ctx.obj
    with session.store() as store:
        source = copies.place(store.url)
        if source is not None:
            made = copies.copy(source, file, store.now())
        elif store.url.startswith("postgresql"):
            made = Server(store.url, session.runtime.environ).copy(file)
        else:
            raise Trouble(Problem("backup_no_file"), WRONG)
    size = file.stat().st_size
    if session.output.as_json:
        about = {"file": str(file), "bytes": size, "revision": made.revision, "taken_at": made.taken_at}
        session.output.document(about)
    session.output.line(session.say("backup_made", file=str(file), size=size / 1e6))
    session.output.line(session.say("backup_key", name=VARIABLE))
