"""``keepstep demo`` and ``keepstep sandbox``: a lived-in company in stand-ins of all four systems."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
import msgspec

from keepstep.cli.session import FAILED, WRONG, Session, Trouble
from keepstep.language import say
from keepstep.problems import Problem

if TYPE_CHECKING:
    from keepstep.demo.events import Event
    from keepstep.demo.play import Outcome

SIGNS = {
    "person": "  *",
    "plan": "  ?",
    "decision": "  *",
    "trouble": "  ~",
    "write": "    >",
    "finding": "    !",
    "settled": "    =",
    "note": "    =",
}
"""What stands before a line: people act, Keepstep writes, and what needs a person is marked."""
HANG = len("11-02 08:09    ! ")


@click.command(help="Run the scripted day over stand-ins of all four systems, in this process and without a network.")
@click.option("--once", is_flag=True, help="End after the day.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same day.")
@click.option("--records", type=click.IntRange(1, 100_000), default=None, help="How large the company is.")
@click.pass_context
def demo(ctx: click.Context, once: bool, seed: int, records: int | None) -> None:
    session: Session = ctx.obj
    if not once:
        raise Trouble(Problem("demo_needs_once", {}), WRONG)
    session.logs()
    from keepstep.demo.play import RECORDS, play

    with session.output.progress(session.say("demo_scene_first_plan")):
        outcome = play(session.language, seed, records or RECORDS)
    if session.output.as_json:
        session.output.document(msgspec.to_builtins(outcome))
    else:
        _tell(session, outcome)


def _tell(session: Session, outcome: Outcome) -> None:
    output, language, zone = session.output, outcome.language, ZoneInfo(outcome.zone)

    def said(code: str, **params: Any) -> str:
        return say(code, params, language, zone)

    output.line(said("demo_intro", records=outcome.records, day=outcome.began[:10]))
    for event in _gathered(outcome.events, language):
        if event.what == "scene":
            output.line("")
        output.line(_line(event, said(event.code, **event.params), zone), hang=HANG)
    output.line("")
    columns = ["column_system", "column_records", "column_links", "column_written"]
    rows = [[each.connection, str(each.records), str(each.links), str(each.written)] for each in outcome.systems]
    output.table([said(code) for code in columns], rows, title=said("demo_totals"))
    output.line("")
    output.line(said("demo_conflicts", **outcome.conflicts))
    output.line(said("demo_handoffs", **outcome.handoffs))
    output.line(said("demo_ran"))


def _gathered(events: Sequence[Event], language: str) -> Iterator[Event]:
    """The events, with things made at one place and time in one line."""

    def place(event: Event) -> Any:
        if event.what != "write":
            return id(event)
        return event.at, event.scene, event.code, *(event.params[name] for name in ("side", "kind", "fields"))

    for _, alike in groupby(events, place):
        group = list(alike)
        titles = list(dict.fromkeys(str(event.params.get("title")) for event in group))
        first = group[0]
        if len(group) == 1:
            yield first
        else:
            together = say("word.between_titles", {}, language).join(titles)
            yield msgspec.structs.replace(first, params={**first.params, "title": together})


def _line(event: Event, text: str, zone: ZoneInfo) -> str:
    moment = datetime.fromisoformat(event.at).astimezone(zone).strftime("%m-%d %H:%M")
    return f"{moment}  {text}" if event.what == "scene" else f"{moment}{SIGNS[event.what]} {text}"


@click.command(help="Serve stand-ins of all four systems on this machine, and print a configuration for them.")
@click.option("--port-base", type=click.IntRange(0, 65_532), default=0, help="First of four ports; 0: any free ones.")
@click.option("--seed", type=int, default=1, show_default=True, help="Which company.")
@click.option("--records", type=click.IntRange(1, 100_000), default=None, help="How large the company is.")
@click.option("-o", "--output", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file.")
@click.pass_context
def sandbox(ctx: click.Context, port_base: int, seed: int, records: int | None, target: Path | None) -> None:
    session: Session = ctx.obj
    if target is not None and target.exists():
        raise Trouble(Problem("sandbox_exists", {"file": str(target)}), WRONG)
    from keepstep.demo.stage import Stage

    stage = Stage(session.runtime.clock, session.language, seed, records)
    try:
        with stage.hosts(port_base) as urls:
            _serve(session, stage.configuration(urls, "observe"), urls, target)
    except OSError as error:
        # Host binds before it serves, so that nothing is left behind by a port that is taken.
        params = {"port": port_base, "reason": error.strerror or str(error)}
        raise Trouble(Problem("sandbox_port", params), FAILED) from error


def _serve(session: Session, text: str, urls: dict[str, str], target: Path | None) -> None:
    output = session.output
    if target is not None:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    if output.as_json:
        output.document({"urls": urls, "file": str(target) if target else None, "configuration": text})
    elif target is None:
        output.line(text)
    else:
        for name, url in urls.items():
            output.line(session.say("sandbox_at", name=name, url=url))
        output.line(session.say("sandbox_written", file=str(target)))
    output.warn(session.say("sandbox_running"))
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        output.warn(session.say("stopped"))
