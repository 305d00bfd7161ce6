"""Histories of the whole application over the four stand-ins. More of them: ``KEEPSTEP_COMPANY_HISTORIES``."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import get_args

import pytest

from keepstep.testing import run
from keepstep.testing.company_steps import FIELDS, Action, CompanyHistory, Step
from keepstep.testing.fixed_seeds import COMPANY, FAILED
from keepstep.testing.running import Runner

ACTIONS: tuple[Action, ...] = get_args(Action)
HISTORIES = int(os.environ.get("KEEPSTEP_COMPANY_HISTORIES", "12"))


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.mark.parametrize("seed", [*FAILED, *range(COMPANY, COMPANY + HISTORIES)][:HISTORIES])
def test_nothing_is_lost_in_a_company(seed: int, runner: Runner) -> None:
    outcome = runner.run(seed, "company")
    assert outcome.violations == [], f"{outcome.command}\n" + "\n".join([*outcome.violations, *outcome.trace])


def test_one_seed_gives_one_trace(runner: Runner) -> None:
    first = runner.run(COMPANY, "company")
    assert first.trace
    assert runner.run(COMPANY, "company").trace == first.trace
    assert run(COMPANY, "company").trace == first.trace


def test_another_seed_gives_another_trace(runner: Runner) -> None:
    assert runner.run(COMPANY, "company").trace != runner.run(COMPANY + 1, "company").trace


def everything() -> CompanyHistory:
    """A history in which each thing that can happen happens."""
    actions = [action for action in ACTIONS if action not in ("round", "let")]
    rng = random.Random(1)
    streams = [*FIELDS]
    steps = [Step("customer"), Step("deal", amount=1), Step("task", stream="tracker.issues"), Step("wait", amount=90)]
    steps += [Step("round"), Step("let"), Step("round")]
    for number, action in enumerate(actions):
        during = (Step("edit", stream="board.cards", field=2, value=1),)
        step = Step(action, stream=streams[number % 5], value=rng.randrange(8), amount=3, during=during)
        steps += [step, Step("wait", amount=90), Step("round"), Step("let")]
    syncs = ("customers", "projects", "folders", "tasks", "documents", "feedback")
    lags = {"crm": 5.0, "tracker": 60.0, "files": 10.0}
    riding = ("comments", "attachments")
    return CompanyHistory(7, syncs, lags, tuple(steps), cards=True, riding=riding, deletes="archive")


@pytest.mark.slow
def test_one_seed_gives_one_trace_with_everything_switched_on(runner: Runner) -> None:
    """Here, and in a process that orders its sets otherwise."""
    code = "from tests.simulation.test_company import everything; from keepstep.testing.running import Runner; " + (
        "import connectors.log, logging; connectors.log.configured(logging.CRITICAL, lambda: None); "
        "print(*Runner().told(everything()).trace, sep='\\n')"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    trace = "".join(f"{line}\n" for line in runner.told(everything()).trace)
    assert trace == done.stdout
    assert all(f" {action} " in trace for action in ("undo", "leave", "put_back", "twice", "merge", "attach"))
    assert "stopped by" not in trace
