"""Feeds against the stand-in: pages, windows, late index entries, lost tokens."""

from __future__ import annotations

import msgspec
import pytest

from connectors.base import Write, utc
from connectors.context import Context
from connectors.errors import CursorLost, Malformed, Misconfigured, ScopeMissing
from connectors.jira import CONNECTOR
from connectors.jira.answers import Refused
from connectors.jira.crawl import OVERLAP
from connectors.jira.sandbox import SANDBOX
from connectors.jira.sandbox.core import HUB_REFRESH
from connectors.sandbox.exchange import Response
from connectors.sandbox.faults import Fault
from connectors.sandbox.hosting import Host


def searches(desk):
    return desk.sandbox.sent("POST", "/search/jql")


def test_a_first_crawl_lists_epics_issues_subtasks_and_comments_once_each(desk):
    epic = desk.sandbox.create("Ann", "epics", {"summary": "New factory"})
    issue = desk.issue(parent={"id": epic})
    subtask = desk.issue(parent={"id": issue})
    comment = desk.sandbox.create("Bo", "comments", {"issue": {"id": issue}, "body": "Which cables?"})
    desk.settled()
    records, last = desk.pull()
    assert [(r.stream, r.id) for r in records] == [
        ("epics", epic),
        ("issues", subtask),
        ("issues", issue),
        ("comments", comment),
    ]
    assert last.last
    assert last.complete
    assert records[3].payload["issue"] == {"id": issue, "stream": "issues"}
    assert records[1].payload["fields"]["parent"]["id"] == issue
    assert "comment" not in records[2].payload["fields"]


def test_versions_are_utc_with_milliseconds_whatever_zone_the_account_has(desk):
    desk.clock.advance(0.321)
    issue = desk.issue()
    record = desk.one("issues", issue)
    assert record.payload["fields"]["updated"] == "2026-11-02T02:00:00.321+0100"
    assert record.version == record.modified_at == "2026-11-02T01:00:00.321Z"
    assert record.url == f"https://acme.atlassian.net/browse/{record.payload['key']}"


def test_when_nothing_changed_a_pull_costs_the_declared_requests(desk):
    desk.issue()
    desk.settled()
    _, last = desk.pull()
    desk.clock.advance(3600)
    _, last = desk.pull(cursor=last.cursor)
    before = desk.jira.calls
    records, _ = desk.pull(cursor=last.cursor)
    spent = desk.jira.calls - before
    feed = next(feed for feed in desk.jira.describe().feeds if feed.name == "issues")
    assert records == []
    assert spent == feed.cost


def test_the_window_is_epoch_milliseconds_before_the_start_of_the_last_crawl(desk):
    _, last = desk.pull()
    started = int(desk.clock.now().timestamp() * 1000)
    desk.clock.advance(600)
    desk.pull(cursor=last.cursor)
    assert searches(desk)[-1]["jql"] == f"updated >= {started - OVERLAP} ORDER BY updated ASC, id ASC"


def test_configured_projects_narrow_the_search(desk):
    desk.sandbox.add_project("OPS", "Operations")
    desk.issue(project={"key": "OPS"})
    mine = desk.issue()
    desk.settled()
    jira = desk.connect(projects=["ACME"])
    assert [r.id for page in jira.pull("issues") for r in page.records] == [mine]
    assert searches(desk)[-1]["jql"].startswith('project in ("ACME") AND updated >= ')


def test_an_issue_that_the_index_learns_of_late_is_found_by_the_overlap(desk):
    desk.sandbox.search_lag = 60.0
    _, last = desk.pull()
    late = desk.issue()
    desk.clock.advance(30)
    records, last = desk.pull(cursor=last.cursor)
    assert records == []
    desk.clock.advance(60)
    records, _ = desk.pull(cursor=last.cursor)
    assert [r.id for r in records] == [late]


def test_our_own_writes_are_reconciled_and_come_at_once(desk):
    _, last = desk.pull()
    [done] = desk.push("issues", Write(intent="i", kind="create", values={"summary": "A", "project": "ACME"}))
    records, _ = desk.pull(cursor=last.cursor)
    assert [(r.id, r.ours) for r in records] == [(done.id, True)]
    assert searches(desk)[-1]["reconcileIssues"] == [int(done.id)]


