"""``keepstep restore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.base import utc
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, WRONG, Session, Trouble
from keepstep.problems import Problem
from keepstep.store.errors import StoreError

if TYPE_CHECKING:
    from keepstep.store.backup import Copy


@click.command(help="Put a copy of the store in its place; what it replaces stays beside it. Writes to no system.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def restore(ctx: click.Context, file: Path, yes: bool) -> None:
    from keepstep.store import backup as copies

    session: Session = ctx.obj
    now = utc(session.runtime.clock.now())
    place = copies.place(session.config().store.get_secret_value())
    if place is None:
        raise Trouble(Problem("backup_no_file"), WRONG)
    kept = copies.inspect(file)
    _fits(kept, file)
    there = _there(place, now)
    if there is not None and None not in (there.identity, kept.identity) and there.identity != kept.identity:
        raise Trouble(Problem("restore_other_store", {"file": str(file), "store": str(place)}), WRONG)
    for line in _shown(session, kept, there, place):
        session.output.line(line)
    if not yes and not _agreed(session, place):
        ctx.exit(NEEDS_A_PERSON)
    beside = copies.put_back(place, file, now)
    if session.output.as_json:
        about = {"store": str(place), "taken_at": kept.taken_at, "revision": kept.revision}
        session.output.document(about | {"replaced": str(beside) if beside else None})
    session.output.line(session.say("restore_done", file=str(file), store=str(place)))
    if beside is not None:
        session.output.line(session.say("restore_beside", file=str(beside)))
    session.output.line(session.say("restore_next"))


def _there(place: Path, now: str) -> Copy | None:
    """What the store in place says of itself; None if there is none, or it is broken: what a copy is there for.

    Raises ``StoreError`` for one that a newer Keepstep wrote, and ``Trouble`` for one that is at work.
    """
    from keepstep.store import backup as copies

    if not place.exists():
        return None
    try:
        there = copies.inspect(place)
        _fits(there, place)
        copies.check_idle(place, now)
    except StoreError as error:
        if error.code == "store_in_use":
            raise Trouble(Problem(error.code, error.params), FAILED) from error
        if error.code in ("store_broken", "store_no_copy"):
            return None
        raise
    return there


def _fits(copy: Copy, file: Path) -> None:
    from keepstep.store.store import REVISION

    if copy.revision > REVISION:
        raise StoreError("store_newer", url=str(file), revision=copy.revision)


def _shown(session: Session, kept: Copy, there: Copy | None, place: Path) -> list[str]:
    lines = [session.say("restore_copy", taken=kept.taken_at, last=kept.last_run)]
    if there is not None:
        lines.append(session.say("restore_over", store=str(place), last=there.last_run))
    elif place.exists():
        lines.append(session.say("restore_over_broken", store=str(place)))
    return lines


def _agreed(session: Session, place: Path) -> bool:
    if session.output.as_json:
        return False
    try:
        return click.confirm(session.say("restore_question", store=str(place)), default=False)
    except click.Abort:
        session.output.line("")
        return False
