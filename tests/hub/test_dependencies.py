"""What a task depends on, between two sites of Jira: links come and go on either, others' stay."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hub.conftest import Company


class Sites:
    """Two sites, three tasks made by people on the first."""

    def __init__(self, company: Company) -> None:
        company.another("partner", "jira")
        self.company = company
        self.cores: dict[str, Any] = {name: company.cores[name] for name in ("tracker", "partner")}
        create = {f"{name}.issues": {"project": "ACME"} for name in self.cores}
        sync = {"entity": "task", "mode": "write", "sides": list(create), "create": create}
        self.hub = company.only({"tasks": sync})

    def task(self, name: str, side: str = "tracker") -> str:
        return str(self.cores[side].create("Ann", "issues", {"summary": name, "project": {"key": "ACME"}}))

    def run(self, rounds: int = 3) -> None:
        self.company.rounds(rounds)

    def id(self, side: str, name: str) -> str:
        found = self.cores[side].records("issues").items()
        return next(id for id, raw in found if raw["fields"]["summary"] == name)

    def blocked_by(self, side: str, name: str) -> list[str]:
        links = self.cores[side].records("issues")[self.id(side, name)]["fields"]["issuelinks"]
        return sorted(
            each["inwardIssue"]["fields"]["summary"]
            for each in links
            if each["type"]["name"] == "Blocks" and "inwardIssue" in each
        )

    def block(self, side: str, blocker: str, blocked: str, kind: str = "Blocks") -> str:
        return str(self.cores[side].link_issues("Ann", self.id(side, blocker), self.id(side, blocked), kind))


@pytest.fixture
def sites(company: Company) -> Sites:
    return Sites(company)


def test_links_come_and_go_on_either_side(sites: Sites) -> None:
    for name in ("Dig", "Pour", "Build"):
        sites.task(name)
    first = sites.block("tracker", "Dig", "Pour")
    sites.run()
    assert sites.blocked_by("partner", "Pour") == ["Dig"]
    sites.company.quiet()

    sites.block("partner", "Pour", "Build")
    sites.block("tracker", "Dig", "Build")
    sites.block("partner", "Pour", "Dig", "Relates")
    sites.run()
    for side in sites.cores:
        assert sites.blocked_by(side, "Build") == ["Dig", "Pour"]
    sites.company.quiet()

    sites.cores["tracker"].delete("Ann", "issue_links", first)
    sites.run()
    assert sites.blocked_by("partner", "Pour") == []
    kinds = [each.kind for each in sites.cores["partner"].world.issue_links.values()]
    assert sorted(kinds) == ["10000", "10000", "10001"], "a link of another type stays"
    sites.company.quiet()


def test_a_link_to_what_no_sync_holds_stays_where_it_is(sites: Sites) -> None:
    sites.task("Dig")
    sites.task("Pour")
    sites.cores["partner"].world.add_project("OWN", "Own")
    sites.run()
    partner = sites.cores["partner"]
    alone = partner.create("Bo", "epics", {"summary": "Own", "project": {"key": "OWN"}})
    partner.link_issues("Bo", alone, sites.id("partner", "Pour"))
    sites.block("tracker", "Dig", "Pour")
    sites.run()
    assert sites.blocked_by("partner", "Pour") == ["Dig", "Own"]
    assert sites.blocked_by("tracker", "Pour") == ["Dig"]
    sites.company.quiet()


def test_what_is_not_there_yet_follows_when_it_is(sites: Sites) -> None:
    """Tasks of before, closed, are not created elsewhere: what depends on one is written without it, until it comes."""
    old = sites.task("Old")
    sites.cores["tracker"].edit("Ann", "issues", old, {"status": {"name": "Done"}})
    sites.company.clock.advance(100 * 86_400)
    sites.task("Dig")
    sites.task("Pour")
    sites.block("tracker", "Old", "Pour")
    sites.block("tracker", "Dig", "Pour")
    sites.run()
    assert sites.blocked_by("partner", "Pour") == ["Dig"]
    sites.company.quiet()
    sites.cores["tracker"].edit("Ann", "issues", old, {"status": {"name": "To Do"}})
    sites.run()
    assert sites.blocked_by("partner", "Pour") == ["Dig", "Old"]
    sites.company.quiet()
