"""A simulator that finds nothing may be blind: each wrong engine is caught on its own few histories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keepstep.testing.fixed_seeds import CATCHES, LONGEST
from keepstep.testing.running import Runner
from keepstep.testing.sabotage import SABOTAGES


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.mark.parametrize("sabotage", sorted(SABOTAGES))
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
