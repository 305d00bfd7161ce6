"""What a record refers to may be tied to something only later, by another sync: then what refers to it follows."""

from __future__ import annotations

import sqlalchemy as sa

from keepstep.store import tables as t
from tests.hub.conftest import SYNCS, Company


def test_a_deal_that_was_taken_in_before_its_customer_gets_it_once_that_is_known(company: Company) -> None:
    company.deal(Stage="Closed Won")
    hub = company.only({name: SYNCS[name] for name in ("customers", "projects")})
    hub.round(["projects"])
    company.rounds(3)
    [customer] = company.cores["files"].records("client_folders")
    [folder] = company.cores["files"].records("project_folders").values()
    assert folder["parents"] == [customer]
    with company.hub.store.read() as tx:
        assert tx.all(sa.select(t.awaited)) == []
    company.quiet()


def test_a_task_that_was_taken_in_before_what_it_lies_under_follows_it(company: Company) -> None:
    tracker = company.cores["tracker"]
    hub = company.only({name: SYNCS[name] for name in ("projects", "tasks")})
    hub.round()
    epic = tracker.create("Ben", "epics", {"summary": "Website", "project": {"key": "ACME"}})
    tracker.create("Ben", "issues", {"summary": "Cable", "project": {"key": "ACME"}, "parent": {"id": epic}})
    company.clock.advance(300)
    hub.round(["tasks"])
    with company.hub.store.read() as tx:
        [awaited] = tx.all(sa.select(t.awaited.c.side, t.awaited.c.id))
    assert awaited == {"side": "tracker.epics", "id": epic}
    company.rounds(2)
    with company.hub.store.read() as tx:
        rows = {row["kind"]: row for row in tx.all(sa.select(t.entity))}
        assert rows["task"]["agreed"]["project"]["value"] == rows["project"]["id"]
        assert tx.all(sa.select(t.awaited)) == []


def test_what_belongs_to_no_sync_is_not_awaited(company: Company) -> None:
    company.deal(Stage="Closed Won")
    hub = company.only({"projects": SYNCS["projects"] | {"create": {"tracker.epics": {"project": "ACME"}}}})
    company.rounds(2)
    with hub.store.read() as tx:
        assert tx.all(sa.select(t.awaited)) == []
