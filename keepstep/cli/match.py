"""``keepstep match``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from keepstep.cli import match_file, matched
from keepstep.cli.looking import failed_feeds, looked
from keepstep.cli.output import cell
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, WRONG, Session, Trouble, decider, placed
from keepstep.cli.session import as_data as problem_data
from keepstep.cli.values import Reading
from keepstep.engine.match import Refused, decide_all, undo
from keepstep.engine.match.decide import Decision
from keepstep.engine.match.summary import EVIDENCE
from keepstep.hub import Hub
from keepstep.problems import Problem

ALL = "all"
RULES = ("pointer", "key", "likeness")
SHOWN = 20
"""Links and differences of one kind that are printed; ``--json`` has all."""

ASKED = 100
"""Proposals that are printed; ``--json`` and the file have all."""

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    help="Look at all sides, link what belongs together, and list what a person must decide. What is linked takes "
    "effect with the sync's first plan, which waits to be let through."
)
@click.argument("sync", nargs=-1)
@click.option("--accept", help="The proposal of this id, or all of them: they are the same thing.")
@click.option("--reject", help="The proposal of this id, or all of them: they are different things.")
@click.option(
    "--accept-rule",
    metavar="RULE",
    help="All proposals made by `pointer`, `key` or `likeness`, or alike by at least this score (88 to 100).",
)
@click.option("--export", "out", type=FILE, help="Write proposals and differing values to this CSV file.")
@click.option("--import", "edited", type=FILE, help="Carry out what such a file says under `decision`: all or nothing.")
@click.option(
    "--undo",
    "back",
    metavar="ID",
    help="Take back what was said about this proposal: it is open again, and what it joined is parted.",
)
@decider
@click.pass_context
def match(
    ctx: click.Context,
    sync: tuple[str, ...],
    accept: str | None,
    reject: str | None,
    accept_rule: str | None,
    out: Path | None,
    edited: Path | None,
    back: str | None,
    name: str | None,
) -> None:
    session: Session = ctx.obj
    names, output = session.syncs(sync), session.output
    if accept and reject and ALL in (accept, reject):
        raise click.UsageError(session.say("accept_or_reject"))
    if sum(each is not None for each in (accept or reject, accept_rule, edited, back)) > 1:
        raise click.UsageError(session.say("match_one_way"))
    with session.hub() as hub:
        running, lost = looked(session, hub, names)
        unread = failed_feeds(session, hub, running)
        waiting = {each.name: hub.engine.take_in(each).matched.waiting for each in running}
        answers = Answers(session, hub, [each.name for each in running], name)
        if back is not None:
            answers.undo(back)
        elif edited is not None:
            if not answers.from_file(edited):
                ctx.exit(WRONG)
        else:
            answers.named(accept, reject)
            answers.by_rule(accept_rule)
        if answers.done or answers.reopened:
            for each in running:
                hub.engine.take_in(each)
        operations = {each.name: hub.engine.plan(each).operations for each in running}
        with hub.store.read() as tx:
            reading = Reading(tx, session)
            syncs = [
                matched.as_data(tx, reading, each, operations[each.name], None if output.as_json else SHOWN)
                | {"waiting": waiting[each.name]}
                for each in running
            ]
        rows = match_file.save(session, out, syncs) if out is not None else 0
    if output.as_json:
        output.document(
            {
                "syncs": syncs,
                "decided": answers.done,
                "refused": answers.refused,
                "reopened": answers.reopened,
                "file": str(out) if out else None,
                "unreachable": lost,
                "unread": unread,
            }
        )
    else:
        for word in answers.done:
            output.line(session.say("proposal_accepted" if word["accepted"] else "proposal_rejected", id=word["id"]))
        for word in answers.reopened:
            output.line(session.say("proposal_parted" if word["parted"] else "proposal_reopened", id=word["id"]))
        for data in syncs:
            _show(session, data)
        if out is not None:
            output.line(session.say("match_written", file=str(out), count=rows))
    if answers.refused:
        output.warn(session.say("proposals_refused", count=len(answers.refused)))
        for reason in answers.refused:
            output.warn("  " + session.say("proposal_refused", id=reason["id"], text=reason["message"]))
    if lost or unread:
        ctx.exit(FAILED)
    if answers.refused or any(each["proposals"] for each in syncs):
        ctx.exit(NEEDS_A_PERSON)


class Answers:
    """What the command's options say about proposals, carried out."""

    def __init__(self, session: Session, hub: Hub, syncs: list[str], name: str | None) -> None:
        self._session, self._hub, self._syncs, self._name = session, hub, syncs, name
        self.done: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.reopened: list[dict[str, Any]] = []

    def _open(self) -> list[dict[str, Any]]:
        with self._hub.store.read() as tx:
            return matched.open_rows(tx, self._syncs)

    def _carry_out(self, decisions: Sequence[Decision], *, quiet: bool) -> None:
        """``quiet``: that an earlier answer has settled a question is no trouble."""
        if not decisions:
            return
        by = self._session.person(self._name)
        decided = decide_all(self._hub.ports, decisions, by)
        self._told(decided.done)
        for id, reason in decided.refused.items():
            if not (quiet and reason.code == "proposal_over"):
                self.refused.append({"id": id, "code": reason.code, "message": self._words(reason)})

    def _told(self, decisions: Sequence[Decision]) -> None:
        self.done += [{"id": each.proposal, "accepted": each.accept or each.record is not None} for each in decisions]

    def _words(self, reason: Refused) -> str:
        return self._session.say(reason.code, **reason.params)

    def named(self, accept: str | None, reject: str | None) -> None:
        """One proposal or all of them. Raises ``Trouble`` for one that is not open."""
        for proposal, yes in ((accept, True), (reject, False)):
            if proposal is not None:
                chosen = [row["id"] for row in self._open() if proposal in (ALL, row["id"])]
                if not chosen and proposal != ALL:
                    raise Trouble(Problem("no_such_proposal", {"id": proposal}), WRONG)
                self._carry_out([Decision(id, yes) for id in chosen], quiet=proposal == ALL)

    def by_rule(self, rule: str | None) -> None:
        """Accept all of one kind of evidence, or from a score on, the likest first. Raises ``Trouble``."""
        if rule is None:
            return
        score = _score(rule)
        if score is None and rule not in RULES:
            raise Trouble(Problem("no_such_match_rule", {"rule": rule, "known": list(RULES)}), WRONG)
        rows = [
            row
            for row in self._open()
            if (row["evidence"]["by"] == rule if score is None else row["evidence"].get("score", -1.0) >= score)
        ]
        rows.sort(key=lambda row: (-row["evidence"].get("score", 0.0), row["id"]))
        self._carry_out([Decision(row["id"], True) for row in rows], quiet=True)

    def from_file(self, path: Path) -> bool:
        """Carry out an edited file, if it has no mistake and all of it can be done. Else says every mistake."""
        with self._hub.store.read() as tx:
            decisions, lines, problems = match_file.read(tx, path, self._syncs)
        if not problems and decisions:
            decided = decide_all(self._hub.ports, decisions, self._session.person(self._name), whole=True)
            problems = [Problem(each.code, each.params, lines[id]) for id, each in decided.refused.items()]
            self._told(decided.done)
        output = self._session.output
        if problems and output.as_json:
            output.document({"file": str(path), "problems": [problem_data(self._session, each) for each in problems]})
        elif problems:
            for problem in sorted(problems, key=lambda each: each.line or 0):
                output.warn(placed(self._session, problem, str(path)))
            output.warn(self._session.say("match_file_refused", count=len(problems)))
        return not problems

    def undo(self, proposal: str) -> None:
        """Take an answer back. Raises ``Trouble`` if that cannot be done."""
        try:
            parted = undo(self._hub.ports, proposal, self._session.person(self._name))
        except KeyError:
            raise Trouble(Problem("no_such_answer", {"id": proposal}), WRONG) from None
        except Refused as reason:
            raise Trouble(Problem(reason.code, reason.params), FAILED) from reason
        self.reopened.append({"id": proposal, "parted": parted})


