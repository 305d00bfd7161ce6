"""Sign-ins that end by themselves are told thirty days ahead."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.base import utc
from keepstep.engine import expiry
from keepstep.store import tables as t
from keepstep.testing.worlds import Bench

pytestmark = pytest.mark.usefixtures("benches")


def signed_in(bench: Bench, days: int | None) -> None:
    ends = utc(bench.clock.now() + timedelta(days=days)) if days is not None else None
    with bench.store.write() as tx:
        value = {"at": bench.ports.now(), "expires_at": ends, "scopes": []}
        tx.upsert(t.setting, [{"name": "signed_in:a", "value": value}])


def told(bench: Bench) -> list[str]:
    with bench.store.write() as tx:
        expiry.tell(tx, bench.ports, ["a", "b"])
    return bench.open_findings()


def test_it_is_told_thirty_days_ahead_and_over_once_renewed() -> None:
    bench = Bench()
    assert told(bench) == []
    signed_in(bench, 40)
    assert told(bench) == []
    bench.clock.advance(11 * 86_400)
    assert told(bench) == ["credentials_expire"]
    signed_in(bench, 365)
    assert told(bench) == []


def test_a_sign_in_without_an_end_is_never_told() -> None:
    bench = Bench()
    signed_in(bench, None)
    assert told(bench) == []
