"""Drawn histories with undoings in between: they settle, and everything is in step or a finding says why not."""

from __future__ import annotations

import random
from typing import Any

import pytest

from connectors.memory_service import STREAM, Traits
from connectors.sandbox.faults import Fault
from keepstep.engine.strays import Census
from keepstep.store import tables as t
from keepstep.testing.worlds import PAST_DOUBT, Bench

SEEDS = range(8)
EXPLAINED = {"even", "apart", "asked", "gone"}
TITLES = ("a", "b", "C", "名称")
NOTES = (None, "x", "line 1\nline 2")
LABELS: tuple[list[str], ...] = ([], ["red"], ["blue", "red"])


def world(rng: random.Random) -> Bench:
    traits = [
        Traits(
            history=rng.random() < 0.3,
            guarded=rng.random() < 0.3,
            shouts=rng.random() < 0.2,
            returns_record=rng.random() < 0.7,
        )
        for _ in range(rng.choice((2, 2, 3)))
    ]
    return Bench(*traits, deletes=rng.choice(("flag", "propagate")))


def values(rng: random.Random) -> dict[str, Any]:
    name, choices = rng.choice((("title", TITLES), ("notes", NOTES), ("labels", LABELS)))
    return {name: rng.choice(choices)}


def live(bench: Bench, name: str, rng: random.Random) -> str | None:
    ids = sorted(bench.services[name].records(STREAM))
    return rng.choice(ids) if ids else None


def step(bench: Bench, rng: random.Random) -> None:
    name = rng.choice(sorted(bench.services))
    id = live(bench, name, rng)
    match rng.choice(("edit",) * 5 + ("round",) * 5 + ("make", "delete", "undo", "undo", "lose")):
        case "edit" if id:
            bench.edit(name, id, **values(rng))
        case "make":
            bench.make(name, title=rng.choice(TITLES), notes=rng.choice(NOTES))
        case "delete" if id and rng.random() < 0.3:
            bench.services[name].delete("Ada", STREAM, id)
        case "lose":
            bench.services[name].faults.switch_on(Fault("lost_after", "write", times=1))
        case "undo":
            runs = sorted({row["run"] for row in bench.rows(t.intent)})
            if runs:
                take_back(bench, rng.choice(runs))
        case _:
            bench.round(rng.choice((60.0, 60.0, PAST_DOUBT)))
            bench.let_through()


def take_back(bench: Bench, run: str) -> None:
    undoing = bench.engine.undoing(bench.sync, run)
    assert bench.engine.reread(bench.sync, undoing.entities)
    fresh = undoing.decide("Bo")
    assert fresh is not None
    bench.engine.run(bench.sync, run=fresh)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_with_undoings_settles_in_step(seed: int) -> None:
    rng = random.Random(seed)
    bench = world(rng)
    bench.make("a", title="first", notes="n")
    for _ in range(rng.randint(12, 30)):
        step(bench, rng)
    for service in bench.services.values():
        service.faults.clear()
    bench.settle(PAST_DOUBT)
    writes = bench.writes()
    bench.settle()
    assert bench.writes() == writes
    found = list(bench.engine.verifier(bench.sync).links())
    assert {each.standing for each in found} <= EXPLAINED
    assert list(Census(bench.ports, bench.sync).strays()) == []
