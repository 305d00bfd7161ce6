"""A connection that one process could not sign in to is told, and over once any process has read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from connectors.sandbox.faults import Fault
from connectors.zoho_crm.sandbox import ZohoSandbox
from keepstep.hub import Hub
from keepstep.runtime import Runtime
from keepstep.store import tables as t
from tests.databases import Databases
from tests.hub.conftest import SYNCS, Company

CASES = {"entity": "feedback", "mode": "observe", "sides": ["crm.Cases", "tracker.issues"]}


@pytest.fixture
def beside(company: Company, databases: Databases) -> Iterator[Hub]:
    """Another process on the store of the company's hub, which has signed in everywhere and read nothing yet."""
    hub = company.only(
        {"tasks": SYNCS["tasks"], "customers": SYNCS["customers"], "feedback": CASES}, store=databases.url()
    )
    assert hub.engine
    beside = Hub(hub.config, company.registry, Runtime.of(company.clock, 2), hub.transports)
    yield beside
    beside.close()


def told(company: Company, name: str = "tracker") -> tuple[str, str | None, int]:
    """State, end and number of times of what was told of that connection."""
    with company.hub.store.read() as tx:
        [row] = tx.all(sa.select(t.finding).where(t.finding.c.key == f"connection_down:{name}"))
    return row["state"], row["closed_at"], row["times"]


def test_it_ends_once_when_another_process_reads_the_connection_and_is_told_again_when_it_returns(
    company: Company, beside: Hub
) -> None:
    faults = company.cores["tracker"].faults
    company.rounds(1)
    faults.switch_on(Fault("unavailable"))
    beside.round()
    assert set(beside.down) == {"tracker"}
    assert told(company) == ("open", None, 1)
    company.rounds(1)  # reads the board, and not the tracker
    assert told(company) == ("open", None, 1)
    faults.clear()
    over = company.hub.ports.now()
    company.rounds(1)
    ended = told(company)
    assert ended[0] == "resolved"
    assert (ended[1] or "") >= over
    company.rounds(2)
    assert told(company) == ended
    assert set(beside.down) == {"tracker"}  # it knows of nothing until it tries again

    faults.switch_on(Fault("unavailable"))
    beside.reconnect()
    beside.round()
    assert told(company) == ("open", None, 2)


def test_the_first_reading_of_a_feed_ends_it_too(company: Company, beside: Hub) -> None:
    company.cores["tracker"].faults.switch_on(Fault("unavailable"))
    beside.round()
    assert told(company)[0] == "open"
    company.cores["tracker"].faults.clear()
    company.rounds(1)
    assert told(company)[0] == "resolved"


def test_what_a_person_has_acknowledged_ends_as_well(company: Company, beside: Hub) -> None:
    company.cores["tracker"].faults.switch_on(Fault("unavailable"))
    beside.round()
    with company.hub.store.write() as tx:
        acknowledged = sa.update(t.finding).where(t.finding.c.key == "connection_down:tracker")
        tx.execute(acknowledged.values(state="acknowledged"))
    company.cores["tracker"].faults.clear()
    company.rounds(1)
    assert told(company)[0] == "resolved"


def test_a_stream_that_the_account_lacks_is_not_there_because_another_one_was_read(
    company: Company, beside: Hub
) -> None:
    crm = company.cores["crm"]
    assert isinstance(crm, ZohoSandbox)
    crm.editions_lack.add("Cases")
    beside.round()
    assert told(company, "crm.Cases")[0] == "open"
    company.rounds(2)
    assert told(company, "crm.Cases") == ("open", None, 1)
    crm.faults.switch_on(Fault("unavailable"))
    beside.reconnect()
    beside.round()
    assert set(beside.down) == {"crm"}
    assert told(company, "crm.Cases") == ("open", None, 1)
    crm.faults.clear()
    crm.editions_lack.clear()
    company.hub.reconnect()
    company.rounds(1)
    assert told(company, "crm.Cases")[0] == "resolved"


def test_a_connection_that_is_not_configured_any_more_is_no_trouble(company: Company, beside: Hub) -> None:
    company.cores["tracker"].faults.switch_on(Fault("unavailable"))
    beside.round()
    without = {name: each for name, each in company.settings.items() if name != "tracker"}
    store = beside.config.store.get_secret_value()
    company.only({"customers": SYNCS["customers"]}, store=store, connections=without)
    company.rounds(1)
    assert told(company)[0] == "resolved"
