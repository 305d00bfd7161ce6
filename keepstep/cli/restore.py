"""``keepstep restore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.base import utc
from keepstep.cli.session import NEEDS_A_PERSON, WRONG, Session, Trouble
from keepstep.problems import Problem
from keepstep.store.errors import StoreError

if TYPE_CHECKING:
    from keepstep.store.backup import Copy, InFile
    from keepstep.store.dump import Server


@click.command(help="Put a copy of the store in its place; what it replaces stays beside it. Writes to no system.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def restore(ctx: click.Context, file: Path, yes: bool) -> None:
    session: Session = ctx.obj
    now = utc(session.runtime.clock.now())
    place = _place(session)
    kept = place.inspect(file)
    _fits(kept, str(file))
    there = _there(place, now)
    if there is not None and None not in (there.identity, kept.identity) and there.identity != kept.identity:
        raise Trouble(Problem("restore_other_store", {"file": str(file), "store": place.shown}), WRONG)
    for line in _shown(session, kept, there, place):
        session.output.line(line)
    if not session.agreed("restore_question", yes=yes, store=place.shown):
        ctx.exit(NEEDS_A_PERSON)
    beside = place.put_back(file, now)
    if session.output.as_json:
        about = {"store": place.shown, "taken_at": kept.taken_at, "revision": kept.revision}
        session.output.document(about | {"replaced": str(beside) if beside else None})
    session.output.line(session.say("restore_done", file=str(file), store=place.shown))
    if beside is not None:
        session.output.line(session.say("restore_beside", file=str(beside)))
    session.output.line(session.say("restore_next"))


def _place(session: Session) -> InFile | Server:
    """Where the configured store is. Raises ``Trouble`` if it is nowhere that lasts."""
    from keepstep.store import backup as copies
    from keepstep.store.dump import Server

    url = session.config().store.get_secret_value()
    file = copies.place(url)
    if file is not None:
        return copies.InFile(file)
    if url.startswith("postgresql"):
        return Server(url, session.runtime.environ)
    raise Trouble(Problem("backup_no_file"), WRONG)


def _there(place: InFile | Server, now: str) -> Copy | None:
    """What the store in place says of itself; None if there is none, or it is broken: what a copy is there for.

    Raises ``StoreError`` for one that a newer Keepstep wrote, or that is at work.
    """
    try:
        there = place.store()
        if there is not None:
            _fits(there, place.shown)
            place.check_idle(now)
    except StoreError as error:
        if error.code in ("store_broken", "store_disk", "store_no_copy"):
            return None
        raise
    return there


def _fits(copy: Copy, what: str) -> None:
    from keepstep.store.store import REVISION

    if copy.revision > REVISION:
        raise StoreError("store_newer", url=what, revision=copy.revision)


def _shown(session: Session, kept: Copy, there: Copy | None, place: InFile | Server) -> list[str]:
    lines = [session.say("restore_copy", taken=kept.taken_at, last=kept.last_run)]
    if there is not None:
        lines.append(session.say("restore_over", store=place.shown, last=there.last_run))
    elif place.broken():
        lines.append(session.say("restore_over_broken", store=place.shown))
    return lines
