"""The connector against the stand-in: what people do there, what we see, what we write."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from zoho_world import NoTokens, World, records

from connectors.base import Write
from connectors.context import Context
from connectors.errors import AuthFailed, CursorLost, Malformed, ScopeMissing, Transient
from connectors.sandbox.exchange import Request
from connectors.sandbox.faults import Fault
from connectors.sandbox.hosting import Host
from connectors.zoho_crm import CONNECTOR, crawl
from connectors.zoho_crm.sandbox import SANDBOX
from mapping.fields import Options
from mapping.model import Kind
from mapping.zoho_crm import MAPPING

A_MINUTE = 61


def fields_asked(request) -> list[str]:
    return parse_qs(urlsplit(request.url).query)["fields"][0].split(",")


def create(intent: str, marker: str | None = None, **values) -> Write:
    return Write(
        intent=intent, kind="create", marker=marker, values={"Deal_Name": "Portal", "Stage": "Qualification", **values}
    )


def test_check_says_who_and_where(world: World):
    account = world.crm.check()
    assert (account.name, account.site, account.timezone) == ("Keepstep Hub", "60011223344", "Europe/Berlin")
    assert account.server_time == "2026-11-02T01:00:00.000Z"


def test_wrong_credentials_are_told_once(world: World):
    with pytest.raises(AuthFailed, match="data_center"):
        world.connect(refresh_token="1000.other").check()
    assert world.core.requests == ["POST /oauth/v2/token"]


def test_a_first_crawl_sees_each_record_once_over_pages_and_page_tokens(world: World):
    made = {world.deal(f"Deal {n}") for n in range(2450)}
    pages = world.pull("Deals")
    assert len(pages) == 14  # thirteen of records, one that looks for deletes meanwhile
    assert sorted(record.id for record in records(pages)) == sorted(made)
    assert [page.last for page in pages] == [False] * 13 + [True]
    assert pages[-1].complete
    queries = [parse_qs(urlsplit(request.url or "").query) for request in world.sent("GET", "/Deals")]
    assert [query.get("page") for query in queries] == [[str(n)] for n in range(1, 11)] + [None] * 3
    assert all(query["sort_by"] == ["id"] for query in queries)


@pytest.mark.parametrize("count", [600, 601, 1000, 1199])
def test_a_list_that_ends_before_the_records_do_is_gone_through_from_its_other_end_too(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int
):
    monkeypatch.setattr(crawl, "LISTED", 600)
    monkeypatch.setattr(world.core, "listed", 600)
    made = {world.deal(f"Deal {n}") for n in range(count)}
    pages = world.pull("Deals")
    assert {record.id for record in records(pages)} == made
    assert pages[-1].complete
    orders = [parse_qs(urlsplit(request.url or "").query)["sort_order"][0] for request in world.sent("GET", "/Deals")]
    assert orders[:3] == ["asc"] * 3
    assert set(orders[3:]) == ({"desc"} if count > 600 else set())
    assert {id for ids in world.connect().ids("Deals") for id in ids} == made


def test_what_neither_end_of_a_list_shows_is_told_and_not_left_out_in_silence(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(crawl, "LISTED", 200)
    monkeypatch.setattr(world.core, "listed", 200)
    for number in range(400):
        world.deal(f"Deal {number}")
    with pytest.raises(Transient, match="400 records or more"):
        world.pull("Deals")


def test_rows_that_are_written_are_counted_in_credits_by_the_ten(world: World):
    world.crm.describe()
    for count, credits in ((1, 1), (10, 1), (11, 2), (100, 10)):
        calls, units = world.crm.calls, world.crm.units
        writes = [create(f"{count}.{n}", f"{count}.{n}") for n in range(count)]
        assert {outcome.status for outcome in world.crm.push("Deals", writes, lambda: None)} == {"done"}
        assert world.crm.units - units == credits + (world.crm.calls - calls - 1)
    costs = next(each for each in world.crm.describe().streams if each.name == "Deals").abilities.costs
    assert costs.write_units is not None
    assert [costs.write_units.of(count) for count in (1, 10, 11, 100)] == [1, 1, 2, 10]


def test_any_pages_cursor_resumes_where_it_stopped(world: World):
    made = {world.deal(f"Deal {n}") for n in range(450)}
    pages = world.pull("Deals")
    for stop in range(len(pages) - 1):
        again = list(world.connect().pull("Deals", pages[stop].cursor))
        seen = {record.id for record in records(pages[: stop + 1])} | {record.id for record in records(again)}
        assert seen == made
        assert not again[-1].complete


def test_more_than_fifty_fields_are_asked_in_parts_and_joined(world: World):
    id = world.core.create("Anna Berg", "Contacts", {"Last_Name": "Li", "Other_Country": "China"})
    (record,) = records(world.pull("Contacts"))
    parts = [fields_asked(request) for request in world.sent("GET", "/Contacts")]
    assert [len(part) for part in parts] == [50, len(parts[1])]
    assert len(parts[1]) < 50
    assert "Modified_Time" in parts[1]
    whole = world.core.records("Contacts")[id]
    assert record.payload["Other_Country"] == "China"
    assert {name for name in whole if not name.startswith("$")} - set(record.payload) == {
        "Keepstep_Key",
        "Record_Image",
    }


def test_nothing_new_costs_two_requests_and_no_record(world: World):
    world.deal()
    cursor = world.pull("Deals")[-1].cursor
    world.clock.advance(A_MINUTE)
    cursor = world.pull("Deals", cursor)[-1].cursor
    world.clock.advance(2 * A_MINUTE)
    before = world.crm.calls
    pages = world.pull("Deals", cursor)
    assert records(pages) == []
    assert world.crm.calls - before == 2 == world.crm.describe().feeds[2].cost


def test_the_new_cursor_is_the_services_clock_at_the_beginning_and_asks_with_an_overlap(world: World):
    cursor = world.pull("Deals")[-1].cursor
    assert json.loads(cursor) == {"since": "2026-11-02T01:00:00.000Z"}
    id = world.deal()  # in the very second in which the crawl began
    world.clock.advance(300)
    assert [record.id for record in records(world.pull("Deals", cursor))] == [id]
    assert world.sent("GET", "/Deals")[-1].headers["If-Modified-Since"] == "2026-11-02T00:59:00+00:00"


def test_edits_deletes_and_restores_are_seen_with_author_and_version(world: World):
    id, gone = world.deal(), world.deal("Gone")
    cursor = world.pull("Deals")[-1].cursor
    world.clock.advance(90)
    world.core.edit("Bo Chen", "Deals", id, {"Amount": 10})
    world.core.delete("Bo Chen", "Deals", gone)
    pages = world.pull("Deals", cursor)
    edited, deleted = records(pages)
    assert (edited.id, edited.version, edited.deleted) == (id, "2026-11-02T01:01:30.000Z", False)
    assert edited.modified_by == deleted.modified_by == world.core.hire("Bo Chen")
    assert edited.modified_by_name == deleted.modified_by_name == "Bo Chen"
    assert (deleted.id, deleted.deleted, deleted.version) == (gone, True, "2026-11-02T01:01:30.000Z")
    world.clock.advance(90)
    world.core.restore("Bo Chen", "Deals", gone)
    back = {record.id: record for record in records(world.pull("Deals", pages[-1].cursor))}
    assert not back[gone].deleted


def test_a_delete_between_two_pages_makes_the_crawl_look_again(world: World):
    made = [world.deal(f"Deal {n}") for n in range(300)]
    pulling = world.crm.pull("Deals")
    pages = [next(pulling)]
    world.core.delete("Bo Chen", "Deals", made[0])  # moves record 201 from the second page to the first
    pages += list(pulling)
    assert {record.id for record in records(pages) if not record.deleted} >= set(made[1:])


def test_a_strange_or_expired_cursor_is_lost_not_an_empty_answer(world: World):
    with pytest.raises(CursorLost):
        world.pull("Deals", "yesterday")
    with pytest.raises(CursorLost):
        world.pull("Deals", '{"at":"records","began":"2026-11-02T01:00:00.000Z","page":11,"token":"expired"}')


def test_users_are_a_stream_without_deletes(world: World):
    id = world.core.hire("Bo Chen")
    users = {record.id: record for record in records(world.pull("users"))}
    assert users[id].payload["full_name"] == "Bo Chen"
    assert [record.id for record in world.crm.get("users", [id])] == [id]


def test_get_tells_live_deleted_forbidden_and_never_existed_apart(world: World):
    live, deleted, hidden = world.deal("a"), world.deal("b"), world.deal("c")
    world.core.delete("Bo Chen", "Deals", deleted)
    world.core.forbid("Deals", hidden)
    asked = [live, deleted, hidden, live, "111", "no-id"]
    got = {record.id: record for record in world.crm.get("Deals", asked)}
    assert set(got) == set(asked)
    assert [got[id].deleted for id in (live, deleted, hidden, "111", "no-id")] == [False, True, False, True, True]
    assert got[hidden].forbidden
    assert len(world.sent("GET", "/Deals")) == 1


def test_an_expired_token_in_the_middle_of_a_pull_is_renewed(world: World):
    made = {world.deal(f"Deal {n}") for n in range(250)}
    pulling = world.crm.pull("Deals")
    pages = [next(pulling)]
    world.core.faults.switch_on(Fault("expired", match="GET /crm/v8/Deals", times=1))
    pages += list(pulling)
    assert {record.id for record in records(pages)} == made
    assert world.core.requests.count("POST /oauth/v2/token") == 2
    world.clock.advance(4000)
    world.pull("Deals")
    assert world.core.requests.count("POST /oauth/v2/token") == 3


@pytest.mark.parametrize("kind", ["rate_limited", "unavailable", "cut_off", "lost_before", "html"])
def test_trouble_while_reading_is_never_an_empty_list(world: World, kind):
    id = world.deal()
    world.crm.describe()
    world.core.faults.switch_on(Fault(kind, match="GET /crm/v8/Deals$", times=1))
    try:
        seen = [record.id for record in records(world.pull("Deals"))]
    except Malformed:
        assert kind in ("html", "cut_off")
        seen = [record.id for record in records(world.pull("Deals"))]
    assert seen == [id]


def test_an_html_page_after_a_write_leaves_its_effect_unknown(world: World):
    id = world.deal()
    world.crm.describe()
    world.core.faults.switch_on(Fault("html", match="PUT", times=1))
    (outcome,) = world.push("Deals", Write(intent="1", kind="update", id=id, values={"Amount": 1}))
    assert outcome.status == "unknown"
    assert "HTML" in outcome.reason


def test_credits_used_up_are_a_rate_limit_with_the_services_word(world: World):
    world.crm.describe()
    world.core.credits = 3
    with pytest.raises(Exception, match="TOO_MANY_REQUESTS"):
        world.pull("Deals")


def test_a_module_that_the_token_may_not_read_names_the_scopes(world: World):
    world.core.scopes_missing.add("Tasks")
    with pytest.raises(ScopeMissing, match="scopes"):
        world.pull("Tasks")
    assert world.pull("Deals")[-1].last


def test_history_tells_old_new_author_and_time_in_the_payloads_form(world: World):
    account = world.core.create("Anna Berg", "Accounts", {"Account_Name": "Acme"})
    id = world.deal(Amount=1000)
    world.clock.advance(10)
    changed = {"Amount": 1200.5, "Stage": "Closed Won", "Account_Name": {"id": account}}
    world.core.edit("Bo Chen", "Deals", id, changed)
    world.clock.advance(10)
    world.push("Deals", Write(intent="1", kind="update", id=id, values={"Closing_Date": "2026-12-01"}))
    changes = {change.field: change for change in world.crm.history("Deals", [id], "2026-11-02T01:00:05.000Z")}
    assert (changes["Amount"].old, changes["Amount"].new) == (1000, 1200.5)
    assert changes["Stage"].new == "Closed Won"
    assert changes["Account_Name"].new == {"name": "Acme", "id": account}
    assert (changes["Amount"].by, changes["Amount"].ours) == (world.core.hire("Bo Chen"), False)
    assert changes["Amount"].at == "2026-11-02T01:00:10.000Z"
    assert changes["Closing_Date"].ours
    later = list(world.crm.history("Deals", [id, "111"], "2026-11-02T01:00:15.000Z"))
    assert [change.field for change in later] == ["Closing_Date"]


def test_notes_are_found_by_author_parent_and_time(world: World):
    deal, other = world.deal(), world.deal("Other")
    since = "2026-11-02T01:00:00.000Z"
    parent = {"module": {"api_name": "Deals"}, "id": deal}
    note = {"Note_Title": "Call", "Note_Content": "went well", "Parent_Id": parent}
    world.core.create("Anna Berg", "Notes", note)
    (outcome,) = world.push("Notes", Write(intent="1", kind="create", values=note))
    elsewhere = {**note, "Parent_Id": {**parent, "id": other}}
    (second,) = world.push("Notes", Write(intent="2", kind="create", values=elsewhere))
    assert world.crm.describe().stream("Notes").abilities.marker == "fingerprint"
    assert [record.id for record in world.crm.made_since("Notes", deal, since)] == [outcome.id]
    assert {record.id for record in world.crm.made_since("Notes", None, since)} == {outcome.id, second.id}
    assert list(world.crm.made_since("Notes", None, "2026-11-02T02:00:00.000Z")) == []


def test_the_census_lists_every_live_id(world: World):
    made = {world.deal(f"Deal {n}") for n in range(2210)}
    gone = made.pop()
    world.core.delete("Bo Chen", "Deals", gone)
    pages = list(world.crm.ids("Deals"))
    assert len(pages) == 12
    assert {id for page in pages for id in page} == made
    assert set(next(world.crm.ids("users"))) == set(world.core.records("users"))


def test_stages_are_classed_by_metadata_in_an_organisation_renamed_into_chinese(world: World):
    id = world.deal()
    world.core.localise("zh")
    world.core.edit("王芳", "Deals", id, {"Stage": "已赢单"})
    stage = next(one for one in world.crm.describe().stream("Deals").fields if one.name == "Stage")
    assert stage.values is not None
    assert "已赢单" in stage.values
    assert stage.classes is not None
    assert (stage.classes["已赢单"], stage.classes["已输单"], stage.classes["需求分析"]) == ("won", "lost", "open")
    (record,) = world.crm.get("Deals", [id])
    assert record.payload["Stage"] == "已赢单"
    assert record.payload["Modified_Time"].endswith("+08:00")
    assert record.version == "2026-11-02T01:00:00.000Z"


def test_describe_reads_required_writable_and_custom_fields(world: World):
    world.core.withhold("Deals", "Closing_Date")
    fields = {one.name: one for one in world.crm.describe().stream("Deals").fields}
    assert fields["Deal_Name"].required
    # What the metadata calls read-only is not what the interface refuses: owners are called so, makers are not.
    closed = {"Created_By", "Modified_By", "Created_Time", "Modified_Time", "Closing_Date"}
    assert {name for name, one in fields.items() if not one.writable} >= closed
    assert fields["Owner"].writable
    assert "Keepstep_Key" not in fields
    status = {one.name: one for one in world.crm.describe().stream("Tasks").fields}["Status"]
    assert status.classes is not None
    assert status.classes["Completed"] == "Completed"


def test_the_stand_in_marks_a_write_that_sets_off_workflows(world: World):
    id = world.deal()
    body = json.dumps({"data": [{"Amount": 5}]}).encode()
    crm = world.crm
    crm.check()
    token = world.wire.exchanges[-1][0].headers["Authorization"]
    request = Request("PUT", f"/crm/v8/Deals/{id}", [], {"authorization": token}, body)
    assert world.core.handle(request).status == 200
    assert world.core.truth.writes()[-1].automation


def test_what_a_module_cannot_do_is_refused_by_the_record(world: World):
    id = world.deal()
    writes = [Write(intent="1", kind="archive", id=id), Write(intent="2", kind="update", id=id, values={"Amount": 3})]
    assert [(one.intent, one.status) for one in world.push("Deals", *writes)] == [("1", "refused"), ("2", "done")]


def test_the_same_over_real_http_with_the_stand_ins_own_clock(world: World):
    id = world.deal()
    with Host(world.core) as host:
        settings = CONNECTOR.settings(**SANDBOX.settings(world.core, host.url))
        crm = CONNECTOR.build(settings, Context(name="crm", clock=world.clock, tokens=NoTokens()))
        (page,) = crm.pull("Deals")
        assert [record.id for record in page.records] == [id]
        assert json.loads(page.cursor) == {"since": "2026-11-02T01:00:00.000Z"}
        world.clock.advance(200)
        assert records(list(crm.pull("Deals", json.dumps({"since": "2026-11-02T01:02:00.000Z"})))) == []
        (outcome,) = crm.push("Deals", [create("1", marker="k-1")], lambda: None)
        assert outcome.status == "done"


def test_canonical_values_written_to_the_stand_in_read_back_the_same(world: World):
    world.core.localise("zh")
    mappers = MAPPING.build(Options(timezone="Asia/Shanghai", currency="CNY"), world.crm.describe())
    account = {"stream": "Accounts", "id": world.core.create("王芳", "Accounts", {"Account_Name": "示例"})}
    manager = {"account": world.core.hire("王芳"), "name": "王芳", "email": None}
    project = {
        "name": "门户",
        "customer": account,
        "stage": "won",
        "due_date": "2026-12-01",
        "revenue": {"amount": "1200.5", "currency": "CNY"},
        "description": "one\n\n* two",
        "account_manager": manager,
        "labels": ["vip"],
    }
    values = mappers["Deals"].unmap(Kind.PROJECT, project).values
    (made,) = world.push("Deals", Write(intent="1", kind="create", marker="k-1", values=values))
    (record,) = world.crm.get("Deals", [made.id or ""])
    shown = mappers["Deals"].canon(record)
    assert shown.losses == []
    assert shown.values["account_manager"].pop("email")
    project["account_manager"] = {"account": manager["account"], "name": "王芳"}
    assert shown.values == project
    home = {"stream": "Deals", "id": made.id}
    milestone = {"title": "上线", "project": home, "status": "done", "due_date": "2026-12-01"}
    (made,) = world.push(
        "Tasks", Write(intent="2", kind="create", values=mappers["Tasks"].unmap(Kind.MILESTONE, milestone).values)
    )
    seen = mappers["Tasks"].canon(next(iter(world.crm.get("Tasks", [made.id or ""]))))
    assert seen.kind is Kind.MILESTONE
    assert {name: seen.values[name] for name in milestone} == milestone
    feedback = {"title": "太慢", "description": "slow", "project": home}
    (made,) = world.push(
        "Notes", Write(intent="3", kind="create", values=mappers["Notes"].unmap(Kind.FEEDBACK, feedback).values)
    )
    seen = mappers["Notes"].canon(next(iter(world.crm.get("Notes", [made.id or ""]))))
    assert (seen.kind, seen.losses) == (Kind.FEEDBACK, [])
    assert {name: seen.values[name] for name in feedback} == feedback
