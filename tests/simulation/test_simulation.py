"""Random histories over sides of every kind: no promise of the engine may break.

``KEEPSTEP_HISTORIES`` says how many (default 60), ``KEEPSTEP_SEED`` where the second half of them begins. The seeds are
the same in every run, so that a failure is the change's own; ``keepstep simulate`` takes fresh ones. A seed that fails
belongs into ``seeds.txt``.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.sandbox.clock import VirtualClock
from keepstep.store.store import Store
from keepstep.testing.checker import violations
from keepstep.testing.simulator import Simulation, clear
from keepstep.testing.steps import draw
from keepstep.testing.worlds import fresh_store

HISTORIES = int(os.environ.get("KEEPSTEP_HISTORIES", "60"))
PARTS = 6
SECOND_HALF = int(os.environ.get("KEEPSTEP_SEED", "600000"))
FAILED_ONCE = [
    int(line) for line in (Path(__file__).parent / "seeds.txt").read_text().splitlines() if line and line[0] != "#"
]


@pytest.fixture(scope="module")
def store() -> Store:
    return fresh_store(VirtualClock())


def broken(seed: int, store: Store) -> list[str]:
    clear(store)
    simulation = Simulation(draw(seed), store)
    simulation.run()
    return violations(simulation)


def judge(seeds: list[int], store: Store) -> None:
    found = {seed: broken(seed, store) for seed in seeds}
    lines = [f"keepstep simulate --seed {seed}: {each}" for seed, trouble in found.items() for each in trouble]
    assert not lines, "\n".join(lines)


def test_seeds_that_failed_once(store: Store) -> None:
    judge(FAILED_ONCE, store)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_histories(part: int, store: Store) -> None:
    half = HISTORIES // 2
    seeds = [*range(1, half + 1), *range(SECOND_HALF, SECOND_HALF + HISTORIES - half)]
    judge(seeds[part::PARTS], store)


def trace(seed: int) -> str:
    simulation = Simulation(draw(seed), fresh_store(VirtualClock()))
    simulation.run()
    return hashlib.sha256("\n".join(simulation.trace).encode()).hexdigest()


def test_one_seed_is_one_history(store: Store) -> None:
    assert trace(7) == trace(7)
    assert trace(7) != trace(8)


def test_the_order_of_hashes_does_not_matter() -> None:
    here = str(Path(__file__).parent)
    code = f"import sys; sys.path.insert(0, {here!r}); import test_simulation as t; print(t.trace(7))"
    for hash_seed in ("1", "2"):
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == trace(7)  # what was logged on the way stands before it
