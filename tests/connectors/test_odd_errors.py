"""Errors in every form in which services and what stands before them send one, and what happens next for each."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

from connectors.auth import Auth
from connectors.budget import Budget
from connectors.context import Context
from connectors.errors import (
    AuthFailed,
    ConnectorError,
    EffectUnknown,
    Forbidden,
    Malformed,
    Misconfigured,
    NotFound,
    RateLimited,
    RecordRefused,
    ScopeMissing,
    Stale,
    Transient,
    Unreachable,
)
from connectors.google_drive.client import Client as Drive
from connectors.jira.answers import IssueThrottled, reasons
from connectors.jira.client import Client as Jira
from connectors.sandbox.clock import VirtualClock
from connectors.trello.client import TrelloClient
from connectors.trello.settings import TrelloSettings
from connectors.zoho_crm.client import Client as Zoho
from connectors.zoho_crm.client import ZohoHttp
from tests.connectors.jira.conftest import Tokens

PAGE = "<!DOCTYPE html><html><title>Page unavailable</title></html>"
DATE = "Mon, 02 Nov 2026 01:00:00 GMT"


class One(BaseAdapter):
    """Answers everything in one way."""

    def __init__(self, status: int, body: Any, headers: dict[str, str]) -> None:
        super().__init__()
        text = body if isinstance(body, str) else json.dumps(body)
        self.answer = (status, text.encode(), headers)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        status, body, headers = self.answer
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url or "", request
        response.headers = requests.structures.CaseInsensitiveDict(headers)
        response.raw = HTTPResponse(body=io.BytesIO(body), preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is held open."""


def gate() -> None:
    """Lets everything through."""


def context(transport: BaseAdapter) -> Context:
    return Context("c", VirtualClock(), Tokens(), transport=transport)


def jira(transport: BaseAdapter) -> tuple[Callable[[], Any], Callable[[], Any]]:
    client = Jira(context(transport), "https://acme.atlassian.net", Auth())
    return lambda: client.issue("1"), lambda: client.edit_issue("1", {}, gate, quiet=False)


def trello(transport: BaseAdapter) -> tuple[Callable[[], Any], Callable[[], Any]]:
    client = TrelloClient(TrelloSettings(key="k", token="t"), context(transport))  # type: ignore[arg-type]
    return lambda: client.get("/cards/1"), lambda: client.send("PUT", "/cards/1", gate, {})


def zoho(transport: BaseAdapter) -> tuple[Callable[[], Any], Callable[[], Any]]:
    own = context(transport)
    http = ZohoHttp(own, "https://zoho.test", auth=Auth(), budget=Budget(own), concurrency=1)
    client = Zoho(http)
    return lambda: client.by_ids("Deals", ["id"], ["1"]), lambda: client.update("Deals", [{"id": "1"}], gate)


def drive(transport: BaseAdapter) -> tuple[Callable[[], Any], Callable[[], Any]]:
    client = Drive(context(transport), "https://drive.test", Auth())
    return lambda: client.file("1"), lambda: client.update("1", {}, gate)


def _zoho(code: str, details: Any = None) -> dict[str, Any]:
    return {"code": code, "details": details or {}, "message": "no", "status": "error"}


def _google(code: Any, reason: str | None, **more: Any) -> dict[str, Any]:
    errors = [{"domain": "global", "reason": reason, "message": "no"}] if reason else None
    return {"error": {"code": code, "message": "no", "errors": errors, **more}}


def _info(reason: str) -> list[dict[str, str]]:
    return [{"@type": "type.googleapis.com/google.rpc.Help"}, {"@type": "…ErrorInfo", "reason": reason}]


SAME = None
"""Of a write as of a read."""

