"""A feed that tells of the things of several syncs is read for each of them, also while one of them cannot run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from connectors.sandbox.faults import Fault
from tests.hub.conftest import SYNCS, Company
from tests.hub.test_comments import DOC

FEEDS = {name: SYNCS[name] for name in ("customers", "projects", "tasks")}
"""The tracker's epics belong to a sync that needs the files, its issues to one that does not."""


@contextmanager
def without(company: Company, connection: str) -> Iterator[None]:
    """The connection is down, and two rounds go by."""
    company.cores[connection].faults.switch_on(Fault("unavailable"))
    company.hub.reconnect()
    company.rounds()
    assert connection in company.hub.down
    yield
    company.rounds(2)
    company.cores[connection].faults.clear()
    company.hub.reconnect()


@pytest.fixture
def projects(company: Company) -> Company:
    company.board()
    company.only(FEEDS | {"projects": FEEDS["projects"] | {"with": ["comments"]}})
    company.deal()
    company.rounds(4)
    return company


def test_what_happened_to_a_sync_that_had_to_wait_is_carried_over_once_it_can_run(projects: Company) -> None:
    [epic] = projects.cores["tracker"].records("epics")
    with without(projects, "files"):
        projects.cores["tracker"].edit("Bo", "epics", epic, {"duedate": "2027-01-15"})
    projects.rounds(3)
    [deal] = projects.cores["crm"].records("Deals").values()
    assert deal["Closing_Date"] == "2027-01-15"
    projects.quiet()


def test_what_rides_with_it_is_carried_over_too(projects: Company) -> None:
    [epic] = projects.cores["tracker"].records("epics")
    with without(projects, "files"):
        projects.cores["tracker"].create("Bo", "comments", {"issue": {"id": epic}, "body": DOC})
    projects.rounds(4)
    notes = [each["Note_Content"] for each in projects.cores["crm"].records("Notes").values()]
    assert [each.endswith("hello") for each in notes] == [True]
