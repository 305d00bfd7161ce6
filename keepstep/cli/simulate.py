"""``keepstep simulate``."""

from __future__ import annotations

import os
from contextlib import closing
from typing import Any, cast

import click

from keepstep.cli.output import cell
from keepstep.cli.session import FAILED, WRONG, Session, Trouble
from keepstep.problems import Problem, nearest
from keepstep.testing.running import Outcome, Task, World, run_all
from keepstep.testing.sabotage import SABOTAGES

EVERY = 25
COMPANY_SHARE = 5
"""Of so many histories one runs in the company world, which takes several times as long."""

FEW = 50
"""Histories for which it is not worth beginning further processes."""


@click.command(help="Run whole histories of edits, faults and crashes against stand-ins, and check that nothing broke.")
@click.option("--histories", type=click.IntRange(min=1), help="How many; 100, or 1 with --seed.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the first history; the others follow on it.")
@click.option(
    "--world",
    type=click.Choice(["memory", "company", "both"]),
    default="both",
    show_default=True,
    help="Sides in memory with every combination of abilities, the four systems' stand-ins, or both in turn.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Processes that share the work; as many as processors if not said."
)
@click.option("--sabotage", help="Bend the engine in this way: the checks must catch it.")
@click.pass_context
def simulate(
    ctx: click.Context, histories: int | None, seed: int | None, world: str, jobs: int | None, sabotage: str | None
) -> None:
    session: Session = ctx.obj
    output = session.output
    session.logs()
    if sabotage is not None and sabotage not in SABOTAGES:
        params = {"name": sabotage, "nearest": nearest(sabotage, SABOTAGES), "known": sorted(SABOTAGES)}
        raise Trouble(Problem("no_such_sabotage", params), WRONG)
    count = histories or (100 if seed is None else 1)
    first = session.runtime.rng.getrandbits(31) if seed is None else seed
    output.warn(session.say("simulating", count=count, first=first, last=first + count - 1))
    tasks = [Task(first + number, _world(world, number, sabotage), sabotage) for number in range(count)]
    broken: list[Outcome] = []
    with closing(run_all(tasks, jobs or (1 if count < FEW else os.cpu_count() or 1))) as outcomes:
        for number, outcome in enumerate(outcomes, 1):
            if outcome.violations:
                broken.append(outcome)
            if number % EVERY == 0:
                output.warn(session.say("simulated", count=number, broken=len(broken)))
            if broken and sabotage:
                break
    _tell(session, count, first, broken, sabotage)
    if bool(broken) != bool(sabotage):
        ctx.exit(FAILED)


def _world(asked: str, number: int, sabotage: str | None) -> World:
    if asked != "both":
        return cast(World, asked)
    return "company" if number % COMPANY_SHARE == COMPANY_SHARE - 1 and not sabotage else "memory"


def _tell(session: Session, count: int, first: int, broken: list[Outcome], sabotage: str | None) -> None:
    output = session.output
    found: list[dict[str, Any]] = [
        {"seed": outcome.seed, "world": outcome.world, "violation": violation}
        for outcome in broken
        for violation in outcome.violations
    ]
    for outcome in broken:
        for violation in outcome.violations:
            output.line(cell(f"{violation}  ({outcome.command})"))
    caught = bool(broken) if sabotage else None
    if output.as_json:
        output.document({"histories": count, "first_seed": first, "violations": found, "caught": caught})
    if sabotage:
        output.line(session.say("sabotage_caught" if caught else "sabotage_missed", name=sabotage))
    elif not broken:
        output.line(session.say("simulation_good", count=count))
