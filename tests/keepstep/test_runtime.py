"""Ids: unique, sortable, repeatable."""

from __future__ import annotations

from datetime import UTC, timedelta

from connectors.sandbox.clock import START, VirtualClock
from keepstep.runtime import ALPHABET, Ids, Runtime


class SetBack(VirtualClock):
    back = timedelta()

    def now(self):  # type: ignore[no-untyped-def]
        return super().now() - self.back


def test_ids_sort_in_the_order_they_were_made() -> None:
    clock = SetBack()
    ids = Runtime.of(clock, 7).ids
    made = []
    for step in range(300):
        made.append(ids())
        if step % 10 == 0:
            clock.advance(0.0007)
        if step == 150:
            clock.back = timedelta(hours=1)
    assert made == sorted(made)
    assert len(set(made)) == 300
    assert {len(each) for each in made} == {26}
    assert set("".join(made)) <= set(ALPHABET)


def test_the_same_clock_and_seed_give_the_same_ids() -> None:
    first, second, other = (Runtime.of(VirtualClock(), seed).ids for seed in (1, 1, 2))
    assert [first(), first()] == [second(), second()]
    assert other() != Runtime.of(VirtualClock(), 1).ids()


def test_an_id_begins_with_its_time() -> None:
    made = Runtime.of(VirtualClock(), 1).ids()
    number = 0
    for letter in made:
        number = number * 32 + ALPHABET.index(letter)
    assert number >> 80 == int(START.timestamp() * 1000)


def test_the_real_runtime_knows_this_machine() -> None:
    real = Runtime.real()
    assert real.clock.now().tzinfo is UTC
    before = real.clock.monotonic()
    real.clock.wait(0)
    assert real.clock.monotonic() >= before
    assert isinstance(real.ids, Ids)
    assert "PATH" in real.environ
    assert "PATH" not in repr(real)
