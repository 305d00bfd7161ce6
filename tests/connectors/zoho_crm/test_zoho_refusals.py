"""What Zoho refuses, in the forms that it has for it, and what comes of each write."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses

from connectors.base import Outcome, Write
from connectors.context import Context
from connectors.errors import CursorLost, Misconfigured, RecordRefused, ScopeMissing
from connectors.sandbox.clock import VirtualClock
from connectors.zoho_crm import Settings, ZohoCrm
from connectors.zoho_crm.refusals import blamed, said

HOST = "https://www.zohoapis.eu"
API = f"{HOST}/crm/v8"
UNSET: dict[str, Any] = {}


def connect() -> ZohoCrm:
    settings = Settings(data_center="eu", client_id="a", client_secret="b", refresh_token="c")  # type: ignore[arg-type]
    responses.post("https://accounts.zoho.eu/oauth/v2/token", json={"access_token": "t", "api_domain": HOST})
    responses.get(f"{API}/settings/fields", json={"fields": [{"api_name": "Deal_Name"}]})
    return ZohoCrm(settings, Context(name="crm", clock=VirtualClock(), tokens=None))  # type: ignore[arg-type]


def row(code: str, details: dict[str, Any], message: str = "no") -> dict[str, Any]:
    return {"code": code, "details": details, "message": message, "status": "error"}


def lies(path: str, name: str, **more: Any) -> dict[str, Any]:
    return {"api_name": name, "json_path": f"$.data[0].{path}", **more}


def update(*ids: str) -> list[Write]:
    return [Write(intent=id, kind="update", id=id, values={"Deal_Name": "x"}) for id in ids]


def put(answer: Any, status: int, *writes: Write) -> list[Outcome]:
    crm = connect()
    responses.put(f"{API}/Deals", json=answer, status=status)
    return list(crm.push("Deals", list(writes), lambda: None))


SEVERAL = {
    "errors": [
        row("DUPLICATE_DATA", lies("Email", "Email", duplicate_record={"id": "77", "Owner": {"id": "5"}}), "duplicate"),
        row("INVALID_DATA", lies("Owner.id", "id"), "invalid data"),
    ]
}


@pytest.mark.parametrize(
    ("code", "details", "status", "field"),
    [
        pytest.param("INVALID_DATA", {"id": "1"}, "gone", None, id="the record, by its id"),
        pytest.param("INVALID_DATA", lies("id", "id"), "gone", None, id="the record, by its key"),
        pytest.param("INVALID_DATA", {"api_name": "id"}, "gone", None, id="the record, without a path"),
        pytest.param("INVALID_DATA", {"resource_path_index": 1}, "gone", None, id="the record, by the address"),
        # A record that a lookup leads to is missing, or is hidden from our account. Ours is there all the same.
        pytest.param("INVALID_DATA", lies("What_Id.id", "id"), "refused", "What_Id", id="a lookup"),
        pytest.param("INVALID_DATA", lies("Owner.id", "id"), "refused", "Owner", id="a user"),
        pytest.param(
            "INVALID_DATA",
            {"api_name": "id", "parent_api_name": "Owner"},
            "refused",
            "Owner",
            id="a user, by its parent",
        ),
        pytest.param("INVALID_DATA", lies("Lines[2].Price", "Price"), "refused", "Lines", id="a row of a subform"),
        pytest.param("INVALID_DATA", lies("Amount", "Amount", maximum_length=2), "refused", "Amount", id="too long"),
        pytest.param("INVALID_DATA", {}, "refused", None, id="nothing that is named"),
        pytest.param("MULTIPLE_OR_MULTI_ERRORS", SEVERAL, "refused", "Email", id="several at once"),
        pytest.param(
            "EXPECTED_FIELD_MISSING",
            {"expected_fields": [lies("Note_Content", "Note_Content"), lies("Note_Title", "Note_Title")]},
            "refused",
            "Note_Content",
            id="one of several fields",
        ),
        pytest.param(
            "RECORD_LOCKED", lies("id", "id", action="record_locking"), "refused", None, id="locked by people"
        ),
        pytest.param("RECORD_LOCKED", {"id": "1"}, "not_sent", None, id="locked for a moment"),
        pytest.param("NOT_APPROVED", {"resource_path_index": 1}, "refused", None, id="waits for an approval"),
        pytest.param("ALREADY_MODIFIED", {"id": "1"}, "stale", None, id="changed meanwhile"),
    ],
)
@responses.activate
def test_what_a_row_says_of_an_update(code: str, details: dict[str, Any], status: str, field: str | None) -> None:
    (outcome,) = put({"data": [row(code, details)]}, 400, *update("1"))
    assert (outcome.status, outcome.code, outcome.field) == (status, code, field)


@pytest.mark.parametrize("code", ["INVALID_MODULE", "AUTHORIZATION_FAILED", "INVALID_REQUEST_METHOD"])
@responses.activate
def test_one_refusal_of_a_whole_request_is_that_of_every_write_in_it(code: str) -> None:
    outcomes = put({"data": [row(code, {"resource_path_index": 0})]}, 400, *update("1", "2", "3"))
    assert [(each.status, each.code) for each in outcomes] == [("refused", code)] * 3


@responses.activate
def test_one_row_about_one_record_says_nothing_of_the_others() -> None:
    outcomes = put({"data": [row("INVALID_DATA", {"id": "1"})]}, 400, *update("1", "2"))
    assert [each.status for each in outcomes] == ["gone", "unknown"]


@responses.activate
def test_several_errors_are_told_each_with_its_field_and_with_who_holds_the_value() -> None:
    (outcome,) = put({"data": [row("MULTIPLE_OR_MULTI_ERRORS", SEVERAL)]}, 400, *update("1"))
    assert outcome.reason == "Email: DUPLICATE_DATA duplicate, held by record 77; Owner: INVALID_DATA invalid data"


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"api_name": "Key", "id": "8"}, "DUPLICATE_DATA no, held by record 8"),
        ({"api_name": "Key", "duplicate_record": {"id": "9"}, "id": "8"}, "DUPLICATE_DATA no, held by record 9"),
        ({"api_name": "Key"}, "DUPLICATE_DATA no"),
        ("odd", "DUPLICATE_DATA no"),
    ],
)
def test_a_duplicate_names_the_record_that_was_there_before(details: Any, words: str) -> None:
    assert said("DUPLICATE_DATA", "no", details) == words


@pytest.mark.parametrize(
    ("code", "details", "words"),
    [
        ("INVALID_DATA", {"api_name": "Deal_Name", "maximum_length": 120}, "INVALID_DATA no, at most 120"),
        ("INVALID_DATA", {"api_name": "Tag", "expected_data_type": "jsonarray"}, "INVALID_DATA no, expected jsonarray"),
        ("LIMIT_EXCEEDED", {"limit": 10}, "LIMIT_EXCEEDED no, at most 10"),
        (
            "RECORD_LOCKED",
            {"action": "record_locking", "id": "1"},
            "RECORD_LOCKED no: unlock the record in Zoho",
        ),
        ("NOT_APPROVED", {"id": "1"}, "NOT_APPROVED no: the record waits for an approval in Zoho"),
    ],
)
def test_what_would_be_taken_and_what_helps_is_told(code: str, details: Any, words: str) -> None:
    assert said(code, "no", details) == words


@pytest.mark.parametrize("details", [None, [], "odd", {"errors": "odd"}, {"errors": [None, {"details": 5}]}])
def test_odd_details_blame_nothing(details: Any) -> None:
    assert blamed(details) is None


ROWS = "data"


@pytest.mark.parametrize(
    ("answer", "status", "error", "cure"),
    [
        ({ROWS: [row("INVALID_MODULE", {"resource_path_index": 0})]}, 400, Misconfigured, "no such module"),
        ({ROWS: [row("AUTHORIZATION_FAILED", UNSET)]}, 400, ScopeMissing, "profile"),
        (row("AUTHORIZATION_FAILED", UNSET), 400, ScopeMissing, "profile"),
        (
            row("NO_PERMISSION", {"permissions": ["Crm_Implied_View_Deals"]}),
            403,
            ScopeMissing,
            "Crm_Implied_View_Deals",
        ),
        ({ROWS: [row("PATTERN_NOT_MATCHED", {"param_name": "type"})]}, 400, RecordRefused, "PATTERN_NOT_MATCHED"),
    ],
)
@responses.activate
def test_a_list_that_is_refused_says_what_to_do(answer: Any, status: int, error: type[Exception], cure: str) -> None:
    crm = connect()
    responses.get(f"{API}/users", json={"users": [{"id": "1"}]})
    responses.get(f"{API}/Deals", json=answer, status=status)
    with pytest.raises(error, match=cure):
        list(crm.pull("Deals"))


@pytest.mark.parametrize("code", ["EXPIRED_VALUE", "TOKEN_BOUND_DATA_MISMATCH"])
@responses.activate
def test_a_page_token_that_is_not_taken_any_more_means_to_begin_again(code: str) -> None:
    crm = connect()
    responses.get(f"{API}/users", json={"users": [{"id": "1"}]})
    responses.get(f"{API}/Deals", json=row(code, {"param_name": "page_token"}), status=400)
    with pytest.raises(CursorLost):
        list(
            crm.pull("Deals", json.dumps({"at": "records", "page": 12, "token": "t", "began": "2026-11-02T00:00:00Z"}))
        )


@responses.activate
def test_a_record_is_not_gone_because_a_request_for_it_was_refused() -> None:
    crm = connect()
    responses.get(f"{API}/Deals", status=204)
    refused = responses.get(f"{API}/Deals/1", json=row("INVALID_DATA", {"param_name": "fields"}), status=400)
    with pytest.raises(RecordRefused, match="INVALID_DATA"):
        list(crm.get("Deals", ["1"]))
    responses.remove(refused)
    responses.get(f"{API}/Deals/1", json=row("INVALID_DATA", {"resource_path_index": 1}), status=400)
    (record,) = crm.get("Deals", ["1"])
    assert record.deleted
