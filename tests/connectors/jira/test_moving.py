"""Many issues along the workflow together: one request a step, and the right outcome for each issue all the same."""

from __future__ import annotations

import pytest

from connectors.errors import GateClosed
from connectors.jira.moving import LEAST, PATIENCE, RUNS_ON
from connectors.sandbox.faults import Fault
from tests.connectors.jira.test_push import edit, fields_of, moves, new

BULK = "/bulk/issues/transition"
DONE = {"statusCategory": {"key": "done"}}
DOING = {"name": "In Progress"}


def issues(desk, count=LEAST, **values):
    return [desk.issue(**values) for _ in range(count)]


def edits(ids, **values):
    return [edit(id, f"i{id}", **values) for id in ids]


def statuses(desk, ids):
    return [fields_of(desk, id)["status"]["name"] for id in ids]


def submitted(desk):
    """Per bulk request: the transitions, and how many issues take each."""
    return [
        [(each["transitionId"], len(each["selectedIssueIdsOrKeys"])) for each in body["bulkTransitionInputs"]]
        for body in desk.sandbox.sent("POST", BULK)
    ]


def test_many_issues_take_each_step_in_one_request_without_mail(desk):
    ids = issues(desk, 120, reporter="Ann")
    outcomes = desk.push("issues", *edits(ids, status=DONE))
    assert [(o.id, o.status) for o in outcomes] == [(id, "done") for id in ids]
    assert set(statuses(desk, ids)) == {"Done"}
    assert submitted(desk) == [[("11", 120)], [("31", 120)], [("51", 120)]]
    assert {body["sendBulkNotification"] for body in desk.sandbox.sent("POST", BULK)} == {False}
    assert [moves(desk, id) for id in ids] == [[]] * 120
    assert sum(entry.notified for entry in desk.sandbox.truth.writes()) == 0
    # Looks: two of the issues, one of the ways at each step; then the tasks.
    assert len(desk.sandbox.requests) < 25


def test_a_thousand_go_in_a_request_and_the_rest_in_another(desk):
    ids = issues(desk, 1003)
    outcomes = desk.push("issues", *edits(ids, status=DOING))
    assert {o.status for o in outcomes} == {"done"}
    assert submitted(desk) == [[("11", 1000)], [("11", 3)]]


def test_different_ways_share_a_request(desk):
    new_ones, reviewed = issues(desk), issues(desk, status={"name": "In Review"})
    desk.push("issues", *edits(new_ones, status=DOING), *edits(reviewed, status={"name": "Done"}))
    assert submitted(desk) == [[("11", LEAST), ("51", LEAST)]]
    assert statuses(desk, [*new_ones, *reviewed]) == ["In Progress"] * LEAST + ["Done"] * LEAST


def test_few_are_moved_one_by_one(desk):
    ids = issues(desk, LEAST - 1)
    desk.push("issues", *edits(ids, status=DOING))
    assert submitted(desk) == []
    assert [moves(desk, id) for id in ids] == [["11"]] * (LEAST - 1)


def test_what_stands_there_already_is_not_moved(desk):
    ids, there = issues(desk), issues(desk, status={"name": "In Progress"})
    outcomes = desk.push("issues", *edits([*ids, *there], status=DOING))
    assert {o.status for o in outcomes} == {"done"}
    assert submitted(desk) == [[("11", LEAST)]]
    assert [e.id for e in desk.sandbox.truth.writes()] == ids


def test_new_issues_are_moved_together(desk):
    outcomes = desk.push("issues", *[new(f"i{n}", f"m{n}", status=DOING) for n in range(60)])
    assert {(o.status, o.reason) for o in outcomes} == {("done", "")}
    assert set(statuses(desk, [o.id for o in outcomes])) == {"In Progress"}
    assert submitted(desk) == [[("11", 50)], [("11", 10)]]


def test_other_fields_are_edited_first_and_reopened_issues_after(desk):
    ids = issues(desk, status={"name": "Done"})
    desk.push("issues", *edits(ids, status={"name": "To Do"}, summary="B"))
    assert [line.split()[0] for line in desk.sandbox.wrote()] == ["POST", *["PUT"] * LEAST]
    desk.push("issues", *edits(ids, status=DOING, summary="C"))
    assert [line.split()[0] for line in desk.sandbox.wrote()][LEAST + 1 :] == [*["PUT"] * LEAST, "POST"]
    assert {fields_of(desk, id)["summary"] for id in ids} == {"C"}


