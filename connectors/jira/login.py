"""Signing in by hand: an API token that a person pastes, or OAuth 2.0 with three legs through a loopback address."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from connectors.auth import Auth, Basic, Bearer
from connectors.base import Account, utc
from connectors.context import Context
from connectors.errors import AuthFailed, Misconfigured, RecordRefused
from connectors.http import Http
from connectors.jira.client import Client
from connectors.jira.models import Json
from connectors.jira.records import account_of, moment
from connectors.jira.settings import API, Settings
from connectors.jira.signin import EXPIRES, REFRESH, TOKEN, TOKEN_PATH
from connectors.login import Person, SignedIn

TOKEN_PAGE = "https://id.atlassian.com/manage-profile/security/api-tokens"  # noqa: S105  (an address)
SCOPES = ("read:jira-work", "write:jira-work", "read:jira-user", "offline_access")
UNKNOWN = {"-", "?"}
"""What a person answers who does not know when the token ends."""


def login(settings: Settings, context: Context, person: Person) -> SignedIn:
    """Ask, try what was given, and return it to be kept. Raises ``AuthFailed``, ``Misconfigured``, ``Unreachable``."""
    return _by_consent(settings, context, person) if settings.oauth else _by_token(settings, context, person)


def _by_token(settings: Settings, context: Context, person: Person) -> SignedIn:
    email = settings.email or ""
    person.tell("jira_token_page", url=TOKEN_PAGE, email=email)
    token = person.ask("jira_token", secret=True).strip()
    account = _account(settings, context, Basic(email, token))
    ends = _expiry(person)
    kept = {TOKEN: token} | ({EXPIRES: ends} if ends else {})
    return SignedIn(account=account, secrets=kept, expires_at=ends)


def _expiry(person: Person) -> str | None:
    """When the token ends, which only its page says: at most a year after it was made."""
    while True:
        answer = person.ask("jira_token_expiry").strip()
        if answer in UNKNOWN:
            return None
        try:
            day = date.fromisoformat(answer)
        except ValueError:
            person.tell("jira_not_a_day", answer=answer[:40])
            continue
        return utc(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _by_consent(settings: Settings, context: Context, person: Person) -> SignedIn:
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    used: list[str] = []

    def address(redirect: str) -> str:
        used.append(redirect)
        query = {
            "audience": "api.atlassian.com",
            "client_id": settings.client_id,
            "scope": " ".join(SCOPES),
            "redirect_uri": redirect,
            "state": state,
            "response_type": "code",
            "prompt": "consent",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{settings.accounts_url.rstrip('/')}/authorize?{urlencode(query)}"

    answer = person.redirected(address)
    if not secrets.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise AuthFailed("the answer of the sign-in page belongs to another sign-in; start again")
    if "code" not in answer:
        raise AuthFailed(f"Atlassian gave no consent: {answer.get('error', 'no code in the answer')[:100]}")
    tokens = _exchange(settings, context, answer["code"], used[-1], verifier)
    access, refresh = tokens.get("access_token"), tokens.get("refresh_token")
    if not isinstance(access, str) or not isinstance(refresh, str):
        raise AuthFailed(f"POST {TOKEN_PATH}: the answer holds no refresh token; the app needs `offline_access`")
    bearer = Bearer(context.clock, lambda: (access, float(tokens.get("expires_in") or 3600)))
    _granted(settings, context, bearer)
    return SignedIn(
        account=_account(settings, context, bearer),
        secrets={REFRESH: refresh},
        scopes=str(tokens.get("scope") or "").split(),
    )


def _exchange(settings: Settings, context: Context, code: str, redirect: str, verifier: str) -> Json:
    """A code for tokens. It works once: if the answer gets lost, signing in starts again."""
    http = Http(context, settings.accounts_url, reading_posts=[TOKEN_PATH])
    secret = settings.client_secret
    body = {
        "grant_type": "authorization_code",
        "client_id": settings.client_id,
        "client_secret": secret.get_secret_value() if secret else None,
        "code": code,
        "redirect_uri": redirect,
        "code_verifier": verifier,
    }
    try:
        return http.read("POST", TOKEN_PATH, json=body).decode(dict[str, Any])
    except (AuthFailed, RecordRefused) as error:
        raise AuthFailed(f"POST {TOKEN_PATH}: {error.status}: the code is not accepted", status=error.status) from None


class _Site(msgspec.Struct):
    id: str
    url: str = ""


def _granted(settings: Settings, context: Context, bearer: Auth) -> None:
    """The consent covers the configured site. Raises ``Misconfigured`` that names those it covers."""
    http = Http(context, settings.base_url or API, auth=bearer)
    sites = http.read("GET", "/oauth/token/accessible-resources").decode(list[_Site])
    if settings.cloud_id not in {site.id for site in sites}:
        known = ", ".join(f"{site.url} ({site.id})" for site in sites) or "no site"
        raise Misconfigured(f"cloud_id {settings.cloud_id} is none of the sites of this consent: {known}")


def _account(settings: Settings, context: Context, auth: Auth) -> Account:
    client = Client(context, settings.address, auth)
    me, server = client.myself(), client.server_info()
    return Account(
        id=account_of(me) or "",
        name=str(me.get("displayName") or ""),
        site=settings.cloud_id or str(server.get("baseUrl") or settings.site),
        timezone=me.get("timeZone"),
        server_time=moment(server.get("serverTime")),
    )