def _score(rule: str) -> float | None:
    """The likeness from which on to accept; None if the rule is no number from 0 to 100."""
    try:
        score = float(rule)
    except ValueError:
        return None
    return score if 0 <= score <= 100 else None


def _show(session: Session, data: dict[str, Any]) -> None:
    output, say = session.output, session.say
    output.line(say("sync_line", sync=data["name"], text=say("match_links", count=sum(data["linked"].values()))))
    if data["waiting"]:
        output.line("  " + say("plan_first_crawl", feed=data["waiting"]))
    for kind in EVIDENCE:
        mine = [each for each in data["links"] if each["evidence"] == kind]
        count = data["linked"].get(kind, 0)
        if count:
            output.line("  " + say(f"evidence.{kind}", count=count))
        for each in mine[:SHOWN]:
            records = [f"{side}:{record}" for side, record in each["records"].items()]
            text = say("match_line", title=each["title"], records=records)
            undoing = "  " + say("match_undo", id=each["proposal"], who=session.who) if each["proposal"] else ""
            output.line("    " + cell(text + undoing))
        _and_more(session, count)
    for side, count in data["alone"].items():
        output.line("  " + say("match_alone", side=side, count=count))
    _show_differences(session, data["differences"])
    for each in data["proposals"][:ASKED]:
        output.line("  " + cell(_proposal(session, each)))
    _and_more(session, len(data["proposals"]), ASKED)
    if data["proposals"]:
        output.line("  " + say("proposal_cure", who=session.who))


def _and_more(session: Session, count: int, shown: int = SHOWN) -> None:
    if count > shown:
        session.output.line("    " + session.say("match_more", count=count - shown))


def _proposal(session: Session, each: dict[str, Any]) -> str:
    why = session.say(f"proposed_by.{each['evidence']}", keys=each["keys"], score=each["score"])
    return session.say(
        "proposal_line",
        id=each["id"],
        title=each["title"],
        records=each["records"],
        other=each["other_title"],
        others=each["other_records"],
        why=why,
    )


def _show_differences(session: Session, differences: list[dict[str, Any]]) -> None:
    if not differences:
        return
    say = session.say
    sides = sorted({side for each in differences for side in each["values"]})
    columns = [say("column_title"), say("column_field"), *sides, say("column_then")]
    rows = [
        [
            str(each["title"]),
            say("match_field", field=each["field"]),
            *(say("match_cell", value=each["values"][side]) if side in each["values"] else "" for side in sides),
            say(f"first.{each['first']}", side=each["holds"]),
        ]
        for each in differences[:SHOWN]
    ]
    session.output.table(columns, rows, say("match_differences", count=len(differences)))
    _and_more(session, len(differences))
