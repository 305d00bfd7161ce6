"""``keepstep simulate``."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import click

from connectors.sandbox.clock import VirtualClock
from keepstep.cli.output import cell
from keepstep.cli.session import FAILED, WRONG, Session, Trouble
from keepstep.problems import Problem, nearest
from keepstep.store.store import Store
from keepstep.testing.checker import violations
from keepstep.testing.sabotage import SABOTAGES
from keepstep.testing.simulator import Simulation, clear
from keepstep.testing.steps import draw

EVERY = 25


@click.command(
    help="Run whole histories of edits, faults and crashes against stand-ins in memory, and check that nothing broke."
)
@click.option("--histories", type=click.IntRange(min=1), help="How many; 100, or 1 with --seed.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the first history; the others follow on it.")
@click.option("--sabotage", help="Bend the engine in this way: the checks must catch it.")
@click.pass_context
def simulate(ctx: click.Context, histories: int | None, seed: int | None, sabotage: str | None) -> None:
    session: Session = ctx.obj
    output = session.output
    if sabotage is not None and sabotage not in SABOTAGES:
        params = {"name": sabotage, "nearest": nearest(sabotage, SABOTAGES), "known": sorted(SABOTAGES)}
        raise Trouble(Problem("no_such_sabotage", params), WRONG)
    count = histories or (100 if seed is None else 1)
    first = session.runtime.rng.getrandbits(31) if seed is None else seed
    output.warn(session.say("simulating", count=count, first=first, last=first + count - 1))
    store = Store("sqlite://", VirtualClock()).open()
    broken: list[dict[str, Any]] = []
    try:
        with SABOTAGES[sabotage]() if sabotage else nullcontext():
            for number in range(count):
                broken += _history(store, first + number)
                if (number + 1) % EVERY == 0:
                    output.warn(session.say("simulated", count=number + 1, broken=len(broken)))
                if broken and sabotage:
                    break
    finally:
        store.close()
    for each in broken:
        output.line(cell(f"{each['violation']}  (keepstep simulate --seed {each['seed']})"))
    caught = bool(broken) if sabotage else None
    if output.as_json:
        output.document({"histories": count, "first_seed": first, "violations": broken, "caught": caught})
    if sabotage:
        output.line(session.say("sabotage_caught" if caught else "sabotage_missed", name=sabotage))
    elif not broken:
        output.line(session.say("simulation_good", count=count))
    if bool(broken) != bool(sabotage):
        ctx.exit(FAILED)


def _history(store: Store, seed: int) -> list[dict[str, Any]]:
    clear(store)
    try:
        simulation = Simulation(draw(seed), store)
        simulation.run()
        found = violations(simulation)
    except Exception as error:  # a history that makes the engine fail is a finding like any other
        found = [f"P0 {type(error).__name__}: {error}"]
    return [{"seed": seed, "violation": each} for each in found]