def test_an_edit_that_is_refused_keeps_its_issue_where_it_is(desk):
    ids = issues(desk, LEAST + 1)
    writes = [*edits(ids[:-1], status=DOING), edit(ids[-1], "bad", status=DOING, duedate="soon")]
    by_intent = {o.intent: o for o in desk.push("issues", *writes)}
    assert (by_intent["bad"].status, by_intent["bad"].field) == ("refused", "duedate")
    assert statuses(desk, ids) == ["In Progress"] * LEAST + ["To Do"]


def test_an_issue_that_the_task_names_as_failed_is_tried_by_itself_and_refused_with_its_reason(desk):
    ids = issues(desk)
    desk.sandbox.stubborn[ids[0]] = "A validator said no."
    desk.sandbox.faults.switch_on(Fault("unavailable", match=f"POST .*/issue/{ids[0]}/transitions", times=1))
    outcomes = desk.push("issues", *edits(ids, status=DOING))
    assert [o.status for o in outcomes] == ["unknown", *["done"] * (LEAST - 1)]
    [again] = desk.push("issues", edit(ids[0], status=DOING))
    assert (again.status, moves(desk, ids[0])) == ("done", ["11", "11"])


def test_an_issue_that_somebody_moved_meanwhile_goes_on_from_where_it_stands(desk):
    ids = issues(desk)
    serve = desk.sandbox.handle

    def moved(request):
        if request.path.endswith(BULK) and not submitted(desk):
            desk.sandbox.edit("Ann", "issues", ids[0], {"status": {"name": "In Review"}})
        return serve(request)

    desk.sandbox.handle = moved
    outcomes = desk.push("issues", *edits(ids, status=DONE))
    assert [o.status for o in outcomes] == ["done"] * LEAST
    assert (moves(desk, ids[0]), moves(desk, ids[1])) == (["51"], [])


def test_an_issue_that_is_gone_meanwhile_is_gone(desk):
    ids = issues(desk)
    serve = desk.sandbox.handle

    def deleted(request):
        if request.path.endswith(BULK) and not submitted(desk):
            desk.sandbox.delete("Ann", "issues", ids[0])
        return serve(request)

    desk.sandbox.handle = deleted
    assert [o.status for o in desk.push("issues", *edits(ids, status=DOING))] == ["gone", *["done"] * (LEAST - 1)]


def test_a_screen_that_asks_for_a_field_is_filled_one_by_one(desk):
    desk.sandbox.require_on_transition("Done", "resolution")
    ids = issues(desk)
    outcomes = desk.push("issues", *edits(ids, status=DONE, resolution={"name": "Done"}))
    assert [o.status for o in outcomes] == ["done"] * LEAST
    assert submitted(desk) == [[("11", LEAST)], [("31", LEAST)]]
    assert [moves(desk, id) for id in ids] == [["51"]] * LEAST
    other = issues(desk)
    refused = desk.push("issues", *edits(other, status=DONE))
    assert {(o.status, o.field) for o in refused} == {("refused", "resolution")}


def test_without_the_right_to_change_in_bulk_each_is_moved_by_itself_and_nobody_asks_again(desk):
    desk.sandbox.lacks.add("BULK_CHANGE")
    ids, more = issues(desk), issues(desk)
    assert {o.status for o in desk.push("issues", *edits(ids, status=DOING))} == {"done"}
    assert {o.status for o in desk.push("issues", *edits(more, status=DOING))} == {"done"}
    assert len(submitted(desk)) == 1
    assert statuses(desk, [*ids, *more]) == ["In Progress"] * 2 * LEAST


def test_a_task_that_is_slow_is_waited_for(desk):
    desk.sandbox.bulk_delay = 40.0
    ids = issues(desk)
    assert {o.status for o in desk.push("issues", *edits(ids, status=DOING))} == {"done"}


