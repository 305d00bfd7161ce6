"""Histories of the whole application over the four stand-ins. More of them: ``KEEPSTEP_COMPANY_HISTORIES``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from keepstep.testing import run
from keepstep.testing.fixed_seeds import COMPANY, FAILED
from keepstep.testing.running import Runner

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
