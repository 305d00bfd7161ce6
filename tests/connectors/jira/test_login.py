"""Signing in by hand: what a person is asked, what is tried, what is kept, and what is told when it fails."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from connectors.context import Context
from connectors.errors import AuthFailed, Misconfigured
from connectors.jira import CONNECTOR
from connectors.jira.login import SCOPES
from connectors.jira.sandbox import HUB_EMAIL, HUB_TOKEN
from connectors.jira.sandbox.site import HUB_REFRESH
from connectors.sandbox.hosting import SandboxTransport
from tests.connectors.jira.conftest import SITE

LOOPBACK = "http://127.0.0.1:8765/"
OAUTH = {"client_id": "c", "client_secret": "hush", "cloud_id": "cid", "accounts_url": SITE}


class Somebody:
    """Answers in order, and agrees on the sign-in page."""

    def __init__(self, sandbox, *answers, **altered):
        self.sandbox, self.answers, self.altered = sandbox, list(answers), altered
        self.told, self.asked, self.pages = [], [], []

    def tell(self, code, **params):
        self.told.append((code, params))

    def ask(self, code, *, secret=False, **params):
        self.asked.append((code, secret))
        return self.answers.pop(0)

    def redirected(self, address):
        self.pages.append(address(LOOPBACK))
        return {**self.sandbox.consent(self.pages[-1]), **self.altered}


def signed_in(desk, person, **settings):
    chosen = CONNECTOR.settings(url=SITE, base_url=SITE, **settings)
    context = Context("tracker", desk.clock, desk.tokens, transport=SandboxTransport(desk.sandbox))
    return CONNECTOR.login(chosen, context, person)


def test_a_token_is_asked_for_tried_and_kept_with_its_end(desk):
    person = Somebody(desk.sandbox, f" {HUB_TOKEN} ", "next year", "2027-10-01")
    gained = signed_in(desk, person, email=HUB_EMAIL)
    assert person.told[0][1]["url"] == "https://id.atlassian.com/manage-profile/security/api-tokens"
    assert person.asked == [("jira_token", True), ("jira_token_expiry", False), ("jira_token_expiry", False)]
    assert person.told[1] == ("jira_not_a_day", {"answer": "next year"})
    assert gained.account.id == desk.sandbox.hub.id
    assert gained.expires_at == "2027-10-01T00:00:00.000Z"
    assert gained.secrets == {"token": HUB_TOKEN, "token_expires": gained.expires_at}
    assert HUB_TOKEN not in repr(gained)
    assert desk.tokens.kept == {}

    desk.tokens.kept.update(gained.secrets)
    assert desk.connect(token=None).check().id == desk.sandbox.hub.id


def test_who_does_not_know_when_a_token_ends_may_say_so(desk):
    gained = signed_in(desk, Somebody(desk.sandbox, HUB_TOKEN, "?"), email=HUB_EMAIL)
    assert (gained.expires_at, set(gained.secrets)) == (None, {"token"})


def test_a_wrong_token_is_told_and_not_kept(desk):
    with pytest.raises(AuthFailed) as caught:
        signed_in(desk, Somebody(desk.sandbox, "wrong-token-123"), email=HUB_EMAIL)
    assert "wrong-token-123" not in str(caught.value)


def test_without_any_credentials_the_cure_is_named(desk):
    for jira in (
        desk.connect(token=None),
        desk.connect(token=None, email=None, **OAUTH),
    ):
        with pytest.raises(AuthFailed, match="run `keepstep login tracker`"):
            jira.check()
    assert desk.sandbox.traffic == []


def test_consent_gains_a_refresh_token_by_code_state_and_proof(desk):
    person = Somebody(desk.sandbox)
    gained = signed_in(desk, person, **OAUTH)
    asked = {name: found[0] for name, found in parse_qs(urlsplit(person.pages[0]).query).items()}
    assert (asked["scope"].split(), asked["code_challenge_method"]) == (list(SCOPES), "S256")
    assert (asked["redirect_uri"], asked["audience"]) == (LOOPBACK, "api.atlassian.com")
    [sent] = [request.json() for request, _ in desk.sandbox.traffic if request.path == "/oauth/token"]
    assert (sent["grant_type"], sent["redirect_uri"]) == ("authorization_code", LOOPBACK)
    assert len(sent["code_verifier"]) >= 43
    assert sent["code_verifier"] not in person.pages[0]
    assert "read:jira-work" in gained.scopes
    desk.tokens.kept.update(gained.secrets)
    assert desk.connect(token=None, email=None, **OAUTH).check().id == desk.sandbox.hub.id


@pytest.mark.parametrize(
    ("altered", "said"),
    [
        ({"state": "of-another"}, "another sign-in"),
        ({"state": "\u00e9"}, "another sign-in"),
        ({"code": "code-nobody-gave"}, "not accepted"),
    ],
)
def test_an_answer_of_another_sign_in_gains_nothing(desk, altered, said):
    with pytest.raises(AuthFailed, match=said):
        signed_in(desk, Somebody(desk.sandbox, **altered), **OAUTH)


def test_a_person_who_declines_is_believed(desk):
    class Declines(Somebody):
        def redirected(self, address):
            answer = super().redirected(address)
            return {"state": answer["state"], "error": "access_denied"}

    with pytest.raises(AuthFailed, match="access_denied"):
        signed_in(desk, Declines(desk.sandbox), **OAUTH)


def test_a_consent_for_another_site_names_the_sites_it_covers(desk):
    with pytest.raises(Misconfigured, match=rf"cloud_id other .*{SITE} \(cid\)"):
        signed_in(desk, Somebody(desk.sandbox), **{**OAUTH, "cloud_id": "other"})


def test_the_token_before_is_tried_once_where_a_crash_left_the_store_behind(desk):
    desk.tokens.kept |= {"refresh_token": "never-arrived", "refresh_token_before": HUB_REFRESH}
    jira = desk.connect(token=None, email=None, **OAUTH)
    assert jira.check().id == desk.sandbox.hub.id
    sent = [request.json()["refresh_token"] for request, _ in desk.sandbox.traffic if request.path == "/oauth/token"]
    assert sent == ["never-arrived", HUB_REFRESH]
    assert desk.tokens.kept["refresh_token_before"] == HUB_REFRESH
    assert desk.tokens.kept["refresh_token"] not in sent


def test_the_next_token_is_stored_before_the_answer_is_used(desk):
    class Full(Exception):
        pass

    def save(name, secret):
        raise Full

    desk.tokens.kept["refresh_token"] = HUB_REFRESH
    desk.tokens.save = save
    with pytest.raises(Full):
        desk.connect(token=None, email=None, **OAUTH).check()
    assert [request.path for request, _ in desk.sandbox.traffic] == ["/oauth/token"]


@pytest.mark.parametrize(
    "given",
    [{}, {"token": "t"}, {"client_id": "c", "client_secret": "s"}, {"email": "a@b.example", **OAUTH}],
)
def test_half_a_way_to_sign_in_is_a_mistake(given):
    with pytest.raises(ValidationError, match="give email"):
        CONNECTOR.settings(url=SITE, **given)
