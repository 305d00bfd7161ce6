"""A simulator that finds nothing may be blind: each wrong engine is caught on its own few histories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keepstep.testing.company_stories import STORIES
from keepstep.testing.fixed_seeds import CATCHES, LONGEST
from keepstep.testing.running import Runner
from keepstep.testing.sabotage import SABOTAGES


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.mark.parametrize("sabotage", sorted(CATCHES))
def test_a_wrong_engine_is_caught(sabotage: str, runner: Runner) -> None:
    seeds = CATCHES[sabotage]
    assert 0 < len(seeds) <= LONGEST
    caught = next((seed for seed in seeds if runner.run(seed, sabotage=sabotage).violations), None)
    assert caught is not None, f"{sabotage} survives {seeds}"
    right = runner.run(caught)
    assert right.violations == [], f"the right engine fails too: {right.command}"


def test_an_unknown_sabotage_is_refused(runner: Runner) -> None:
    with pytest.raises(KeyError):
        runner.run(1, sabotage="X0")


@pytest.mark.slow
@pytest.mark.parametrize("sabotage", sorted(STORIES))
def test_a_wrong_engine_is_caught_in_the_company(sabotage: str, runner: Runner) -> None:
    assert runner.told(STORIES[sabotage], sabotage).violations != [], f"{sabotage} survives its story"
    right = runner.told(STORIES[sabotage])
    assert right.violations == [], "\n".join([*right.violations, *right.trace])


def test_each_sabotage_is_shown_somewhere() -> None:
    assert SABOTAGES.keys() == CATCHES.keys() | STORIES.keys()
    assert SABOTAGES.keys() - STORIES.keys() == {"X3"}, "a kill between two steps that only that engine has"
