"""Requests sent and answers read, without the stand-in."""

from __future__ import annotations

import json

import pytest
import responses

from connectors.context import Context
from connectors.errors import (
    AuthFailed,
    EffectUnknown,
    Forbidden,
    Malformed,
    NotFound,
    RateLimited,
    ScopeMissing,
    WriteForbidden,
)
from connectors.jira.answers import IssueThrottled, Refused
from connectors.jira.client import Client
from connectors.jira.settings import Settings
from connectors.jira.signin import auth
from connectors.sandbox.clock import VirtualClock
from keepstep.testing.contract.world import MemoryAccessTokens
from tests.connectors.jira.conftest import Tokens, open_gate

SITE = "https://acme.atlassian.net"
API = f"{SITE}/rest/api/3"


def make(access="write", tokens=None, access_tokens=None, **changes):
    given = {"url": SITE, "email": "bot@acme.example", "token": "secret-token", **changes}
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    clock, tokens = VirtualClock(), tokens or Tokens()
    context = Context("tracker", clock, tokens, access=access, access_tokens=access_tokens or MemoryAccessTokens())
    return Client(context, settings.address, auth(settings, context)), clock, tokens


@responses.activate
def test_email_and_token_sign_each_request():
    responses.get(f"{API}/myself", json={"accountId": "a"})
    client, _, _ = make()
    assert client.myself() == {"accountId": "a"}
    assert responses.calls[0].request.headers["Authorization"] == "Basic Ym90QGFjbWUuZXhhbXBsZTpzZWNyZXQtdG9rZW4="


@responses.activate
def test_refused_credentials_are_not_retried_and_not_shown():
    responses.get(f"{API}/myself", status=401, json={"message": "no"})
    client, _, _ = make()
    with pytest.raises(AuthFailed) as caught:
        client.myself()
    assert len(responses.calls) == 1
    assert "secret-token" not in str(caught.value)


@responses.activate
def test_an_anonymous_answer_to_a_wrong_token_is_a_failed_sign_in():
    responses.get(f"{API}/field", json=[], headers={"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"})
    client, _, _ = make()
    with pytest.raises(AuthFailed):
        client.fields()


@responses.activate
def test_a_scope_that_does_not_match_is_named_as_such():
    responses.get(f"{API}/field", status=401, json={"code": 401, "message": "Unauthorized; scope does not match"})
    client, _, _ = make()
    with pytest.raises(ScopeMissing):
        client.fields()


@responses.activate
def test_oauth_refreshes_keeps_the_rotated_token_and_uses_the_cloud_address():
    responses.post(
        "https://auth.atlassian.com/oauth/token",
        json={"access_token": "at", "refresh_token": "rt2", "expires_in": 3600},
    )
    responses.get("https://api.atlassian.com/ex/jira/cid/rest/api/3/myself", json={"accountId": "a"})
    oauth = {"client_id": "c", "client_secret": "s", "refresh_token": "rt1", "cloud_id": "cid"}
    client, _, tokens = make(email=None, token=None, **oauth)
    client.myself()
    assert json.loads(responses.calls[0].request.body)["refresh_token"] == "rt1"
    assert responses.calls[1].request.headers["Authorization"] == "Bearer at"
    assert tokens.kept == {"refresh_token": "rt2", "refresh_token_before": "rt1"}


@responses.activate
def test_an_access_token_is_kept_under_the_refresh_token_that_came_with_it():
    sign_in = "https://auth.atlassian.com/oauth/token"
    responses.post(sign_in, json={"access_token": "at", "refresh_token": "rt2", "expires_in": 3600})
    responses.get("https://api.atlassian.com/ex/jira/cid/rest/api/3/myself", json={"accountId": "a"})
    oauth = {"client_id": "c", "client_secret": "s", "refresh_token": "rt1", "cloud_id": "cid"}
    tokens, kept = Tokens(), MemoryAccessTokens()

    def sign_ins(**more):
        client, _, _ = make(email=None, token=None, access_tokens=kept, **oauth | {"tokens": tokens} | more)
        client.myself()
        return len([call for call in responses.calls if call.request.url == sign_in])

    assert [sign_ins(), sign_ins()] == [1, 1]
    assert responses.calls[-1].request.headers["Authorization"] == "Bearer at"
    assert sign_ins(client_secret="another") == 2
    assert sign_ins(tokens=Tokens()) == 3, "a process that lacks the newest refresh token cannot open it"


@responses.activate
def test_search_sends_token_fields_and_reconciled_ids():
    responses.post(f"{API}/search/jql", json={"issues": [{"id": "1"}], "nextPageToken": "t2", "isLast": False})
    client, _, _ = make()
    page = client.search("updated >= 1", fields=["summary"], token="t1", size=7, reconcile=[5])
    assert page.nextPageToken == "t2"
    assert json.loads(responses.calls[0].request.body) == {
        "jql": "updated >= 1",
        "maxResults": 7,
        "fields": ["summary"],
        "nextPageToken": "t1",
        "reconcileIssues": [5],
    }