def test_the_next_page_is_under_way_while_one_is_stored(desk):
    _, last = desk.pull()
    for number in range(250):
        desk.issue(summary=f"Cable {number}")
    desk.settled()
    before = len(searches(desk))
    pages = desk.jira.pull("issues", last.cursor)
    first = next(pages)
    pages.close()  # waits for what is under way
    assert len(searches(desk)) == before + 2
    records, _ = desk.pull(cursor=first.cursor)
    assert len({record.id for record in [*first.records, *records]}) == 250


def test_pages_share_one_window_one_start_and_one_list_of_reconciled_ids(desk):
    for number in range(205):
        desk.issue(summary=f"Cable {number}")
    desk.push("issues", Write(intent="i", kind="create", values={"summary": "A", "project": "ACME"}))
    desk.settled()
    started = desk.clock.now()
    pages = []
    for page in desk.jira.pull("issues"):
        pages.append(page)
        desk.clock.advance(500)
    asked = searches(desk)
    assert [len(page.records) for page in pages] == [100, 100, 6]
    assert len({r.id for page in pages for r in page.records}) == 206
    assert len({body["jql"] for body in asked}) == 1
    assert len({tuple(body["reconcileIssues"]) for body in asked}) == 1
    assert msgspec.json.decode(pages[-1].cursor)["since"] == int(started.timestamp() * 1000) - OVERLAP
    assert [page.last for page in pages] == [False, False, True]


def test_a_restart_goes_on_from_any_page(desk):
    for number in range(250):
        desk.issue(summary=f"Cable {number}")
    desk.settled()
    first = next(iter(desk.jira.pull("issues")))
    rest = list(desk.connect().pull("issues", first.cursor))
    found = [r.id for page in [first, *rest] for r in page.records]
    assert len(found) == len(set(found)) == 250
    assert rest[-1].complete


def test_a_lost_page_token_resumes_from_the_stored_window_and_misses_nothing(desk):
    for number in range(250):
        desk.clock.advance(1)
        desk.issue(summary=f"Cable {number}")
    desk.settled()
    first = next(iter(desk.jira.pull("issues")))
    desk.sandbox.forget_page_tokens()
    rest = list(desk.connect().pull("issues", first.cursor))
    found = {r.id for page in [first, *rest] for r in page.records}
    assert len(found) == 250
    assert sum(len(page.records) for page in rest) == 151  # the last one seen comes again
    assert f"updated >= {msgspec.json.decode(first.cursor)['seen']} " in searches(desk)[-1]["jql"]


def test_a_query_that_jira_refuses_is_no_lost_token(desk):
    jira = desk.connect(projects=["GONE"])
    with pytest.raises(Refused, match="GONE"):
        list(jira.pull("issues"))
    assert len(searches(desk)) == 1


def test_a_cursor_that_nobody_here_wrote_is_lost(desk):
    with pytest.raises(CursorLost):
        list(desk.jira.pull("issues", "yesterday"))


def test_comments_beyond_those_embedded_are_paged(desk):
    issue = desk.issue()
    made = [desk.sandbox.create("Bo", "comments", {"issue": {"id": issue}, "body": f"{n}"}) for n in range(130)]
    desk.settled()
    records, _ = desk.pull()
    assert [r.id for r in records if r.stream == "comments"] == made
    assert desk.sandbox.requests.count(f"GET /rest/api/3/issue/{issue}/comment") == 2


def test_a_comment_brings_its_issue_back(desk):
    issue = desk.issue()
    desk.clock.advance(3600)
    _, last = desk.pull()
    desk.clock.advance(600)
    comment = desk.sandbox.create("Bo", "comments", {"issue": {"id": issue}, "body": "Done?"})
    desk.settled()
    records, _ = desk.pull(cursor=last.cursor)
    assert [(r.stream, r.id) for r in records] == [("issues", issue), ("comments", comment)]
    assert [r.modified_by_name for r in records] == [None, "Bo"]  # of an issue, its history alone tells who


def test_an_issue_above_the_epics_is_reported_not_dropped(desk):
    epic = desk.sandbox.create("Ann", "epics", {"summary": "Strategy"})
    desk.sandbox.world.types["10001"].level = 2
    desk.settled()
    page = next(iter(desk.jira.pull("issues")))
    assert page.records == []
    assert [(i.what, i.id) for i in page.ignored] == [("issue of hierarchy level 2", epic)]


def test_a_localised_site_has_the_same_streams(desk):
    desk.sandbox.localise("zh")
    epic = desk.sandbox.create("李雷", "epics", {"summary": "新工厂"})
    desk.sandbox.edit("李雷", "epics", epic, {"status": {"name": "完成"}})
    desk.settled()
    records, _ = desk.pull()
    fields = records[0].payload["fields"]
    assert (records[0].stream, fields["issuetype"]["name"], fields["status"]["name"]) == ("epics", "史诗", "完成")
    assert fields["status"]["statusCategory"]["key"] == "done"


