"""What verbs take, as data, and the pace at which they may."""

from __future__ import annotations

import pytest

from connectors.base import Price
from connectors.budget import Budget, Rate
from connectors.sandbox.clock import VirtualClock


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
    budget = Budget(clock, [Rate(40, 10.0)], share)
    while clock.monotonic() < 10.0:
        budget.take()
    assert budget.calls == sent + 1
