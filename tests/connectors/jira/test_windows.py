"""A large first crawl is cut into windows by time of creation, and misses nothing that way."""

from __future__ import annotations

import msgspec
import pytest

from connectors.jira import windows
from connectors.jira.cursors import Crawl


@pytest.fixture(autouse=True)
def _cut_early(monkeypatch):
    monkeypatch.setattr(windows, "WORTHWHILE", 250)


@pytest.fixture
def large(desk):
    """620 issues, most of them made within a few minutes, some long before."""
    for number in range(620):
        desk.clock.advance(86_400 if number < 20 else 1)
        desk.issue(summary=f"Cable {number}")
    desk.settled()
    return desk


def jqls(desk):
    return [body["jql"] for body in desk.sandbox.sent("POST", "/search/jql")]


def test_every_issue_comes_and_only_the_pages_read_before_the_cut_come_again(large):
    pages = list(large.jira.pull("issues"))
    found = [record.id for page in pages for record in page.records]
    assert len(set(found)) == 620
    assert len(found) == 620 + 100
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert pages[-1].complete
    cut = {jql for jql in jqls(large) if "created >= " in jql and jql.endswith("ORDER BY created ASC, id ASC")}
    assert len(cut) >= 4
    assert large.sandbox.sent("POST", "/search/approximate-count")


def test_the_windows_touch_and_the_last_one_has_no_end(large):
    pages = iter(large.jira.pull("issues"))
    cursors = [next(pages).cursor for _ in range(3)]
    pages.close()
    left = msgspec.json.decode(cursors[-1], type=Crawl).windows
    assert len(left) >= 2
    assert [window.until for window in left[:-1]] == [window.since for window in left[1:]]
    assert left[-1].until is None


def test_a_restart_from_any_page_misses_nothing(large):
    pages = list(large.jira.pull("issues"))
    everything = {record.id for page in pages for record in page.records}
    for number, page in enumerate(pages[:-1]):
        seen = {record.id for before in pages[: number + 1] for record in before.records}
        rest = list(large.connect().pull("issues", page.cursor))
        assert seen | {record.id for after in rest for record in after.records} == everything
        assert rest[-1].last


def test_a_lost_token_of_a_window_goes_on_from_the_last_row_seen(large):
    pages = iter(large.jira.pull("issues"))
    taken = [next(pages) for _ in range(5)]
    pages.close()
    large.sandbox.forget_page_tokens()
    rest = list(large.connect().pull("issues", taken[-1].cursor))
    found = {record.id for page in [*taken, *rest] for record in page.records}
    assert len(found) == 620


def test_what_is_edited_while_the_windows_are_read_comes_in_the_next_pull(large):
    pages = iter(large.jira.pull("issues"))
    for _ in range(4):
        next(pages)
    edited = sorted(large.sandbox.records("issues"), key=int)[300]
    large.sandbox.edit("Ann", "issues", edited, {"summary": "Another cable"})
    large.settled()
    *_, last = pages
    records, _ = large.pull(cursor=last.cursor)
    assert edited in {record.id for record in records}


def test_a_small_site_is_listed_as_it_always_was(desk):
    for number in range(230):
        desk.issue(summary=f"Cable {number}")
    desk.settled()
    records, last = desk.pull()
    assert len(records) == 230
    assert last.complete
    assert not any("created >= " in jql for jql in jqls(desk))
