"""What it costs to look for a lost comment, and to count all: a request or two for a hundred issues."""

from __future__ import annotations

from typing import Any

from connectors.base import Write
from tests.connectors.jira.test_push import DOC

ISSUES = 30


def talked(desk: Any) -> list[str]:
    """Many issues with a comment of ours and one of Ann's each; the ids of ours."""
    found = []
    for number in range(ISSUES):
        issue = {"id": desk.issue(), "stream": "issues"}
        desk.sandbox.create("Ann", "comments", {"issue": issue, "body": DOC})
        write = Write(intent=f"i{number}", kind="create", marker=f"m{number}", values={"issue": issue, "body": DOC})
        found.append(desk.push("comments", write)[0].id)
    desk.settled()
    return found


def asked(desk: Any, work: Any) -> tuple[Any, int]:
    before = len(desk.sandbox.traffic)
    return work(), len(desk.sandbox.traffic) - before


def test_a_lost_comment_is_found_in_few_requests_however_many_issues_there_are(desk: Any) -> None:
    ours = talked(desk)
    fresh = desk.connect()
    fresh.check()
    found, cost = asked(desk, lambda: fresh.find("comments", "m7"))
    assert [record.id for record in found] == [ours[7]]
    assert cost <= 3


def test_a_census_of_comments_asks_for_a_hundred_issues_at_once(desk: Any) -> None:
    ours = talked(desk)
    long = ours[0].partition("-")[0]
    for _ in range(120):
        desk.sandbox.create("Ann", "comments", {"issue": {"id": long}, "body": DOC})
    desk.settled()
    ids, cost = asked(desk, lambda: [id for page in desk.jira.ids("comments") for id in page])
    assert len(ids) == len(set(ids)) == 2 * ISSUES + 120
    assert set(ours) <= set(ids)
    assert cost <= 4
