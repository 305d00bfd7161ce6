"""The commands that look, plan, write, decide and explain, over stand-ins of a CRM and a board."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.faults import Fault
from keepstep.store.store import Store
from keepstep.testing.fixed_seeds import CATCHES
from tests.databases import Databases, raw
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path, databases: Databases) -> Office:
    return Office(tmp_path, databases.url())


@pytest.fixture
def settled(office: Office) -> tuple[Office, str, str]:
    """One task on both sides, in step; its ids there."""
    task = office.task("Draft the plan", Due_Date="2026-11-30")
    assert office.keep("apply", "--yes", "--as", "Ann").exit_code == 0
    card = next(iter(office.cards()))
    office.settle()
    assert office.keep("sync").exit_code in (0, 3)  # a hint that the CRM's owner has no account on the board
    return office, task, card


def conflict(office: Office, task: str, card: str) -> None:
    office.crm.edit("Bo", "Tasks", task, {"Due_Date": "2026-12-05"})
    office.board.edit("Ada", "cards", card, {"due": "2026-12-08T10:00:00.000Z"})
    office.settle()
    office.keep("sync")


def test_a_plan_reads_as_people_do_and_writes_nothing(office: Office) -> None:
    office.task("Draft the plan", Due_Date="2026-11-30")
    result = office.keep("plan")
    assert result.exit_code == 3
    for words in (
        "board.cards: create 1",
        "Draft the plan",
        "due date: Nov 30, 2026 (crm.Tasks, Bo,",
        "held: first plan of tasks: 1 operation waits for your approval",
        "let it through: keepstep apply --sync 'tasks'",
        "1 to create, 0 to update, 0 to delete",
        "crm: about 14 requests to apply this (sign in 12, look 2, read 0, write 0)",
        "15 credits that is 0.02% of the 60,000 that are allowed in 24 hours",
    ):
        assert words in result.stdout
    assert office.writes() == []


def test_what_was_there_before_is_told_with_the_time_at_which_it_was_set(office: Office) -> None:
    task = office.task("Draft the plan")
    office.settle(86_400.0)
    field = office.document("plan", code=3)["syncs"][0]["operations"][0]["fields"][0]
    modified = office.crm.records("Tasks")[task]["Modified_Time"]
    assert (field["field"], field["by"]) == ("title", "Bo")
    assert datetime.fromisoformat(field["at"]) == datetime.fromisoformat(modified)


def test_what_waits_is_told_with_what_it_waits_for(office: Office) -> None:
    office.sync["create"]["board.cards"] = {"idList": office.inbox, "idBoard": "project"}
    office.task("Draft the plan")
    waits = office.document("plan")["syncs"][0]["waits"]
    assert [(each["title"], each["side"], each["fields"], each["lacks"]) for each in waits] == [
        ("Draft the plan", "board.cards", [], ["project"])
    ]
    assert "Draft the plan waits in board.cards: its project is not set anywhere" in office.keep("plan").stdout


def test_what_waits_for_a_person_to_say_where_it_belongs_does_not_count_as_late(office: Office) -> None:
    office.sync["create"]["board.cards"] = {"idList": office.inbox, "idBoard": "project"}
    office.task("Draft the plan")
    office.keep("sync")
    office.settle(600)
    [status] = office.document("status")["syncs"]
    assert (status["owed"], status["behind_seconds"]) == (1, None)


def waiting(office: Office) -> int:
    [status] = office.document("status", code=office.keep("status").exit_code)["syncs"]
    return int(status["owed"])


def test_what_was_only_looked_at_does_not_wait_to_be_written(office: Office) -> None:
    office.sync.pop("create")
    office.task("Draft the plan")
    office.keep("match")
    assert waiting(office) == 0
    assert "to be written" not in office.keep("status").stdout


def test_what_waits_to_be_written_is_what_the_plan_would_write(office: Office) -> None:
    office.task("Draft the plan")
    office.task("Order paper")
    office.keep("match")
    assert waiting(office) == len(office.document("plan", code=3)["syncs"][0]["operations"]) == 2
    assert "2 wait to be written" in office.keep("status").stdout
    office.keep("apply", "--yes", "--as", "Mei")
    assert waiting(office) == 0


def test_a_value_that_a_linked_record_lacks_waits_to_be_written(settled: tuple[Office, str, str]) -> None:
    office, task, _ = settled
    office.crm.edit("Bo", "Tasks", task, {"Subject": "Draft the big plan"})
    office.settle()
    office.keep("match")
    assert waiting(office) == 1
    office.keep("apply", "--yes")
    assert waiting(office) == 0


def test_what_a_proposal_is_open_for_does_not_wait_to_be_written(office: Office) -> None:
    office.task("Acme: rollout")
    office.card("ACME rollout")
    office.keep("match")
    [status] = office.document("status", code=3)["syncs"]
    assert (status["proposals"], status["owed"], status["behind_seconds"]) == (1, 0, None)


def test_a_round_that_needs_a_person_says_so_each_time(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    conflict(office, task, card)
    result = office.keep("sync")
    assert (result.exit_code, result.stdout) == (
        3,
        "tasks: nothing to do\n1 finding waits for a person: keepstep findings\n",
    )
    found = office.document("findings", code=3)["findings"]
    assert office.keep("findings", "ack", found[0]["id"]).exit_code == 0
    assert office.keep("sync").stdout == "tasks: nothing to do\n"


def test_who_has_seen_a_finding_stands_in_the_timeline(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    conflict(office, task, card)
    [found] = office.document("findings", code=3)["findings"]
    for _ in range(2):
        assert office.keep("findings", "ack", found["id"], "--as", "Mei").exit_code == 0
    for arguments in (("timeline",), ("timeline", "--all")):
        told = office.keep(*arguments).stdout
        assert told.count(f"Mei has seen finding {found['id']}: {found['message']}") == 1
    lines = [json.loads(line) for line in office.keep("--json", "timeline", "--all").stdout.splitlines()]
    [event] = [each for each in lines if each["code"] == "finding_acknowledged"]
    assert (event["params"]["by"], event["params"]["id"]) == ("Mei", found["id"])
    with raw(office.store).begin() as db:
        db.exec_driver_sql("DELETE FROM finding")
    assert f"Mei has seen finding {found['id']}: " in office.keep("timeline").stdout


def test_nobody_in_particular_has_seen_nothing(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    conflict(office, task, card)
    [found] = office.document("findings", code=3)["findings"]
    office.environ = {"LANG": "C"}
    result = office.keep("findings", "ack", found["id"])
    assert (result.exit_code, "--as NAME" in result.stderr) == (2, True)
    assert office.document("findings", code=3)["findings"][0]["state"] == "open"


def test_what_is_open_and_what_waits_for_a_person_are_two_counts(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    conflict(office, task, card)
    said = "1 finding is open ({} waiting for a person): keepstep findings\n"
    assert office.keep("status").stdout.endswith(said.format(1))
    assert "有 1 个未解决的发现（其中 1 个需要人工处理）" in office.keep("--lang", "zh-CN", "status").stdout
    assert "有 1 个发现需要人工处理" in office.keep("--lang", "zh-CN", "sync").stdout
    assert [office.document(command, code=3)["asking"] for command in ("status", "sync", "apply")] == [1, 1, 1]
    [found] = office.document("findings", code=3)["findings"]
    office.keep("findings", "ack", found["id"])
    assert office.keep("status").stdout.endswith(said.format(0))
    status = office.document("status")
    assert (status["findings"], status["asking"]) == ({"warning": 1}, 0)
    assert [office.document(command)["asking"] for command in ("sync", "apply")] == [0, 0]


def test_what_was_refused_is_tried_again_when_a_person_says_so(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    office.crm.edit("Bo", "Tasks", task, {"Due_Date": "2026-12-01"})
    office.keep("sync")
    required = office.crm.ledger.modules["Tasks"]["Due_Date"]
    required.required = True
    office.settle()
    office.board.edit("Ada", "cards", card, {"due": None})
    assert office.keep("sync").exit_code == 3
    [told] = office.document("findings", code=3)["findings"]
    assert (told["code"], told["params"]["field"]) == ("record_refused", "Due_Date")
    assert "crm.Tasks refused due date: " in office.keep("timeline").stdout
    required.required = False
    assert office.keep("sync").stdout.startswith("tasks: nothing to do\n")
    assert office.keep("findings", "retry", told["id"]).stdout.startswith("tried again in the next round: crm.Tasks")
    assert office.keep("sync").stdout.startswith("tasks: 1 written")
    assert office.crm.records("Tasks")[task]["Due_Date"] is None
    assert office.keep("findings").stdout == "nothing is open\n"
    assert office.keep("findings", "retry", told["id"]).stdout.startswith("already settled: ")


def test_only_what_was_refused_can_be_tried_again(settled: tuple[Office, str, str]) -> None:
    conflict(*settled)
    office = settled[0]
    [told] = office.document("findings", code=3)["findings"]
    result = office.keep("findings", "retry", told["id"])
    assert result.exit_code == 2
    assert "nothing that a service refused" in result.stderr


def test_an_edit_is_planned_with_both_values_and_its_author(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    office.crm.edit("Bo", "Tasks", task, {"Subject": "Draft the big plan"})
    result = office.keep("plan")
    assert result.exit_code == 0
    assert "title: Draft the plan -> Draft the big plan (crm.Tasks, Bo," in result.stdout
    data = office.document("plan")["syncs"][0]["operations"]
    assert [(each["kind"], each["side"], each["record"]) for each in data] == [("update", "board.cards", card)]
    assert data[0]["fields"][0]["before"] == "Draft the plan"


def test_a_held_plan_asks_and_no_is_no(office: Office) -> None:
    office.task("Draft the plan")
    result = office.keep("apply", answer="n\n")
    assert (result.exit_code, office.writes()) == (3, [])
    assert "Let this plan of tasks through?" in result.stdout
    assert office.keep("apply", answer="").exit_code == 3
    assert office.document("apply", code=3)["syncs"][0]["let_through"] is None
    assert office.writes() == []


def test_a_person_lets_a_held_plan_through_once(office: Office) -> None:
    office.sync["mode"] = "propose"
    office.task("Draft the plan")
    assert office.keep("sync").exit_code == 3
    assert office.writes() == []
    result = office.keep("apply", "--as", "Mei", answer="y\n")
    assert result.exit_code == 0
    assert [each[:2] for each in office.writes()] == [("board", "create")]
    with raw(office.store).connect() as db:
        rows = db.exec_driver_sql("SELECT params FROM audit WHERE code = 'let_through'").all()
    assert [json.loads(row[0]) for row in rows] == [{"sync": "tasks", "reasons": ["first_plan"], "by": "Mei"}]


def test_without_a_name_nobody_decides(office: Office) -> None:
    office.environ = {"LANG": "C"}
    office.task("Draft the plan")
    result = office.keep("apply", "--yes")
    assert (result.exit_code, office.writes()) == (2, [])
    assert "--as NAME" in result.stderr


@pytest.mark.parametrize("user", [{"USER": "root"}, {}])
def test_root_is_nobody_and_is_told_to_give_a_name(office: Office, user: dict[str, str]) -> None:
    office.environ = {"LANG": "C"} | user
    office.task("Draft the plan")
    assert "let it through: keepstep apply --sync 'tasks' --as NAME" in office.keep("plan").stdout
    result = office.keep("apply", "--yes")
    assert (result.exit_code, office.writes()) == (2, [])
    assert office.keep("apply", "--yes", "--as", "Mei").exit_code == 0
    office.environ = {"LANG": "C", "USER": "Ann"}
    assert "--as NAME" not in office.keep("plan").stdout


@pytest.mark.parametrize("user", [{"KEEPSTEP_USER": "root"}, {"KEEPSTEP_USER": "Ann", "USER": "root"}])
def test_whoever_is_named_for_keepstep_decides(office: Office, user: dict[str, str]) -> None:
    office.environ = {"LANG": "C"} | user
    office.task("Draft the plan")
    assert office.keep("apply", "--yes").exit_code == 0


@pytest.mark.parametrize("command", ["match", "apply", "resolve", "findings", "undo", "forget"])
def test_help_says_that_root_must_give_a_name(office: Office, command: str) -> None:
    assert "root is nobody in particular" in " ".join(office.keep(command, "--help").stdout.split())


def test_apply_never_writes_where_a_sync_only_observes(office: Office) -> None:
    office.sync["mode"] = "observe"
    office.task("Draft the plan")
    result = office.keep("apply", "--yes")
    assert (result.exit_code, office.writes()) == (2, [])
    assert "set `mode: propose` or `mode: write`" in result.stderr


def test_what_another_worker_reads_is_said_where_nothing_else_happened(settled: tuple[Office, str, str]) -> None:
    office, task, _ = settled
    office.keep("sync")
    office.settle(60.0)
    with closing(Store(office.store, office.clock).open()) as store:
        assert store.acquire("feed:crm/Tasks", "another worker", 300) is not None
        office.crm.edit("Bo", "Tasks", task, {"Subject": "Moved on"})
        result = office.keep("sync")
        assert "crm/Tasks: another worker reads this just now, or was broken off" in result.stderr
        assert office.document("sync", code=result.exit_code)["taken"] == ["crm/Tasks"]
        assert "crm/Tasks: another worker reads this" in office.keep("plan").stderr
    assert "another worker" not in office.keep("sync").stderr
    assert "Moved on" in office.cards().values()


def test_a_limit_is_kept(office: Office) -> None:
    for name in ("One", "Two", "Three"):
        office.task(name)
    assert office.keep("apply", "--yes", "--limit", "1").exit_code == 0
    assert len(office.cards()) == 1


def test_a_plan_file_is_carried_out_as_written_and_only_once(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    office.crm.edit("Bo", "Tasks", task, {"Subject": "Draft the big plan"})
    file = str(office.folder / "plan.json")
    assert office.keep("plan", "-o", file).exit_code == 0
    before = len(office.writes())
    first = office.document("apply", file)["syncs"][0]["operations"]
    assert [each["result"] for each in first] == ["done"]
    assert office.cards()[card] == "Draft the big plan"
    again = office.document("apply", file)["syncs"][0]["operations"]
    assert [each["result"] for each in again] == ["before"]
    assert len(office.writes()) == before + 1


def test_what_moved_since_the_plan_is_skipped_and_told(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    office.crm.edit("Bo", "Tasks", task, {"Subject": "Second"})
    file = str(office.folder / "plan.json")
    office.keep("plan", "-o", file)
    office.crm.edit("Bo", "Tasks", task, {"Subject": "Third"})
    result = office.keep("apply", file)
    assert result.exit_code == 3
    assert "skipped: it is not owed as written any more" in result.stdout
    assert office.cards()[card] == "Draft the plan"


def test_a_plan_file_holds_for_its_store_and_configuration_only(
    settled: tuple[Office, str, str], databases: Databases
) -> None:
    office, _, _ = settled
    path = office.folder / "plan.json"
    office.keep("plan", "-o", str(path))
    office.sync["match"] = ["title", "due_date"]
    result = office.keep("apply", str(path))
    assert result.exit_code == 2
    assert "another configuration of tasks" in result.stderr
    office.sync["match"] = ["title"]
    office.store = databases.url()
    result = office.keep("apply", str(path))
    assert result.exit_code == 2
    assert "another store" in result.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", '{"keepstep_plan": 2}', "\xff"])
def test_what_is_no_plan_file_is_wrong_usage(office: Office, text: str) -> None:
    path = office.folder / "plan.json"
    path.write_bytes(text.encode("latin-1"))
    result = office.keep("apply", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is no plan file" in result.stderr
    assert office.keep("apply", str(office.folder / "none.json")).exit_code == 2


def test_the_status_tells_of_a_connection_that_is_down(settled: tuple[Office, str, str]) -> None:
    office, _, _ = settled
    right = office.connections["board"]["token"]
    office.connections["board"]["token"] = "revoked"
    office.settle()
    assert office.keep("sync").exit_code == 1
    lines = office.keep("status").stdout.splitlines()
    assert [line for line in lines if line.startswith("board: the credentials are refused")]
    office.connections["board"]["token"] = right
    office.keep("sync")
    assert "credentials" not in office.keep("status").stdout


def test_a_code_that_no_finding_can_have_is_no_good_news(settled: tuple[Office, str, str]) -> None:
    office, _, _ = settled
    result = office.keep("findings", "--code", "conflicts")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean `conflict`?" in result.stderr
    assert office.keep("findings", "--sync", "").exit_code == 2


def test_a_conflict_is_found_listed_decided_and_explained(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    conflict(office, task, card)
    found = office.document("findings", "--code", "conflict", code=3)["findings"]
    assert [each["severity"] for each in found] == ["warning"]
    assert "Draft the plan: due date was changed in different ways" in found[0]["message"]
    shown = office.document("resolve", found[0]["id"], code=3)["conflict"]
    assert {each["side"] for each in shown["candidates"]} == {"board.cards", "crm.Tasks"}
    assert office.keep("plan").exit_code == 3
    result = office.keep("resolve", "Draft the plan.due_date", "crm", "--rev", str(shown["rev"]), "--as", "Mei")
    assert result.exit_code == 0
    office.settle()
    office.keep("sync")
    assert office.board.records("cards")[card]["due"].startswith("2026-12-05")
    facts = office.document("explain", f"crm.Tasks:{task}.due_date")
    assert (facts["agreed"]["value"], facts["agreed"]["version"]) == ("2026-12-05", 1)
    assert {each["standing"] for each in facts["sides"]} == {"even"}
    said = "\n".join(line["message"] for line in facts["history"])
    assert "a conflict opened" in said
    assert "Mei decided for Dec 5, 2026" in said
    assert "Dec 5, 2026 was written to board.cards" in said
    assert "截止日期" in office.keep("--lang", "zh-CN", "explain", "Draft the plan.due_date").stdout


def test_a_stale_decision_is_refused(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    conflict(office, task, card)
    result = office.keep("resolve", f"crm.Tasks:{task}.due_date", "crm", "--rev", "7")
    assert result.exit_code == 3
    assert "has changed since you were shown it" in result.stderr
    assert office.keep("resolve", "Draft the plan.title", "crm").exit_code == 3


def in_doubt(office: Office) -> str:
    """The id of the finding about a task of the CRM, whose create was answered by nobody."""
    office.sync["create"] = {"crm.Tasks": {}}
    office.connections["crm"]["marker_field"] = "Never_Made"
    office.card("Draft the plan")
    office.crm.faults.switch_on(Fault("lost_after", "POST /crm/v8/Tasks", times=1))
    assert office.keep("apply", "--yes").exit_code in (1, 3)
    for _ in range(3):
        office.settle(1800)
        office.keep("sync")
    (found,) = office.document("findings", "--code", "unknown_create", code=3)["findings"]
    assert f"keepstep resolve {found['id']} not-made" in office.keep("resolve", found["id"]).stdout
    return str(found["id"])


def test_of_a_create_in_doubt_a_person_says_what_it_made(office: Office) -> None:
    id = in_doubt(office)
    (offered,) = office.document("resolve", id, code=3)["create"]["candidates"]
    (made,) = office.crm.records("Tasks")
    assert (offered["record"], offered["title"]) == (made, "Draft the plan")
    assert office.keep("resolve", id, "made").exit_code == 2
    assert office.keep("resolve", id, "crm").exit_code == 2
    absent = office.keep("resolve", id, "made", "--record", "9" * 18)
    assert (absent.exit_code, "no record" in absent.stderr) == (1, True)
    assert office.document("resolve", id, "made", "--record", made, "--as", "Mei") == {
        "finding": id,
        "choice": "made",
        "record": made,
        "by": "Mei",
    }
    office.settle()
    office.keep("sync")
    assert list(office.crm.records("Tasks")) == [made]
    assert office.document("findings", "--code", "unknown_create")["findings"] == []
    over = office.keep("resolve", id, "not-made")
    assert (over.exit_code, "look again" in over.stderr) == (3, True)


def test_of_a_create_in_doubt_a_person_says_that_it_made_nothing(office: Office) -> None:
    id = in_doubt(office)
    (made,) = office.crm.records("Tasks")
    office.crm.delete("Bo", "Tasks", made)
    assert "the next round creates it" in office.keep("resolve", id, "not-made").stdout
    office.settle()
    assert office.keep("apply", "--yes").exit_code == 3  # a hint that the hub's own user has no account on the board
    assert [row["Subject"] for row in office.crm.records("Tasks").values()] == ["Draft the plan"]


def test_a_person_may_set_another_value(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    conflict(office, task, card)
    where = "Draft the plan.due_date"
    soon = office.keep("resolve", where, "value", "--value", "soon")
    assert (soon.exit_code, "write a day as `2027-02-28`" in soon.stderr) == (2, True)
    bare = office.keep("resolve", where, "value")
    assert (bare.exit_code, "add --value" in bare.stderr) == (2, True)
    assert "with no other" in office.keep("resolve", where, "crm", "--value", "2026-12-24").stderr
    assert office.keep("resolve", where, "value", "--value", "2026-12-24").exit_code == 0
    office.settle()
    office.keep("sync")
    assert office.crm.records("Tasks")[task]["Due_Date"] == "2026-12-24"
    assert office.board.records("cards")[card]["due"].startswith("2026-12-24")


def test_a_sync_that_got_another_name_is_told_until_it_has_its_own_again(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    office.rest["syncs"] = {"work": office.sync}
    result = office.keep("sync")
    assert result.exit_code == 3
    assert "the configuration has no sync `tasks` any more; 1 thing that it keeps belongs to it" in result.stdout
    assert "left alone by work: name it `tasks` again" in result.stdout
    found = office.document("findings", "--code", "sync_left", code=3)["findings"]
    assert [each["params"] for each in found] == [{"sync": "tasks", "others": ["work"], "count": 1}]
    assert office.keep("findings", "ack", found[0]["id"]).exit_code == 0
    assert office.keep("sync").exit_code == 0
    del office.rest["syncs"]
    assert office.keep("sync").exit_code == 0
    assert office.document("findings", "--code", "sync_left")["findings"] == []
    office.crm.edit("Bo", "Tasks", task, {"Subject": "Draft the big plan"})
    office.settle()
    office.keep("sync")
    assert office.cards()[card] == "Draft the big plan"


def test_status_says_how_old_the_oldest_change_is(settled: tuple[Office, str, str]) -> None:
    office, task, _ = settled
    assert "every change seen has been carried over" in office.keep("status").stdout
    office.sync["mode"] = "observe"
    office.crm.edit("Bo", "Tasks", task, {"Subject": "Draft the big plan"})
    office.keep("sync")
    office.settle(600)
    each = office.document("status", code=office.keep("status").exit_code)["syncs"][0]
    assert each["links"] == {"crm.Tasks": 1, "board.cards": 1}
    assert each["owed"] == 1
    assert 12 <= each["behind_seconds"] // 60 <= 14
    requests = len(office.crm.requests)
    assert "the oldest change not yet carried over is" in office.keep("status").stdout
    assert len(office.crm.requests) == requests


def test_status_tells_a_feed_that_fails_until_it_works_again(settled: tuple[Office, str, str]) -> None:
    office, _, _ = settled
    office.crm.faults.switch_on(Fault("unavailable", "/Tasks", times=50))
    result = office.keep("sync")
    assert result.exit_code == 1
    assert "crm/Tasks could not be read" in result.stderr
    assert office.keep("status").stdout.count("failed ") == 1
    office.crm.faults.clear()
    office.settle(600)
    office.keep("sync")
    assert "failed " not in office.keep("status").stdout


def test_a_proposal_is_accepted_or_rejected(office: Office) -> None:
    office.task("Sign")
    first, second = office.card("Sign"), office.card("Sign")
    shown = office.document("match", code=3)["syncs"][0]
    assert shown["links"] == []
    proposals = shown["proposals"]
    assert len(proposals) >= 2
    assert office.keep("match", "--accept", "nonsense").exit_code == 2
    chosen = proposals[0]
    after = office.document(
        "match",
        "--accept",
        chosen["id"],
    )
    assert after["decided"] == [{"id": chosen["id"], "accepted": True}]
    links = after["syncs"][0]["links"]
    assert [each["evidence"] for each in links] == ["accepted"]
    assert links[0]["records"]["board.cards"] in (first, second)
    assert after["syncs"][0]["proposals"] == []  # the task has its card: the other proposal is over
    assert office.writes() == []


def test_a_round_tells_of_a_proposal_until_it_is_answered(office: Office) -> None:
    office.task("Sign")
    assert office.keep("apply", "--yes", "--as", "Ann").exit_code == 0
    office.task("File")
    office.card("File")
    office.card("File")
    office.settle()
    lines = []
    for _ in range(2):
        result = office.keep("sync")
        assert result.exit_code == 3
        lines.append(result.stdout.splitlines()[:2])
    assert lines == [
        ["tasks: 2 matches proposed", "  2 proposed matches wait for an answer: keepstep match tasks"],
        ["tasks: nothing to do", "  2 proposed matches wait for an answer: keepstep match tasks"],
    ]


def test_what_is_rejected_stays_apart(office: Office) -> None:
    office.task("Sign")
    office.card("Sign")
    office.card("Sign")
    assert office.keep("match").exit_code == 3
    assert "stay apart" in office.keep("match", "--reject", "all").stdout
    after = office.document("match")["syncs"][0]
    assert (after["links"], after["proposals"]) == ([], [])


def test_a_finding_once_seen_needs_nobody(settled: tuple[Office, str, str]) -> None:
    office, task, card = settled
    conflict(office, task, card)
    for each in office.document("findings", code=3)["findings"]:
        assert office.keep("findings", "ack", each["id"]).exit_code == 0
    result = office.keep("findings", "--sync", "tasks")
    assert result.exit_code == 0
    assert "[seen]" in result.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("plan", "task"), "did you mean `tasks`?"),
        (("sync", "nothing"), "there is no sync `nothing`"),
        (("apply", "--sync", "x"), "there is no sync `x`"),
        (("findings", "ack", "01X"), "there is no finding 01X"),
        (("findings", "retry", "01X"), "there is no finding 01X"),
        (("findings", "--sync", "x"), "there is no sync `x`"),
        (("resolve", "nobody.title", "crm"), "nothing is known as `nobody`"),
        (("resolve", "title"), "there is no finding `title`; `keepstep findings` lists them"),
        (("resolve", "nix", "crm.Deals"), "there is no finding `nix`"),
        (("explain", "crm.Tasks:1.title"), "nothing is known as `crm.Tasks:1`"),
        (("simulate", "--sabotage", "X99"), "there is no sabotage `X99`"),
    ],
)
def test_wrong_names_are_wrong_usage(office: Office, args: tuple[str, ...], words: str) -> None:
    result = office.keep(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_a_rule_that_there_is_not_is_told_with_the_nearest(office: Office) -> None:
    office.rest["handoffs"] = {"use": ["won-deal-start"]}
    result = office.keep("sync")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean `won-deal-starts`?" in result.stderr


def test_a_field_that_is_none_is_wrong_usage(settled: tuple[Office, str, str]) -> None:
    result = settled[0].keep("explain", "Draft the plan.due")
    assert result.exit_code == 2
    assert "did you mean `due_date`?" in result.stderr


def test_a_store_that_cannot_be_used_is_told_without_a_traceback(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.keep("status")
    path = office.folder / "keep.db"
    with sqlite3.connect(path) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    result = office.keep("status")
    assert result.exit_code == 2
    assert "written by a newer Keepstep" in result.stderr
    path.unlink()
    path.write_bytes(b"this is no database, whatever its name says" * 40)
    result = office.keep("status", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "store_broken"
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE record (x)")
    assert office.keep("status").exit_code == 2


@pytest.mark.parametrize("code", ["store_locked", "store_full"])
def test_a_store_in_use_or_full_fails_with_its_cure(office: Office, code: str, monkeypatch: Any) -> None:
    from keepstep.store.errors import StoreError
    from keepstep.store.store import Store

    def fail(self: Store) -> Store:
        raise StoreError(code, url="sqlite:///keep.db", detail="disk")

    monkeypatch.setattr(Store, "open", fail)
    for args in (("sync",), ("plan",), ("findings",)):
        result = office.keep(*args)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "keep.db" in result.stderr


def test_a_connection_that_is_down_is_told_and_its_syncs_left_out(office: Office) -> None:
    office.connections["board"]["token"] = "wrong"
    for args in (("plan",), ("sync",), ("match",)):
        result = office.keep(*args)
        assert result.exit_code == 1
        assert "board: the credentials are refused" in result.stderr
        assert "tasks was left out" in result.stderr


def test_simulate_runs_fresh_histories_and_catches_a_sabotage(office: Office) -> None:
    result = office.keep("simulate", "--histories", "3", "--seed", "11", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"histories": 3, "first_seed": 11, "violations": [], "caught": None}
    assert "seeds 11 to 13" in result.stderr
    result = office.keep("simulate", "--histories", "1", "--seed", str(CATCHES["X1"][0]), "--sabotage", "X1")
    assert result.exit_code == 0
    assert "keepstep simulate --seed" in result.stdout
    assert "X1 was caught" in result.stdout
