"""What is sent to Zoho, and how its answers are read, without the stand-in."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
import responses

from connectors.base import Write
from connectors.context import Context
from connectors.errors import AuthFailed, Malformed, Misconfigured, ScopeMissing, WriteForbidden
from connectors.sandbox.clock import START, VirtualClock
from connectors.zoho_crm import Settings, ZohoCrm
from connectors.zoho_crm.crawl import Place
from connectors.zoho_crm.models import Info

TOKEN = "https://accounts.zoho.eu/oauth/v2/token"
ME = {"users": [{"id": "7", "full_name": "Hub"}]}


class NoTokens:
    def load(self, name: str) -> str | None:
        return None

    def save(self, name: str, secret: str) -> None:
        raise AssertionError("nothing to remember")


def connect(clock: VirtualClock | None = None, access="write", **changes) -> ZohoCrm:
    settings = Settings(
        **{"data_center": "eu", "client_id": "1000.ID", "client_secret": "s3cret", "refresh_token": "r3fresh"} | changes
    )
    return ZohoCrm(settings, Context(name="crm", clock=clock or VirtualClock(), tokens=NoTokens(), access=access))


def granted(domain="https://www.zohoapis.eu", token="t1") -> None:  # noqa: S107
    answer = {"access_token": token, "api_domain": domain, "token_type": "Bearer", "expires_in": 3600}
    responses.post(TOKEN, json=answer)


def org(domain: str = "https://www.zohoapis.eu") -> None:
    responses.get(f"{domain}/crm/v8/org", json={"org": [{"id": "9", "zgid": "60"}]})
    responses.get(f"{domain}/crm/v8/users", json=ME)


@responses.activate
@pytest.mark.parametrize(
    ("error", "cure"),
    [("invalid_code", "data_center"), ("invalid_client", "data_center"), ("invalid_client_secret", "client secret")],
)
def test_an_error_that_comes_with_http_200_is_a_failed_sign_in_with_a_cure(error, cure):
    responses.post(TOKEN, json={"error": error}, status=200)
    with pytest.raises(AuthFailed) as raised:
        connect().check()
    assert cure in str(raised.value)
    assert "'eu'" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert "r3fresh" not in str(raised.value)
    assert len(responses.calls) == 1


@responses.activate
def test_credentials_travel_in_the_form_never_in_the_address():
    granted()
    org()
    connect().check()
    request = responses.calls[0].request
    assert request.url == TOKEN
    assert parse_qs(request.body) == {
        "grant_type": ["refresh_token"],
        "client_id": ["1000.ID"],
        "client_secret": ["s3cret"],
        "refresh_token": ["r3fresh"],
    }
    assert responses.calls[1].request.headers["Authorization"] == "Zoho-oauthtoken t1"


@responses.activate
def test_the_token_answer_says_where_the_account_lives():
    granted("https://www.zohoapis.in")
    org("https://www.zohoapis.in")
    assert connect().check().site == "60"


@responses.activate
def test_a_configured_address_beats_the_token_answer():
    granted("https://www.zohoapis.in")
    org("https://proxy.example/zoho")
    assert connect(base_url="https://proxy.example/zoho").check().id == "7"


@responses.activate
def test_what_a_person_signed_in_with_says_where_the_account_lives():
    class Kept(NoTokens):
        def load(self, name: str) -> str | None:
            return {"refresh_token": "kept-r", "data_center": "in"}.get(name)

    token = responses.post("https://accounts.zoho.in/oauth/v2/token", json={"access_token": "t1", "expires_in": 3600})
    org("https://www.zohoapis.in")
    settings = Settings(client_id="1000.ID", client_secret="s3cret")
    crm = ZohoCrm(settings, Context(name="crm", clock=VirtualClock(), tokens=Kept()))
    assert crm.check().site == "60"
    assert parse_qs(token.calls[0].request.body)["refresh_token"] == ["kept-r"]
    assert len(responses.calls) == 3


@responses.activate
def test_a_refused_token_is_renewed_once_for_all_threads():
    granted(token="old")
    granted(token="new")
    url = "https://www.zohoapis.eu/crm/v8/users"

    def answer(request):
        if request.headers["Authorization"].endswith("old"):
            return 401, {}, '{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}'
        return 200, {}, '{"users":[{"id":"7"}],"info":{"more_records":false}}'

    responses.add_callback(responses.GET, url, callback=answer)
    crm = connect()
    threads = [threading.Thread(target=lambda: list(crm.pull("users"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([call for call in responses.calls if call.request.url == TOKEN]) == 2


@pytest.mark.parametrize("unit", [1, 1000])
@responses.activate
def test_too_many_requests_wait_until_the_reset_the_service_names(unit: int):
    clock = VirtualClock()
    granted()
    body = {"code": "TOO_MANY_REQUESTS", "details": {}, "message": "slow down", "status": "error"}
    reset = str((int(START.timestamp()) + 45) * unit)
    responses.get("https://www.zohoapis.eu/crm/v8/org", json=body, status=429, headers={"X-RATELIMIT-RESET": reset})
    org()
    connect(clock).check()
    assert (clock.now() - START).total_seconds() == pytest.approx(45)


@responses.activate
def test_a_missing_scope_and_an_unknown_module_stop_with_a_cure():
    granted()
    refused = {"code": "OAUTH_SCOPE_MISMATCH", "details": {}, "message": "invalid oauth scope", "status": "error"}
    responses.get("https://www.zohoapis.eu/crm/v8/org", json=refused, status=401)
    with pytest.raises(ScopeMissing, match="scopes"):
        connect().check()
    unknown = {"code": "INVALID_MODULE", "details": {}, "message": "seems to be invalid", "status": "error"}
    granted()
    responses.get("https://www.zohoapis.eu/crm/v8/settings/fields", json=unknown, status=400)
    with pytest.raises(Misconfigured, match="no such module"):
        list(connect().pull("Deals"))


@responses.activate
def test_a_read_only_connection_signs_in_but_writes_nothing():
    granted()
    responses.get(
        "https://www.zohoapis.eu/crm/v8/settings/fields",
        json={"fields": [{"api_name": "Deal_Name", "data_type": "text"}]},
    )
    crm = connect(access="read")
    with pytest.raises(WriteForbidden):
        list(crm.push("Deals", [Write(intent="1", kind="create", values={"Deal_Name": "x"})], lambda: None))
    assert [call.request.method for call in responses.calls] == ["POST", "GET"]


@responses.activate
def test_an_answer_with_one_error_for_the_whole_body_and_status_202_is_a_refusal():
    granted()
    refused = {"status": "error", "code": "MANDATORY_NOT_FOUND", "message": "missing", "details": {"api_name": "data"}}
    responses.post("https://www.zohoapis.eu/crm/v8/Notes", json=refused, status=202)
    (outcome,) = connect().push("Notes", [Write(intent="1", kind="create", values={})], lambda: None)
    assert (outcome.status, outcome.code, outcome.field) == ("refused", "MANDATORY_NOT_FOUND", "data")


def test_paging_goes_over_to_tokens_at_two_thousand_records_and_refuses_to_circle():
    place = Place().opened(datetime(2026, 11, 2, tzinfo=UTC))
    for page in range(2, 11):
        place = place.after_records(Info(more_records=True, next_page_token="a"), ["1"])
        assert (place.page, place.token) == (page, None)
    place = place.after_records(Info(more_records=True, next_page_token="a"), ["1"])
    assert place.token == "a"
    with pytest.raises(Malformed, match="page token"):
        place.after_records(Info(more_records=True, next_page_token="a"), ["1"])