CASES: list[tuple[Any, int, Any, dict[str, str], type[ConnectorError], type[ConnectorError] | None]] = [
    # What stands before a service says nothing of its records: least of all that one is gone.
    *((each, 404, PAGE, {}, Unreachable, SAME) for each in (jira, trello, zoho, drive)),
    *((each, 410, "  " + PAGE, {}, Unreachable, SAME) for each in (jira, trello, zoho, drive)),
    *((each, 502, PAGE, {}, Transient, EffectUnknown) for each in (jira, trello, zoho, drive)),
    *((each, 200, PAGE, {}, Malformed, EffectUnknown) for each in (jira, zoho, drive)),
    (jira, 404, {"errorMessage": "Site temporarily unavailable"}, {}, Unreachable, SAME),
    (jira, 404, {"errorMessages": ["Issue does not exist"], "errors": {}}, {}, NotFound, SAME),
    (jira, 410, {"errorMessages": ["The requested API has been removed."]}, {}, Misconfigured, SAME),
    (jira, 410, {"errorMessages": ["gone"]}, {}, NotFound, SAME),
    (jira, 401, "Client must be authenticated to access this resource.", {}, AuthFailed, SAME),
    (jira, 401, {"code": 401, "message": "Unauthorized; scope does not match"}, {}, ScopeMissing, SAME),
    (jira, 403, {"errorMessages": None, "errors": None}, {}, Forbidden, SAME),
    (jira, 403, {"errorMessages": ["You may not edit this"], "errors": {}}, {}, Forbidden, SAME),
    # What is said of the whole account, or of where it comes from, sets no record aside.
    (jira, 403, {"errorMessages": ["Current user not permitted to use Jira"]}, {}, ScopeMissing, SAME),
    (jira, 403, {"message": "The IP address has been rejected: it is on no list"}, {}, Unreachable, SAME),
    *((each, 403, PAGE, {}, Unreachable, SAME) for each in (jira, trello)),
    (jira, 400, {"errorMessages": [], "errors": {"summary": ["long", "odd"]}}, {}, RecordRefused, SAME),
    (jira, 400, {"errors": [{"code": "X", "title": "Bad", "detail": "odd"}]}, {}, RecordRefused, SAME),
    (jira, 400, ["odd"], {}, RecordRefused, SAME),
    (jira, 413, {"error": {"message": "large"}}, {}, RecordRefused, SAME),
    (jira, 429, {"errorMessages": ["Rate limit exceeded."]}, {}, RateLimited, SAME),
    (jira, 429, "", {"RateLimit-Reason": "jira-per-issue-on-write"}, IssueThrottled, SAME),
    (trello, 404, "model not found", {}, NotFound, SAME),
    (trello, 401, "expired token", {}, AuthFailed, SAME),
    (trello, 401, "unauthorized card permission requested", {}, Forbidden, SAME),
    (trello, 429, {"error": "API_TOKEN_LIMIT_EXCEEDED", "message": "Rate limit exceeded"}, {}, RateLimited, SAME),
    (trello, 400, "invalid value for idList", {}, RecordRefused, SAME),
    (zoho, 404, _zoho("INVALID_URL_PATTERN"), {}, Misconfigured, SAME),
    (zoho, 404, _zoho("INVALID_DATA", {"resource_path_index": 1}), {}, NotFound, SAME),
    (zoho, 401, _zoho("OAUTH_SCOPE_MISMATCH"), {}, ScopeMissing, SAME),
    (zoho, 200, _zoho("INVALID_TOKEN"), {}, AuthFailed, SAME),
    (zoho, 400, {"code": "INVALID_DATA", "details": "odd", "message": ["a"], "status": None}, {}, RecordRefused, SAME),
    (zoho, 400, _zoho("TOO_MANY_REQUESTS"), {}, RateLimited, SAME),
    (zoho, 429, _zoho("RATE_LIMIT_EXCEEDED"), {}, RateLimited, SAME),
    (zoho, 400, _zoho("AUTHORIZATION_FAILED"), {}, Forbidden, SAME),
    (zoho, 412, _zoho("ALREADY_MODIFIED"), {}, Stale, SAME),
    (zoho, 500, _zoho("INTERNAL_ERROR"), {}, Transient, EffectUnknown),
    (drive, 404, _google(404, "notFound"), {}, NotFound, SAME),
    (drive, 403, _google(403, "userRateLimitExceeded"), {}, RateLimited, SAME),
    (drive, 403, _google("403", "rateLimitExceeded", message=None), {}, RateLimited, SAME),
    (drive, 403, _google(403, None, details=_info("RATE_LIMIT_EXCEEDED")), {}, RateLimited, SAME),
    (drive, 403, _google(403, None, status="RESOURCE_EXHAUSTED"), {}, RateLimited, SAME),
    (drive, 403, [_google(403, "rateLimitExceeded")], {}, RateLimited, SAME),
    (drive, 403, {"error": {"code": 403, "reason": "userRateLimitExceeded"}}, {}, RateLimited, SAME),
    (drive, 403, _google(403, None, details=_info("USER_PROJECT_DENIED")), {}, ScopeMissing, SAME),
    (drive, 403, _google(403, "dailyLimitExceededUnreg"), {}, AuthFailed, SAME),
    (drive, 403, _google(403, None, details=_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")), {}, ScopeMissing, SAME),
    (drive, 403, _google(403, None, details=_info("SERVICE_DISABLED")), {}, ScopeMissing, SAME),
    (drive, 403, _google(403, "insufficientFilePermissions"), {}, Forbidden, SAME),
    (drive, 403, {"error": {"code": 403, "errors": [None], "details": "odd"}}, {}, Forbidden, SAME),
    (drive, 403, PAGE, {}, Forbidden, SAME),
    (drive, 403, _google(403, "storageQuotaExceeded"), {}, RecordRefused, SAME),
    (drive, 401, {"error": "invalid_token", "error_description": "no"}, {}, AuthFailed, SAME),
    (drive, 400, {"error": "invalid_grant", "error_description": "no"}, {}, RecordRefused, SAME),
]


@pytest.mark.parametrize(("service", "status", "body", "headers", "reading", "writing"), CASES)
def test_what_happens_next(
    service: Any,
    status: int,
    body: Any,
    headers: dict[str, str],
    reading: type[ConnectorError],
    writing: type[ConnectorError] | None,
) -> None:
    read, write = service(One(status, body, headers))
    for verb, wanted in ((read, reading), (write, writing or reading)):
        with pytest.raises(ConnectorError) as caught:
            verb()
        kind = type(caught.value)
        assert issubclass(kind, wanted), caught.value
        # A refusal of a record may be of a kind of its own, but never one that says more than was meant.
        assert wanted is not RecordRefused or not issubclass(kind, NotFound | Forbidden | Stale), caught.value


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errorMessages": ["a"], "errors": {"summary": "b"}}, ("a; summary: b", "summary")),
        ({"errorMessages": [], "errors": {"labels": ["a", "b"]}}, ("labels: a; b", "labels")),
        ({"errorMessages": "a"}, ("a", None)),
        ({"errors": [{"message": "a"}, {"title": "b", "detail": "c"}, None]}, ("a; c", None)),
        ({"code": 401, "message": "a"}, ("a", None)),
        ({"errorMessage": "a", "i18nErrorMessage": {"i18nKey": "k"}}, ("a", None)),
        ({"error": "invalid_grant", "error_description": "a"}, ("a; invalid_grant", None)),
        ({"error": {"message": "a"}}, ("a", None)),
        ({"errorMessages": None, "errors": None, "message": None}, ("", None)),
    ],
)
def test_jiras_words_are_found_wherever_they_stand(body: Any, said: tuple[str, str | None]) -> None:
    assert reasons(json.dumps(body).encode()) == said


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Mon, 02 Nov 2026 01:00:30 GMT", "Date": DATE}, 30.0),
        ({"X-RateLimit-Reset": "2026-11-02T01:00:45Z", "Date": DATE}, 45.0),
        ({"X-RateLimit-Reset": "2026-11-02T00:00:00Z", "Date": DATE}, 1.0),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "later", "Date": DATE}, 10.0),
        ({"Retry-After": "nan"}, 10.0),
        ({}, 10.0),
    ],
)
@pytest.mark.parametrize("reason", [None, "jira-burst-based", "jira-per-issue-on-write"])
def test_jira_tells_how_long_to_wait_in_several_ways(headers: dict[str, str], wait: float, reason: str | None) -> None:
    _, write = jira(One(429, "", headers | ({"RateLimit-Reason": reason} if reason else {})))
    with pytest.raises(Transient) as caught:
        write()
    assert caught.value.retry_after == wait  # type: ignore[attr-defined]


def test_one_odd_row_of_a_bulk_answer_leaves_the_others_their_outcome() -> None:
    good = {"code": "SUCCESS", "details": {"id": "1"}, "message": "ok", "status": "success"}
    body = {"data": [good, {"code": "X", "status": "error", "details": None, "message": None}, {"odd": 1}, None, good]}
    _, write = zoho(One(207, body, {}))
    rows = write().rows
    assert [row and row.status for row in rows] == ["success", "error", None, None, "success"]
    assert rows[1].details == {}
