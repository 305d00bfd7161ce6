"""What ``/healthz`` tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests

from keepstep import __version__
from pipelines import hubs, names, rounds
from pipelines.health import PATIENCE, HealthServer, Watch
from tests.pipelines.conftest import Company


def test_a_working_hub_is_well(company: Company, keeper: hubs.Keeper) -> None:
    hub = keeper.hub()
    company.refused.add("two")
    rounds.tick(hub)
    watch = Watch(keeper)
    [group] = names.groups(hub.config)
    watch.note(group, True, datetime(2026, 11, 2, 9, tzinfo=UTC), "nothing new")
    server = HealthServer(lambda: watch.report(datetime(2026, 11, 2, 9, 5, tzinfo=UTC)), 0)
    try:
        answer = requests.get(server.url, timeout=30)
        assert requests.get(server.url.replace("healthz", "other"), timeout=30).status_code == 404
    finally:
        server.close()
    assert answer.status_code == 200
    assert answer.json() == {
        "version": __version__,
        "store": "ok",
        "prefect": "ok",
        "configuration": "ok",
        "freshness": {"tasks": None},
        "rounds": {
            "every-300s": {"syncs": ["tasks"], "ok": True, "at": "2026-11-02T09:00:00+00:00", "message": "nothing new"}
        },
        "overdue": [],
        "down": ["two"],
    }


def test_a_group_without_runs_is_overdue(keeper: hubs.Keeper) -> None:
    keeper.hub()
    watch = Watch(keeper)
    now = datetime.now(UTC)
    assert watch.report(now + 3 * timedelta(minutes=5))[0]
    well, facts = watch.report(now + 3 * timedelta(minutes=5) + PATIENCE + timedelta(seconds=5))
    assert not well
    assert facts["overdue"] == ["every-300s"]


def test_a_store_that_cannot_be_read_is_not_well(company: Company, keeper: hubs.Keeper) -> None:
    hub = keeper.hub()
    with hub.store.write() as tx:
        tx.connection.exec_driver_sql("DROP TABLE setting")
    well, facts = Watch(keeper).report()
    assert not well
    assert facts["store"] != "ok"


def test_a_silent_prefect_is_not_well(keeper: hubs.Keeper) -> None:
    keeper.hub()
    watch = Watch(keeper)
    watch.prefect = "ConnectError: refused"
    assert watch.report() == (False, {**watch.report()[1], "prefect": "ConnectError: refused"})


def test_a_mistake_in_the_file_is_told_and_no_reason_to_restart(company: Company, keeper: hubs.Keeper) -> None:
    keeper.hub()
    company.write(more="surprise: 1\n")
    keeper.hub()
    well, facts = Watch(keeper).report()
    assert well
    assert "`surprise` is not known here" in facts["configuration"][0]


def test_no_secret_is_told(keeper: hubs.Keeper) -> None:
    hub = keeper.hub()
    keeper.redaction.add("s3cr3t-token")
    watch = Watch(keeper)
    [group] = names.groups(hub.config)
    watch.note(group, False, datetime.now(UTC), "refused s3cr3t-token")
    assert watch.report()[1]["rounds"]["every-300s"]["message"] == "refused ***"


def test_a_taken_port_is_an_error(keeper: hubs.Keeper) -> None:
    watch = Watch(keeper)
    first = HealthServer(watch.report, 0)
    try:
        with pytest.raises(OSError):
            HealthServer(watch.report, int(first.url.rpartition(":")[2].partition("/")[0]))
    finally:
        first.close()