def test_remote_links_of_changed_issues(desk):
    issue = desk.issue()
    link = desk.sandbox.create(
        "Ann", "remote_links", {"issue": {"id": issue}, "object": {"title": "Plan", "url": "https://x.example/p"}}
    )
    desk.settled()
    records, last = desk.pull("remote_links")
    assert [(r.id, r.url, r.marker) for r in records] == [(link, "https://x.example/p", None)]
    desk.clock.advance(3600)
    _, last = desk.pull("remote_links", last.cursor)
    assert desk.pull("remote_links", last.cursor)[0] == []


def test_users_with_hidden_addresses(desk):
    desk.issue("Ann")
    records, last = desk.pull("users")
    assert {r.payload["displayName"]: r.payload.get("emailAddress") for r in records} == {
        "Keepstep": "hub@acme.example",
        "Ann": None,
    }
    assert last.complete


def test_a_census_shows_what_search_never_tells_is_gone(desk):
    kept, gone = desk.issue(), desk.issue()
    epic = desk.sandbox.create("Ann", "epics", {"summary": "New factory"})
    desk.settled()
    desk.sandbox.delete("Ann", "issues", gone)
    assert [id for ids in desk.jira.ids("issues") for id in ids] == [kept]
    assert [id for ids in desk.jira.ids("epics") for id in ids] == [epic]
    assert desk.one("issues", gone).deleted
    assert not next(f for f in desk.jira.describe().feeds if f.name == "issues").deletes


def test_get_tells_live_gone_and_forbidden_apart_in_few_requests(desk):
    live, hidden = desk.issue(), desk.issue()
    desk.sandbox.deny(hidden)
    before = desk.jira.calls
    records = {r.id: r for r in desk.jira.get("issues", [live, hidden, "99999", live])}
    assert (records[live].deleted, records[live].forbidden) == (False, False)
    assert (records[hidden].deleted, records[hidden].forbidden) == (False, True)
    assert (records["99999"].deleted, records["99999"].forbidden) == (True, False)
    assert len(records) == 3
    assert desk.jira.calls - before == 4  # who am I, one batch, and one each for the two left out


def test_get_takes_a_hundred_at_a_time(desk):
    ids = [desk.issue() for _ in range(150)]
    assert [r.id for r in desk.jira.get("issues", ids)] == ids
    assert [len(body["issueIdsOrKeys"]) for body in desk.sandbox.sent("POST", "/issue/bulkfetch")] == [100, 50]


def test_get_comments_links_and_users(desk):
    issue = desk.issue()
    comment = desk.sandbox.create("Bo", "comments", {"issue": {"id": issue}, "body": "Hello"})
    target = {"title": "Plan", "url": "https://x.example/p"}
    link = desk.sandbox.create("Bo", "remote_links", {"issue": {"id": issue}, "object": target})
    gone = f"{issue}-424242"
    found = list(desk.jira.get("comments", [comment, gone]))
    assert [(r.id, r.deleted) for r in found] == [(comment, False), (gone, True)]
    assert [(r.id, r.deleted) for r in desk.jira.get("remote_links", [link, gone])] == [(link, False), (gone, True)]
    bo = desk.sandbox.person("Bo").id
    assert [(r.id, r.deleted) for r in desk.jira.get("users", [bo, "nobody"])] == [(bo, False), ("nobody", True)]


@pytest.mark.parametrize("kind", ["lost_before", "rate_limited", "unavailable", "broken_after"])
def test_one_bad_answer_to_a_read_is_asked_again(desk, kind):
    issue = desk.issue()
    desk.settled()
    desk.sandbox.faults.switch_on(Fault(kind, match="search/jql", times=1))
    records, _ = desk.pull()
    assert [r.id for r in records] == [issue]


@pytest.mark.parametrize("kind", ["html", "cut_off"])
def test_half_an_answer_or_a_login_page_is_raised_never_an_empty_feed(desk, kind):
    for number in range(150):
        desk.issue(summary=f"Cable {number}")
    desk.settled()
    pages = desk.jira.pull("issues")
    first = next(pages)
    desk.sandbox.faults.switch_on(Fault(kind, match="search/jql", times=1))
    with pytest.raises(Malformed):
        next(pages)
    rest, last = desk.pull(cursor=first.cursor)
    assert len({r.id for r in [*first.records, *rest]}) == 150
    assert last.complete


