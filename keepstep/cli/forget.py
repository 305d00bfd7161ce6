"""``keepstep forget``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from keepstep.cli.output import cell
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, WRONG, Session, Trouble, decider
from keepstep.config import with_riding
from keepstep.problems import Problem

if TYPE_CHECKING:
    from keepstep.engine.forget import Forgotten, Known


@click.command(
    help="Erase what the store holds of a person, named by e-mail, name or account id. No system is touched; what is "
    "left over there is told."
)
@click.argument("person")
@click.option("--plan", is_flag=True, help="Only show what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@decider
@click.pass_context
def forget(ctx: click.Context, person: str, plan: bool, yes: bool, name: str | None) -> None:
    from keepstep.engine import forget as forgetting

    session: Session = ctx.obj
    syncs = with_riding(session.config().syncs)
    by = "" if plan else session.person(name)
    with session.hub() as hub:
        who = _one(session, person, forgetting.known_people(hub.ports, person))
        try:
            found = forgetting.preview(hub.ports, person, who)
            if not found.rows:
                done = False
            elif plan:
                _show(session, person, who, found)
                done = False
            else:
                if not yes:
                    _show(session, person, who, found)
                    if not session.agreed("forget_question", yes=False):
                        ctx.exit(NEEDS_A_PERSON)
                found = forgetting.forget(hub.ports, person, who, syncs, by)
                done = True
        except forgetting.Busy as busy:
            raise Trouble(Problem("forget_busy", {"sync": str(busy)}), FAILED) from None
    _told(session, person, who, found, done)


def _one(session: Session, text: str, found: Sequence[Known]) -> Known | None:
    """The person meant. Raises ``Trouble`` if several are called so."""
    if len(found) > 1:
        ids = sorted(account for each in found for account in each.accounts)
        raise Trouble(Problem("forget_several", {"text": text, "ids": ids}), WRONG)
    return found[0] if found else None


def _show(session: Session, text: str, who: Known | None, found: Forgotten) -> None:
    output, say = session.output, session.say
    if who is not None:
        output.line(cell(say("forget_who", names=who.names, emails=who.emails, accounts=who.accounts)))
    else:
        output.line(cell(say("forget_unknown", text=text)))
    for table, count in found.rows.items():
        output.line("  " + say("forget_rows", table=table, count=count))
    if found.shared:
        output.line(cell(say("forget_shared", names=found.shared)))


def _told(session: Session, text: str, who: Known | None, found: Forgotten, done: bool) -> None:
    """What was erased, and everything that still holds the person's data."""
    output, say = session.output, session.say
    left = {"configuration": _configured(session, text, who), "copies": [str(each) for each in _copies(session)]}
    if output.as_json:
        about = {"done": done, **msgspec.to_builtins(found), **left}
        output.document(about)
        return
    if not found.rows:
        output.line(cell(say("forget_nothing", text=text)))
    elif done:
        output.line(say("forget_done", count=sum(found.rows.values())))
    for side, count in found.places.items():
        output.line(say("forget_there", side=side, count=count))
    for place in found.named:
        output.line("  " + cell(place.url or f"{place.side}:{place.record}"))
    if found.places:
        output.line(say("forget_returns"))
    if left["configuration"]:
        output.line(say("forget_configured", file=str(session.path)))
    if left["copies"]:
        output.line(say("forget_copies", files=left["copies"]))
    if done:
        output.line(say("forget_prefect", days=session.config().retention.prefect_runs.days))


def _configured(session: Session, text: str, who: Known | None) -> bool:
    """Whether the configuration names the person."""
    known = {text.casefold()}
    if who is not None:
        known |= {each.casefold() for each in (*who.emails, *(account.partition(":")[2] for account in who.accounts))}
    return any(value.casefold() in known for row in session.config().people for value in row.values())


def _copies(session: Session) -> list[Path]:
    from keepstep.store.backup import copies_beside, place

    file = place(session.config().store.get_secret_value())
    return copies_beside(file) if file is not None else []
