"""Requests sent and answers read, one endpoint at a time."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import responses
from structlog.testing import capture_logs

from connectors.errors import (
    AuthFailed,
    EffectUnknown,
    Forbidden,
    GateClosed,
    Malformed,
    NotFound,
    RateLimited,
    RecordRefused,
    Transient,
    WriteForbidden,
)
from connectors.sandbox.clock import VirtualClock
from connectors.trello.client import TrelloClient
from connectors.trello.settings import TrelloSettings

from .conftest import context

BASE = "https://api.trello.com/1"
SECRETS = {"key": "k-very-secret", "token": "t-very-secret"}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def client(clock: VirtualClock) -> TrelloClient:
    return TrelloClient(TrelloSettings(**SECRETS), context(clock))


def query(index: int = 0) -> dict[str, list[str]]:
    return parse_qs(urlsplit(str(responses.calls[index].request.url)).query, keep_blank_values=True)


@responses.activate
def test_key_and_token_go_into_the_query(client: TrelloClient) -> None:
    responses.get(f"{BASE}/members/me", json={"id": "1"})
    assert client.get("/members/me", {"fields": "id"}) == {"id": "1"}
    assert query() == {"fields": ["id"], "key": ["k-very-secret"], "token": ["t-very-secret"]}


@responses.activate
def test_refused_credentials_are_not_retried(client: TrelloClient) -> None:
    responses.get(f"{BASE}/members/me", status=401, body="invalid token")
    with pytest.raises(AuthFailed, match="invalid token"):
        client.get("/members/me")
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(401, "unauthorized card permission requested", Forbidden, id="hidden card"),
        pytest.param(401, "unauthorized permission requested", Forbidden, id="hidden board"),
        pytest.param(401, "expired token", AuthFailed, id="expired"),
        pytest.param(400, "invalid id", RecordRefused, id="invalid id"),
        pytest.param(404, "The requested resource was not found.", NotFound, id="gone"),
        pytest.param(403, "no", Forbidden, id="403"),
    ],
)
def test_plain_text_errors_are_told_apart(client: TrelloClient, status: int, body: str, kind: type) -> None:
    responses.get(f"{BASE}/cards/1", status=status, body=body)
    with pytest.raises(kind, match=body.split(".")[0]) as caught:
        client.get("/cards/1")
    assert type(caught.value) is kind


@responses.activate
@pytest.mark.usefixtures("every_line")
def test_neither_errors_nor_logs_show_credentials(client: TrelloClient) -> None:
    responses.get(f"{BASE}/oops", status=404, body="Cannot GET /1/oops?key=k-very-secret&token=t-very-secret")
    responses.get(f"{BASE}/broken", body=requests.ConnectionError("https://x/?token=t-very-secret"))
    with capture_logs() as logs:
        for path in ("/oops", "/broken"):
            with pytest.raises((NotFound, Transient)) as caught:
                client.get(path)
            assert "very-secret" not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"
    assert logs
    assert "very-secret" not in repr(logs)
    assert "very-secret" not in repr(TrelloSettings(**SECRETS))


@responses.activate
def test_too_many_requests_wait_out_the_window_and_ask_again(client: TrelloClient, clock: VirtualClock) -> None:
    body = {"error": "API_TOKEN_LIMIT_EXCEEDED", "message": "Rate limit exceeded"}
    responses.get(f"{BASE}/members/me", status=429, json=body)
    responses.get(f"{BASE}/members/me", json={"id": "1"})
    client.get("/members/me")
    assert clock.monotonic() == 10.0
    assert len(responses.calls) == 2


@responses.activate
def test_a_write_that_is_limited_is_sent_once(client: TrelloClient) -> None:
    responses.put(f"{BASE}/cards/1", status=429, json={"error": "API_KEY_LIMIT_EXCEEDED", "message": "x"})
    with pytest.raises(RateLimited) as caught:
        client.send("PUT", "/cards/1", lambda: None, {"name": "n"})
    assert caught.value.code == "API_KEY_LIMIT_EXCEEDED"
    assert len(responses.calls) == 1


@responses.activate
def test_a_login_page_and_a_cut_off_body_are_no_empty_lists(client: TrelloClient) -> None:
    responses.get(f"{BASE}/boards/1/cards", body="<!doctype html>")
    with pytest.raises(Malformed, match="HTML"):
        client.listing("/boards/1/cards")
    responses.get(f"{BASE}/boards/2/cards", body='[{"id": "1"')
    with pytest.raises(Malformed):
        client.listing("/boards/2/cards")
    responses.get(f"{BASE}/boards/3/cards", json={"error": "x"})
    with pytest.raises(Malformed, match="not a list"):
        client.listing("/boards/3/cards")


@responses.activate
def test_a_write_answered_with_nonsense_may_have_taken_effect(client: TrelloClient) -> None:
    responses.put(f"{BASE}/cards/1", status=502, body="Bad gateway")
    with pytest.raises(EffectUnknown):
        client.send("PUT", "/cards/1", lambda: None, {"name": "n"})


@responses.activate
def test_null_and_long_text_travel_in_a_body_the_rest_in_the_query(client: TrelloClient) -> None:
    responses.put(f"{BASE}/cards/1", json={"id": "1"})
    values = {"due": None, "desc": "长" * 2000, "closed": True, "pos": 16384.5, "name": "n", "idLabels": ["a", "b"]}
    client.send("PUT", "/cards/1", lambda: None, values)
    sent = query()
    assert {name: sent[name] for name in sent if name not in SECRETS} == {
        "closed": ["true"],
        "pos": ["16384.5"],
        "name": ["n"],
        "idLabels": ["a,b"],
    }
    assert json.loads(responses.calls[0].request.body or "") == {"due": None, "desc": "长" * 2000}


@responses.activate
def test_the_gate_is_the_last_word(client: TrelloClient) -> None:
    def shut() -> None:
        raise GateClosed

    with pytest.raises(GateClosed):
        client.send("DELETE", "/cards/1", shut)
    assert len(responses.calls) == 0


@responses.activate
def test_a_reading_connection_cannot_write(clock: VirtualClock) -> None:
    client = TrelloClient(TrelloSettings(**SECRETS), context(clock, access="read"))
    with pytest.raises(WriteForbidden):
        client.send("PUT", "/cards/1", lambda: None, {"name": "n"})
    assert len(responses.calls) == 0


@responses.activate
def test_a_batch_takes_ten_and_keeps_the_error_of_one_part(client: TrelloClient) -> None:
    first = [{"200": {"id": str(n)}} for n in range(9)] + [{"statusCode": 404, "message": "gone", "name": "Error"}]
    responses.get(f"{BASE}/batch", json=first)
    responses.get(f"{BASE}/batch", json=[{"404": "The requested resource was not found."}])
    answers = client.batch([f"/cards/{n}" for n in range(11)])
    assert [answer["id"] for answer in answers[:9]] == [str(n) for n in range(9)]
    assert isinstance(answers[9].error, NotFound)
    assert isinstance(answers[10].error, NotFound)
    assert query(0)["urls"] == [",".join(f"/cards/{n}" for n in range(10))]
    assert query(1)["urls"] == ["/cards/10"]


@responses.activate
def test_a_limited_part_of_a_batch_stops_it(client: TrelloClient) -> None:
    responses.get(f"{BASE}/batch", json=[{"statusCode": 429, "message": "Rate limit exceeded"}])
    with pytest.raises(RateLimited):
        client.batch(["/cards/1"])


@responses.activate
def test_a_page_of_actions_that_comes_twice_raises(client: TrelloClient) -> None:
    page = [{"id": str(n), "type": "x", "date": "2026-01-01"} for n in range(1000)]
    responses.get(f"{BASE}/boards/1/actions", json=page)
    with pytest.raises(Malformed, match="twice"):
        list(client.action_pages("/boards/1/actions", since="0"))
    assert query(1)["before"] == ["999"]