def test_the_stand_in_also_answers_over_real_http(desk):
    with Host(desk.sandbox) as host:
        settings = CONNECTOR.settings(**SANDBOX.settings(desk.sandbox, host.url))
        jira = CONNECTOR.build(settings, Context("tracker", desk.clock, desk.tokens))
        issue = desk.issue()
        assert [r.id for r in jira.get("issues", [issue])] == [issue]


def test_check_tells_who_we_are_and_where(desk):
    account = desk.jira.check()
    assert (account.name, account.timezone, account.site) == (
        "Keepstep",
        "Europe/Warsaw",
        "https://acme.atlassian.net",
    )
    assert account.server_time == utc(desk.clock.now())


def test_check_refuses_a_data_center_a_missing_project_and_missing_rights(desk):
    with pytest.raises(Misconfigured, match="NOPE"):
        desk.connect(projects=["ACME", "NOPE"]).check()
    desk.sandbox.lacks.add("BROWSE_PROJECTS")
    with pytest.raises(ScopeMissing):
        desk.jira.check()
    desk.sandbox.deployment = "Server"
    with pytest.raises(Misconfigured, match="Cloud"):
        desk.jira.check()


def test_check_with_oauth_refreshes_and_names_the_cloud(desk):
    oauth = {"client_id": "c", "client_secret": "s", "refresh_token": HUB_REFRESH, "cloud_id": "cid"}
    jira = desk.connect(email=None, token=None, accounts_url="https://acme.atlassian.net", **oauth)
    assert jira.check().site == "cid"
    assert desk.tokens.kept["refresh_token"] != HUB_REFRESH
    again = desk.connect(email=None, token=None, accounts_url="https://acme.atlassian.net", **oauth)
    assert again.check().name == "Keepstep"


def test_describe_reads_types_statuses_and_allowed_values(desk):
    desk.sandbox.add_field("customfield_10100", "Customer", "option", ["Acme", "Globex"], required=True)
    description = desk.jira.describe()
    fields = {field.name: field for field in description.stream("issues").fields}
    epics = {field.name: field for field in description.stream("epics").fields}
    assert fields["status"].classes == {
        "10000": "new",
        "10001": "indeterminate",
        "10002": "indeterminate",
        "10003": "done",
    }
    assert fields["issuetype"].classes == {"10002": "-1", "10003": "0", "10004": "0"}
    assert epics["issuetype"].classes == {"10001": "1"}
    assert fields["summary"].required
    assert fields["customfield_10100"].required
    assert len(fields["customfield_10100"].values) == 2
    assert not fields["created"].writable
    assert fields["labels"].classes == {"feedback": "feedback"}
    assert description.stream("comments").abilities.audience == "team"


def test_comments_of_a_service_desk_are_seen_by_clients(desk):
    desk.sandbox.add_project("HELP", "Help", "service_desk")
    assert desk.jira.describe().stream("comments").abilities.audience == "client"


def test_a_site_whose_gateway_hides_the_settings_of_attachments_is_read_all_the_same(desk, monkeypatch):
    answer = desk.sandbox.handle

    def behind_the_gateway(request):
        return Response(404) if request.path.endswith("/attachment/meta") else answer(request)

    monkeypatch.setattr(desk.sandbox, "handle", behind_the_gateway)
    abilities = desk.jira.describe().stream("attachments").abilities
    assert (abilities.create, abilities.content) == (False, 0)
    issue = desk.issue()
    desk.settled()
    assert [record.id for record in desk.pull()[0]] == [issue]


def test_an_issue_that_goes_away_while_its_page_is_read_keeps_no_other_back(desk, monkeypatch):
    going, staying = desk.issue(summary="going"), desk.issue(summary="staying")
    for _ in range(30):
        desk.sandbox.create("Ann", "comments", {"issue": {"id": going}, "body": "so?"})
    desk.settled()
    handle = desk.sandbox.handle

    def handled(request):
        if request.path.endswith(f"/issue/{going}/comment"):
            return Response.json({"errorMessages": ["Issue does not exist"], "errors": {}}, 404)
        return handle(request)

    monkeypatch.setattr(desk.sandbox, "handle", handled)
    records, last = desk.pull()
    assert {record.id for record in records if record.stream == "issues"} == {going, staying}
    assert [record for record in records if record.stream == "comments"]
    assert last.complete
