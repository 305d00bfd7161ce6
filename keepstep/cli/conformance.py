"""``keepstep conformance``."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import click

from connectors.base import Connector
from connectors.errors import ConnectorError
from connectors.proving import Proving
from keepstep.cli.output import cell, encoded
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, WRONG, Session, Trouble, failure, talking_to
from keepstep.config import Connection
from keepstep.problems import Problem
from keepstep.testing.live import Conformance, Left, Occupied, Report


@click.command(
    help="Try the promises of a connector against the real service, in a throwaway place of your own: a Jira project, "
    "a Trello board, a Drive folder. Makes records there alone, and takes them away again."
)
@click.argument("connection")
@click.option("--in", "place", required=True, metavar="SCRATCH", help="The empty place: a key, or an id.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write the report to this file."
)
@click.pass_context
def conformance(ctx: click.Context, connection: str, place: str, yes: bool, out: Path | None) -> None:
    session: Session = ctx.obj
    output = session.output
    chosen = session.connection(connection)
    proving = _proving(session, chosen)
    _is_throwaway(session, chosen, proving, place)
    connect = Confined(session, chosen, proving, place)
    clock, ids = session.runtime.clock, session.runtime.ids
    with talking_to(connection), output.progress(connection):
        if proving.whole and connect("read").check().site != place:
            raise Trouble(Problem("conformance_elsewhere", {"connection": connection, "place": place}), WRONG)
        work = Conformance(connect, proving, place, clock, ids, lambda stream: _tell(session, stream))
        try:
            work.place.must_be_empty()
        except Occupied as error:
            params = {"place": place, "count": error.count}
            raise Trouble(Problem("conformance_occupied", params), WRONG) from None
    streams = [trial.stream for trial in work.trials]
    if not yes:
        output.warn(session.say("conformance_about", place=place, streams=streams))
    if not session.agreed("conformance_question", yes=yes, place=place):
        ctx.exit(NEEDS_A_PERSON)
    left = _tried(session, chosen, work)
    if output.as_json:
        output.document(work.report.as_data())
    else:
        _show(session, work.report)
    if out is not None:
        _save(out, work.report)
    if work.report.count("fails") or work.report.interrupted:
        ctx.exit(FAILED)
    if left:
        ctx.exit(NEEDS_A_PERSON)


def _tried(session: Session, connection: Connection, work: Conformance) -> list[Left]:
    """Run it, and clear the place whatever happens. A second interruption stops the clearing as well."""
    try:
        with _interruptible():
            work.run()
    except KeyboardInterrupt:
        work.report.interrupted = True
        session.output.warn(session.say("conformance_interrupted"))
    except ConnectorError as error:
        work.report.interrupted = True
        session.output.warn(session.words(failure(connection.name, error)))
    finally:
        left = work.clear()
        _show_left(session, left)
    return left


def _save(out: Path, report: Report) -> None:
    try:
        out.write_text(encoded(report.as_data()) + "\n", encoding="utf-8")
    except OSError as error:
        raise Trouble(Problem("plan_unwritable", {"file": str(out), "reason": error.strerror}), FAILED) from error


@contextmanager
def _interruptible() -> Iterator[None]:
    """Within, a request to end is an interruption, so that what was made is taken away first."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _proving(session: Session, connection: Connection) -> Proving:
    """How that system is tried. Raises ``Trouble`` if it cannot be, or nothing may be written to it."""
    proving = session.registry.connector(connection.system).proving
    about = {"connection": connection.name, "system": connection.system}
    if not isinstance(proving, Proving):
        raise Trouble(Problem("conformance_not_offered", about), WRONG)
    if connection.access == "read":
        raise Trouble(Problem("prepare_read_only", about), WRONG)
    return proving


def _is_throwaway(session: Session, connection: Connection, proving: Proving, place: str) -> None:
    """No sync sees the place or makes records in it: they would take what is tried for people's. Raises ``Trouble``."""
    for name, sync in session.config().syncs.items():
        for side in sync.sides:
            other = session.config().connections[side.connection]
            if other.system != connection.system:
                continue
            with talking_to(other.name):
                used = proving.reaches(other.settings, place, session.connector(other, "read"))
            if used or place in sync.create.get(side, {}).values():
                params = {"place": place, "connection": other.name, "sync": name}
                raise Trouble(Problem("conformance_in_use", params), WRONG)


class Confined:
    """Builds connectors that see the place and nothing else."""

    def __init__(self, session: Session, connection: Connection, proving: Proving, place: str) -> None:
        try:
            settings = proving.confine(connection.settings, place)
        except ValueError as error:
            params = {"place": place, "system": connection.system, "reason": _first(error)}
            raise Trouble(Problem("conformance_no_place", params), WRONG) from None
        self._session = session
        self._connection = replace(connection, settings=settings)

    def __call__(self, access: Literal["read", "write"]) -> Connector:
        return self._session.connector(self._connection, access)


def _first(error: ValueError) -> str:
    errors = getattr(error, "errors", None)
    found: Any = errors(include_input=False, include_url=False) if errors is not None else None
    return str(found[0]["msg"]) if found else str(error)


def _tell(session: Session, stream: str) -> None:
    code = "conformance_waiting" if stream == "-" else "conformance_trying"
    if not session.output.as_json:
        session.output.warn(session.say(code, stream=stream))


def _show(session: Session, report: Report) -> None:
    output, say = session.output, session.say
    streams = list(dict.fromkeys(each.stream for each in report.results))
    rows = []
    for stream in streams:
        counts = Counter(each.result for each in report.results if each.stream == stream)
        rows.append([stream, *(str(counts[name]) for name in ("holds", "fails", "not_tried"))])
    columns = [say("column_stream"), *(say(f"promise.{name}") for name in ("holds", "fails", "not_tried"))]
    output.table(columns, rows)
    for each in report.of("fails"):
        text = each.promise.replace("_", " ")
        output.line(cell(say("conformance_fails", stream=each.stream, promise=text, detail=each.detail)))
    reasons = Counter(each.reason for each in report.of("not_tried"))
    for reason, count in sorted(reasons.items()):
        output.line(say("conformance_untried", count=count, why=say(f"untried.{reason}")))


def _show_left(session: Session, left: Sequence[Left]) -> None:
    """On standard error: addresses are no part of a report."""
    for each in left:
        text = session.say(
            "conformance_left", stream=each.stream, where=each.where, why=session.say(f"left.{each.why}")
        )
        session.output.warn(cell(text))
