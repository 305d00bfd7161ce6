"""One history by its seed, in either world, with or without a sabotaged engine."""

from __future__ import annotations

import logging
import multiprocessing
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, nullcontext
from typing import Literal, NamedTuple

import msgspec

from connectors import log
from connectors.sandbox.clock import VirtualClock
from keepstep.store.store import Store
from keepstep.testing import checker, company_checker, company_steps, steps
from keepstep.testing.company_steps import CompanyHistory
from keepstep.testing.company_world import Company
from keepstep.testing.sabotage import SABOTAGES
from keepstep.testing.simulator import Simulation, clear

World = Literal["memory", "company"]


class Task(NamedTuple):
    """A history to run."""

    seed: int
    world: World = "memory"
    sabotage: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """How one history ended."""

    seed: int
    violations: list[str]
    trace: list[str]
    world: World = "memory"

    @property
    def command(self) -> str:
        """What runs this history again."""
        return f"keepstep simulate --seed {self.seed} --world {self.world}"


class Runner:
    """Runs many histories over one store in memory, emptied in between."""

    def __init__(self) -> None:
        self._store = Store("sqlite://", VirtualClock()).open()

    def run(self, seed: int, world: World = "memory", sabotage: str | None = None) -> Outcome:
        """The history of that seed. An error of the engine is a violation too. KeyError for an unknown sabotage."""
        if world == "company":
            return self.told(company_steps.draw(seed), sabotage)

        def judged(trace: list[str]) -> list[str]:
            memory = Simulation(steps.draw(seed), self._store)
            memory.trace = trace
            memory.run()
            return checker.violations(memory)

        return self._judged(seed, world, sabotage, judged)

    def told(self, history: CompanyHistory, sabotage: str | None = None) -> Outcome:
        """A history of the company, drawn or written. As ``run``."""

        def judged(trace: list[str]) -> list[str]:
            company = Company(history, self._store)
            company.trace = trace
            company.run()
            return company_checker.violations(company)

        return self._judged(history.seed, "company", sabotage, judged)

    def _judged(
        self, seed: int, world: World, sabotage: str | None, judged: Callable[[list[str]], list[str]]
    ) -> Outcome:
        clear(self._store)
        trace: list[str] = []
        with SABOTAGES[sabotage]() if sabotage is not None else nullcontext():
            try:
                broken = judged(trace)
            except Exception as error:
                broken = [f"stopped by {type(error).__name__}: {error}"]
                trace = [*trace, traceback.format_exc()]
        return Outcome(seed, broken, trace, world)

    def close(self) -> None:
        self._store.close()


def run(seed: int, world: World = "memory", sabotage: str | None = None) -> Outcome:
    """The history of that seed, over a store of its own."""
    runner = Runner()
    try:
        return runner.run(seed, world, sabotage)
    finally:
        runner.close()


def run_all(tasks: Sequence[Task], jobs: int) -> Generator[Outcome]:
    """All of these histories in their order, in so many processes. Closing the iterator ends them."""
    if jobs <= 1:
        with closing(Runner()) as runner:
            for task in tasks:
                yield runner.run(*task)
        return
    # Begun afresh, not forked: nothing of this process, its threads least of all, is carried into them.
    with multiprocessing.get_context("spawn").Pool(jobs, _begin) as pool:
        yield from pool.imap(_run, tasks)


_RUNNERS: list[Runner] = []
"""In a process that was begun for histories, its one runner."""


def _begin() -> None:
    log.configured(logging.ERROR, lambda: None)
    _RUNNERS.append(Runner())


def _run(task: Task) -> Outcome:
    return _RUNNERS[0].run(*task)