@responses.activate
def test_a_page_token_that_comes_twice_raises():
    responses.post(f"{API}/search/jql", json={"issues": [{"id": "1"}], "nextPageToken": "t", "isLast": False})
    client, _, _ = make()
    with pytest.raises(Malformed, match="twice"):
        list(client.search_all("updated >= 1"))
    assert len(responses.calls) == 2


@responses.activate
@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><title>Log in</title>",
        b'{"issues": [{"id"',
        b'{"isLast": true}',
        b'{"issues": [{"id": "1", "fields": {"summary": "\xff"}}]}',
    ],
)
def test_html_a_cut_off_body_or_another_shape_is_never_an_empty_page(body):
    responses.post(f"{API}/search/jql", body=body)
    client, _, _ = make()
    with pytest.raises(Malformed):
        client.search("updated >= 1")


@responses.activate
def test_a_write_answered_by_a_login_page_may_have_taken_effect():
    responses.put(f"{API}/issue/1", body=b"<!doctype html>")
    client, _, _ = make()
    with pytest.raises(EffectUnknown):
        client.edit_issue("1", {"fields": {"summary": "x"}}, open_gate, quiet=True)
    assert len(responses.calls) == 1


@responses.activate
def test_a_quiet_edit_says_so_in_the_query():
    responses.put(f"{API}/issue/1", status=204)
    client, _, _ = make()
    client.edit_issue("1", {"fields": {"summary": "x"}}, open_gate, quiet=True)
    client.edit_issue("1", {"fields": {"summary": "x"}}, open_gate, quiet=False)
    assert [call.request.params for call in responses.calls] == [{"notifyUsers": "false"}, {}]


@responses.activate
def test_a_refusal_names_the_field_that_jira_blames():
    responses.put(f"{API}/issue/1", status=400, json={"errorMessages": [], "errors": {"duedate": "bad date"}})
    client, _, _ = make()
    with pytest.raises(Refused) as caught:
        client.edit_issue("1", {"fields": {"duedate": "x"}}, open_gate, quiet=False)
    assert (caught.value.field, caught.value.code) == ("duedate", "400")
    assert "bad date" in str(caught.value)


@responses.activate
@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (404, NotFound)])
def test_hidden_and_gone_are_told_apart(status, error):
    responses.get(f"{API}/issue/1", status=status, json={"errorMessages": ["no"], "errors": {}})
    client, _, _ = make()
    with pytest.raises(error):
        client.issue("1")


@responses.activate
def test_reads_wait_as_long_as_jira_asks_and_go_on():
    responses.get(f"{API}/field", status=429, headers={"Retry-After": "7", "RateLimit-Reason": "jira-burst-based"})
    responses.get(f"{API}/field", status=503, headers={"Retry-After": "3"})
    responses.get(f"{API}/field", json=[])
    client, clock, _ = make()
    assert client.fields() == []
    assert clock.monotonic() == 10.0


@responses.activate
def test_a_limit_on_one_issue_does_not_hold_back_the_others():
    limit = {"Retry-After": "9", "RateLimit-Reason": "jira-per-issue-on-write"}
    responses.put(f"{API}/issue/1", status=429, headers=limit)
    responses.put(f"{API}/issue/2", status=204)
    client, clock, _ = make()
    with pytest.raises(IssueThrottled) as caught:
        client.edit_issue("1", {}, open_gate, quiet=False)
    client.edit_issue("2", {}, open_gate, quiet=False)
    assert caught.value.retry_after == 9.0
    assert clock.monotonic() == 0.0


@responses.activate
def test_a_limited_write_is_not_sent_again():
    responses.post(f"{API}/issue/bulk", status=429, headers={"Retry-After": "9"})
    client, _, _ = make()
    with pytest.raises(RateLimited):
        client.create_issues([{}], open_gate)
    assert len(responses.calls) == 1


@responses.activate
def test_a_connection_for_reading_asks_by_post_but_never_writes():
    responses.post(f"{API}/search/jql", json={"issues": [], "isLast": True})
    client, _, _ = make(access="read")
    assert client.search("updated >= 1").issues == []
    with pytest.raises(WriteForbidden):
        client.create_issues([{}], open_gate)
    assert len(responses.calls) == 1


@responses.activate
def test_users_are_read_to_the_first_empty_page():
    responses.get(f"{API}/users/search", json=[{"accountId": "a"}])
    responses.get(f"{API}/users/search", json=[])
    client, _, _ = make()
    assert list(client.users()) == [[{"accountId": "a"}]]
    assert [call.request.params["startAt"] for call in responses.calls] == ["0", "1000"]


@pytest.mark.parametrize(
    "given",
    [
        {"token": "t"},
        {"email": "a@b.c", "token": "t", "cloud_id": "x"},
        {"email": "a@b.c", "token": "t", "projekts": []},
        {"email": "a@b.c", "token": "t", "projects": ["a b"]},
        {"client_id": "c", "client_secret": "s"},
    ],
)
def test_settings_that_cannot_work_are_refused(given):
    with pytest.raises(ValueError):
        Settings(url=SITE, **given)
