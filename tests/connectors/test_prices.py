"""What verbs take, as data, and the pace at which they may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Price
from connectors.budget import Budget, Rate
from connectors.context import Context, Wait
from connectors.sandbox.clock import VirtualClock
from keepstep.testing.contract.world import MemoryTokens


@pytest.mark.parametrize(
    ("price", "records", "calls"),
    [
        pytest.param(Price(), 0, 0, id="nothing"),
        pytest.param(Price(), 7, 7, id="one each"),
        pytest.param(Price(1, 100), 100, 1, id="a full batch"),
        pytest.param(Price(1, 100), 101, 2, id="a batch begun"),
        pytest.param(Price(3, 100), 101, 6, id="several requests a batch"),
    ],
)
def test_a_price_counts_every_batch_begun(price: Price, records: int, calls: int) -> None:
    assert price.of(records) == calls


@pytest.mark.parametrize(("share", "sent"), [(1.0, 40), (0.25, 10), (0.001, 1)])
def test_a_part_of_the_pace_is_that_part_of_each_rate(share: float, sent: int) -> None:
    clock = VirtualClock()
    budget = Budget(Context(name="crm", clock=clock, tokens=MemoryTokens(), share=share), [Rate(40, 10.0)])
    while clock.monotonic() < 10.0:
        budget.take()
    assert budget.calls == sent + 1


class Told:
    """Who is told of waits; ``meanwhile`` happens while one lasts."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.waits: list[Wait] = []
        self.over = 0
        self.meanwhile: Budget | None = None

    def budget(self, *rates: Rate) -> Budget:
        return Budget(Context(name="crm", clock=self.clock, tokens=MemoryTokens(), waiting=self.waiting), rates)

    @contextmanager
    def waiting(self, wait: Wait) -> Iterator[None]:
        self.waits.append(wait)
        if self.meanwhile is not None:
            self.meanwhile.take()
        yield
        self.over += 1


def test_a_long_wait_is_told_with_its_reason_and_its_end() -> None:
    told = Told()
    budget = told.budget(Rate(2, 60.0))
    start = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
    budget.take()
    budget.pause(600.0, "sign_in")
    budget.take()
    assert (told.waits, told.over) == ([Wait("crm", "sign_in", start + timedelta(minutes=10))], 1)
    told.clock.advance(5)
    budget.take()
    budget.take()  # the third within a minute, and the second of them was sent at ten past
    assert told.waits[1:] == [Wait("crm", "pace", start + timedelta(minutes=11))]
    budget.pause(45.0)
    budget.pause(20.0, "sign_in")  # the longer one stands, and its reason
    budget.take()
    assert told.waits[2:] == [Wait("crm", "asked", start + timedelta(minutes=11, seconds=45))]


def test_a_short_wait_is_told_to_nobody() -> None:
    told = Told()
    budget = told.budget(Rate(1, 10.0))
    for _ in range(5):
        budget.take()
        budget.pause(9.0)
    assert (told.clock.monotonic(), told.waits) == (40.0, [])


def test_several_that_wait_for_the_same_tell_it_once() -> None:
    told = Told()
    budget = told.meanwhile = told.budget()
    budget.pause(60.0)
    budget.take()
    assert (len(told.waits), budget.calls) == (1, 2)
