"""The token endpoint: a refresh token or a service account's signed assertion for an access token."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from connectors.base import Clock
from connectors.google_drive.refusals import SCOPE
from connectors.google_drive.sandbox.people import HUB, Person, person
from connectors.sandbox.exchange import Refusal, Request, Response

CLIENT_ID = "sandbox.apps.googleusercontent.com"
CLIENT_SECRET = "sandbox-client-secret"
REFRESH_TOKEN = "sandbox-refresh-token"
LIFETIME = 3599
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Tokens:
    """Access tokens by value. The signature of an assertion is not verified, its claims are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live: dict[str, tuple[Person, str, float]] = {}
        self._issued = 0
        self.scope = SCOPE
        """What a refresh token was granted; a service account asks for its scope itself."""
        self.lasts: int | None = None
        """Seconds after which refresh tokens of new consents end; None: they do not."""
        self.withheld: set[str] = set()
        """Scopes that people leave unticked when they consent."""
        self._codes: dict[str, tuple[str, str, str]] = {}
        """Codes of consents: redirect, challenge and scope."""
        self.service_accounts: set[str] = set()
        self.delegated: set[str] = set()
        """Service accounts with domain-wide delegation."""

    def holder(self, request: Request) -> tuple[Person, str] | None:
        """Who sent the request and with which scope; None without a token that lives."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = self._live.get(token) if scheme == "Bearer" else None
        if found is None or found[2] <= self._clock.monotonic():
            return None
        return found[0], found[1]

    def answer(self, request: Request) -> Response:
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        match form.get("grant_type"):
            case "refresh_token":
                return self._refresh(form)
            case "authorization_code":
                return self._redeem(form)
            case grant if grant == JWT_BEARER:
                return self._assertion(form)
            case _:
                raise _refused("unsupported_grant_type", "Invalid grant_type")

    def consent(self, address: str) -> dict[str, str]:
        """A person agrees on the sign-in page at ``address``: the query with which the browser is sent back."""
        asked = dict(parse_qsl(urlsplit(address).query))
        scope = " ".join(each for each in asked["scope"].split() if each not in self.withheld)
        self._issued += 1
        code = f"4/sandbox-{self._issued}"
        self._codes[code] = (asked["redirect_uri"], asked["code_challenge"], scope)
        return {"state": asked["state"], "code": code, "scope": scope}

    def _redeem(self, form: dict[str, str]) -> Response:
        self._known_client(form)
        redirect, challenge, scope = self._codes.pop(form.get("code", ""), ("", "", ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        shown = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not redirect or form.get("redirect_uri") != redirect:
            raise _refused("invalid_grant", "Malformed auth code.")
        if shown != challenge:
            raise _refused("invalid_grant", "Invalid code verifier.")
        more = {"refresh_token": REFRESH_TOKEN} | ({"refresh_token_expires_in": self.lasts} if self.lasts else {})
        return self._issue(person(HUB), scope, more)

    def _known_client(self, form: dict[str, str]) -> None:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            raise _refused("invalid_client", "The OAuth client was not found.", 401)

    def _refresh(self, form: dict[str, str]) -> Response:
        self._known_client(form)
        if form.get("refresh_token") != REFRESH_TOKEN:
            raise _refused("invalid_grant", "Token has been expired or revoked.")
        return self._issue(person(HUB), self.scope)

    def _assertion(self, form: dict[str, str]) -> Response:
        claims = _claims(form.get("assertion", ""))
        issuer, subject = str(claims.get("iss", "")), claims.get("sub")
        if issuer not in self.service_accounts:
            raise _refused("invalid_grant", "Invalid JWT: account not found")
        if subject and subject != issuer and issuer not in self.delegated:
            raise _refused(
                "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method", 401
            )
        return self._issue(person(str(subject or issuer)), str(claims.get("scope", "")))

    def _issue(self, holder: Person, scope: str, more: Mapping[str, Any] | None = None) -> Response:
        self._issued += 1
        token = f"ya29.sandbox-{self._issued}"
        self._live[token] = (holder, scope, self._clock.monotonic() + LIFETIME)
        told = {"access_token": token, "expires_in": LIFETIME, "scope": scope, "token_type": "Bearer"}
        return Response.json(told | dict(more or {}))

    def revoke_all(self) -> None:
        self._live.clear()


def _claims(assertion: str) -> dict[str, Any]:
    parts = assertion.split(".")
    try:
        text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = msgspec.json.decode(text, type=dict[str, Any])
    except (IndexError, binascii.Error, msgspec.DecodeError, msgspec.ValidationError):
        raise _refused("invalid_grant", "Invalid JWT") from None
    if len(parts) != 3 or not parts[2]:
        raise _refused("invalid_grant", "Invalid JWT: no signature")
    return claims


def _refused(code: str, words: str, status: int = 400) -> Refusal:
    return Refusal(status, {"error": code, "error_description": words})