def test_a_task_that_does_not_end_is_unknown_of_those_it_has_not_moved_and_they_are_left_alone(desk):
    desk.sandbox.bulk_pace = PATIENCE / 2
    ids = issues(desk)
    begun = desk.clock.monotonic()
    outcomes = desk.push("issues", *edits(ids, status=DOING))
    assert [o.status for o in outcomes] == ["done", *["unknown"] * (LEAST - 1)]
    assert desk.clock.monotonic() - begun == pytest.approx(PATIENCE, abs=1)
    sent = len(desk.sandbox.wrote())
    [held] = desk.push("issues", edit(ids[-1], "again", summary="B"))
    assert (held.status, len(desk.sandbox.wrote())) == ("not_sent", sent)
    assert 0 < held.retry_after <= RUNS_ON
    desk.clock.advance(RUNS_ON)
    [late] = desk.push("issues", edit(ids[-1], "later", status=DOING, summary="B"))
    assert (late.status, moves(desk, ids[-1])) == ("done", [])  # the task came there after all


def test_a_task_that_broke_off_leaves_the_rest_to_be_moved_one_by_one(desk):
    desk.sandbox.bulk_breaks_after = 2
    ids = issues(desk)
    outcomes = desk.push("issues", *edits(ids, status=DOING))
    assert [o.status for o in outcomes] == ["done"] * LEAST
    assert [moves(desk, id) for id in ids] == [[], [], ["11"], ["11"], ["11"]]


def test_a_task_whose_id_is_forgotten_is_looked_up_issue_by_issue(desk):
    serve = desk.sandbox.handle

    def forgetful(request):
        answer = serve(request)
        if request.path.endswith(BULK):
            desk.clock.advance(desk.sandbox.bulk_delay + 3 * desk.sandbox.bulk_pace)
            desk.sandbox.settle()
            desk.sandbox.bulk_breaks_after = 3
            desk.sandbox.forget_tasks()
        return answer

    desk.sandbox.handle = forgetful
    ids = issues(desk)
    outcomes = desk.push("issues", *edits(ids, status=DOING))
    assert [o.status for o in outcomes] == ["done", "done", "done", "unknown", "unknown"]


@pytest.mark.parametrize("kind", ["lost_after", "broken_after", "late"])
def test_a_lost_answer_is_unknown_of_those_that_have_not_moved(desk, kind):
    desk.sandbox.faults.switch_on(Fault(kind, match=f"POST .*{BULK}", times=1))
    ids = issues(desk)
    assert {o.status for o in desk.push("issues", *edits(ids, status=DOING))} == {"unknown"}
    assert len(submitted(desk)) <= 1


def test_a_request_that_surely_had_no_effect_is_not_sent(desk):
    desk.sandbox.faults.switch_on(Fault("rate_limited", match=f"POST .*{BULK}", times=1))
    ids = issues(desk)
    outcomes = desk.push("issues", *edits(ids, status=DOING))
    assert {(o.status, o.retry_after) for o in outcomes} == {("not_sent", 5.0)}
    edited = desk.push("issues", *edits(ids, status=DOING))
    assert {o.status for o in edited} == {"done"}


def test_a_gate_that_closes_between_two_steps_leaves_what_moved_unknown(desk):
    ids = issues(desk)

    def gate():
        if submitted(desk):
            raise GateClosed("closed")

    outcomes = desk.push("issues", *edits(ids, status=DONE), gate=gate)
    assert {o.status for o in outcomes} == {"unknown"}
    assert set(statuses(desk, ids)) == {"In Progress"}
    closed = desk.push("issues", *edits(issues(desk), status=DONE), gate=gate)
    assert {o.status for o in closed} == {"not_sent"}


def test_a_request_that_is_refused_as_a_whole_is_taken_apart(desk):
    ids = issues(desk)
    move_many = desk.jira._client.transit_all
    desk.jira._client.transit_all = lambda steps, gate: move_many([("999", ids) for _, ids in steps], gate)
    assert {o.status for o in desk.push("issues", *edits(ids, status=DOING))} == {"done"}
    assert [moves(desk, id) for id in ids] == [["11"]] * LEAST


def test_six_tasks_are_one_too_many(desk):
    desk.sandbox.bulk_delay = 500.0
    for _ in range(5):
        desk.jira._client.transit_all([("11", [desk.issue()])], lambda: None)
    outcomes = desk.push("issues", *edits(issues(desk), status=DOING))
    assert {(o.status, o.retry_after) for o in outcomes} == {("not_sent", 10.0)}
