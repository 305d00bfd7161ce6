"""A kill at every named point of the engine, and what the next worker makes of it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import keepstep.engine
from connectors.memory_service import STREAM, Traits
from keepstep.testing.checker import violations
from keepstep.testing.copies import Copies
from keepstep.testing.worlds import PAST_DOUBT, Bench, Talk

pytestmark = pytest.mark.usefixtures("benches")

SOURCE = Path(keepstep.engine.__file__).parent


def points() -> list[str]:
    """Every name given to ``fence.point`` in the engine's source, but for undoing, which is no part of a round and
    has its own kills (``test_engine_undo.py``)."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        if path.name == "undo.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "point":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{path.name}:{node.lineno}: a point has a literal name"
                found.add(name.value)
    return sorted(found)


def creating() -> Bench:
    """A task on one of three sides, each with another marker, and nothing made yet."""
    bench = Bench(Traits(page=1), Traits(marker="reserved_id"), Traits(marker="fingerprint", returns_record=False))
    bench.make("a", title="x", notes="n")
    bench.make("a", title="y")
    bench.round()
    bench.let_through()
    return bench


def updating() -> Bench:
    """Edits to carry, one of them to a field that changed on two sides alike, and one conflict."""
    bench = Bench(Traits(history=True, returns_record=False), Traits(guarded=True), Traits(versioned=False))
    for title in ("x", "y"):
        bench.make("a", title=title)
    bench.settle()
    bench.edit("a", bench.only_titled("a", "x"), title="x2", notes="by ada")
    bench.edit("b", bench.only_titled("b", "x"), notes="by ada", due="2026-11-30")
    bench.edit("a", bench.only_titled("a", "y"), title="y by ada")
    bench.edit("c", bench.only_titled("c", "y"), title="y by chen")
    return bench


def deleting() -> Bench:
    """A delete to carry, and an answer that was lost before."""
    bench = Bench(Traits(), Traits(), deletes="propagate")
    for title in "xyz":
        bench.make("a", title=title)
    bench.settle()
    bench.services["a"].delete("Ada", STREAM, bench.only_titled("a", "z"))
    bench.edit("a", bench.only_titled("a", "x"), labels=["red"])
    return bench


def filing() -> Talk:
    """Files on two sides, the same one twice among them, and each side with another way to find a lost upload."""
    bench = Talk(Traits(), Traits(marker="fingerprint"), Traits(returns_record=False), rides="attachments")
    for title in ("x", "y"):
        bench.make("a", title=title)
    bench.settle()
    bench.put("a", bench.only_titled("a", "x"), "plan", b"the plan")
    bench.round()
    bench.let_through()
    bench.put("a", bench.only_titled("a", "y"), "sketch", b"a sketch")
    bench.put("b", bench.only_titled("b", "x"), "photo", b"a photo")
    bench.put("b", bench.only_titled("b", "x"), "the same photo", b"a photo")
    return bench


RUNS = {"creating": creating, "updating": updating, "deleting": deleting, "filing": filing}


def test_every_point_is_reached_by_some_run() -> None:
    reached = set()
    for begin in RUNS.values():
        bench = begin()
        bench.kill_at("apply.gate")
        bench.settle(PAST_DOUBT)
        reached |= set(bench.fence.reached)
    assert set(points()) <= reached


class Judged:
    """A bench as the checker wants it: its rounds say how much they planned."""

    def __init__(self, bench: Bench) -> None:
        self.services, self.store, self.sync = bench.services, bench.store, bench.sync
        self.copies = Copies(bench.store)
        self.round = lambda: bench.round().planned
        self.hidden: dict[tuple[str, str], list[tuple[str, str]]] = {}


def sound(bench: Bench, name: str) -> None:
    bench.settle(PAST_DOUBT)
    assert violations(Judged(bench)) == []  # type: ignore[arg-type]
    if name == "deleting":
        for service in "ab":
            assert sorted(each["title"] for each in bench.shown(service)) == ["x", "y"]
    elif isinstance(bench, Talk):
        three = [("photo", b"a photo"), ("plan", b"the plan"), ("sketch", b"a sketch")]
        assert bench.files("b") == sorted([*three, ("the same photo", b"a photo")])
        for service in "ac":
            assert [(name.removeprefix("the same "), body) for name, body in bench.files(service)] == three
    else:
        assert {len(bench.shown(service)) for service in "abc"} == {2}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("point", points())
def test_a_kill_at_this_point_breaks_nothing(name: str, point: str) -> None:
    bench = RUNS[name]()
    bench.kill_at(point)
    sound(bench, name)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("point", [point for point in points() if point.startswith("recover")])
def test_a_second_kill_during_recovery_breaks_nothing(name: str, point: str) -> None:
    bench = RUNS[name]()
    assert bench.kill_at("apply.answered")
    assert bench.kill_at(point, work=lambda: bench.round(PAST_DOUBT))
    sound(bench, name)
