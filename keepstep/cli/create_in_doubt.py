"""``keepstep resolve`` of a create whose answer was lost on a system that cannot be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from keepstep.cli.output import cell
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, WRONG, Session, Trouble
from keepstep.engine import answers
from keepstep.hub import Hub
from keepstep.problems import Problem, nearest
from mapping.model import TITLE, Kind

MADE, NOT_MADE = "made", "not-made"
CHOICES = [MADE, NOT_MADE]


def answer(
    ctx: click.Context,
    session: Session,
    hub: Hub,
    finding: Mapping[str, Any],
    choice: str | None,
    record: str | None,
    name: str | None,
) -> None:
    """Take the answer, or without a choice list what it may have made. Leaves with 3 where nothing was answered."""
    if choice is None:
        _list(session, hub, finding)
        ctx.exit(NEEDS_A_PERSON)
    if choice not in CHOICES:
        params = {"choice": choice, "nearest": nearest(choice, CHOICES), "known": CHOICES}
        raise Trouble(Problem("no_such_candidate", params), WRONG)
    by = session.person(name)
    try:
        given = answers.answer(hub.ports, hub.engine.world, finding, record, by)
    except answers.NothingToAnswer:
        raise Trouble(Problem("world_moved", {"text": finding["id"]}), NEEDS_A_PERSON) from None
    except answers.RecordUnfit as unfit:
        where = {"record": record, "side": finding["params"]["side"]}
        raise Trouble(Problem(f"record_{unfit.why}", where), FAILED) from None
    if session.output.as_json:
        session.output.document({"finding": finding["id"], "choice": choice, "record": given.record, "by": given.by})
    session.output.line(session.say(f"create_{choice.replace('-', '_')}", **finding["params"], record=given.record))


def _list(session: Session, hub: Hub, finding: Mapping[str, Any]) -> None:
    with hub.store.read() as tx:
        try:
            found = answers.candidates(tx, answers.in_doubt(tx, finding))
        except answers.NothingToAnswer:
            raise Trouble(Problem("world_moved", {"text": finding["id"]}), NEEDS_A_PERSON) from None
    shown = [
        {
            "record": row["id"],
            "title": row["shown"].get(TITLE[Kind(row["kind"])]),
            "url": row["url"],
            "at": row["created_at"],
        }
        for row in found
    ]
    output, say = session.output, session.say
    if output.as_json:
        output.document({"create": {"finding": finding["id"], **finding["params"], "candidates": shown}})
        return
    output.line(cell(say("create_in_doubt", **finding["params"])))
    for each in shown:
        output.line("  " + cell(say("create_candidate", **each)))
    output.line(say("create_choices", id=finding["id"], who=session.who))
