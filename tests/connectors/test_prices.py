"""What verbs take, as data, and the pace at which they may."""

from __future__ import annotations

import pytest

from connectors.base import Price
from connectors.budget import Budget, Rate
from connectors.sandbox.clock import VirtualClock
from connectors.zoho_crm.described import quota
from connectors.zoho_crm.models import License


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


@pytest.mark.parametrize(
    ("license", "credits"),
    [
        pytest.param(None, 5_000, id="not told"),
        pytest.param(License(paid=False, paid_type="enterprise", users_license_purchased=3), 5_000, id="not paid"),
        pytest.param(License(paid=True, paid_type="Standard", users_license_purchased=4), 51_000, id="standard"),
        pytest.param(License(paid=True, paid_type="ultimate", users_license_purchased=10), 70_000, id="ultimate"),
        pytest.param(License(paid=True, paid_type="plus", users_license_purchased=10), 5_000, id="an unknown edition"),
    ],
)
def test_an_organisations_credits_follow_its_edition(license: License | None, credits: int) -> None:
    assert quota(license).amount == credits
    assert quota(license).seconds == 86_400


@pytest.mark.parametrize(("share", "sent"), [(1.0, 40), (0.25, 10), (0.001, 1)])
def test_a_part_of_the_pace_is_that_part_of_each_rate(share: float, sent: int) -> None:
    clock = VirtualClock()
    budget = Budget(clock, [Rate(40, 10.0)], share)
    while clock.monotonic() < 10.0:
        budget.take()
    assert budget.calls == sent + 1
