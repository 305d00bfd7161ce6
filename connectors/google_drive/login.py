"""Signing in by hand: a consent in the browser that leads back to a loopback address, with proof of who asked.

As developers.google.com/identity/protocols/oauth2/native-app describes it for clients of type *Desktop app*.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from pydantic import SecretStr

from connectors.base import utc
from connectors.context import Context
from connectors.errors import AuthFailed, Misconfigured, ScopeMissing
from connectors.google_drive.connector import GoogleDrive
from connectors.google_drive.credentials import EXPIRES, REFRESH, TokenRequest, needed_scope
from connectors.google_drive.settings import TOKEN_URL, Settings
from connectors.login import Person, SignedIn


def login(settings: Settings, context: Context, person: Person) -> SignedIn:
    """Have a consent given, try what it gained, and return it to be kept. Raises ``ConnectorError``."""
    if settings.is_service_account:
        raise Misconfigured("this connection signs in with a service account's key: there is nothing to do by hand")
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    used: list[str] = []

    def address(redirect: str) -> str:
        used.append(redirect)
        return _page(settings, context, redirect, state, verifier)

    answer = person.redirected(address)
    if not secrets.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise AuthFailed("the answer of the sign-in page belongs to another sign-in; start again")
    if "code" not in answer:
        raise AuthFailed(f"Google gave no consent: {answer.get('error', 'no code in the answer')[:100]}")
    tokens = _exchange(settings, context, answer["code"], used[-1], verifier)
    refresh, scopes = tokens.get("refresh_token"), str(tokens.get("scope") or "").split()
    if needed_scope(context) not in scopes:
        raise ScopeMissing(f"the consent lacks the scope {needed_scope(context)}: tick it on the sign-in page")
    if not isinstance(refresh, str):
        raise AuthFailed("Google's answer holds no refresh token: the client must be of type Desktop app")
    known = settings.model_copy(update={"refresh_token": SecretStr(refresh)})
    # A consent screen in status Testing, or a consent for some days, ends by itself, and says so.
    lasts = tokens.get("refresh_token_expires_in")
    ends = utc(context.clock.now() + timedelta(seconds=lasts)) if isinstance(lasts, int) else None
    return SignedIn(
        account=GoogleDrive(known, context).check(),
        secrets={REFRESH: refresh} | ({EXPIRES: ends} if ends else {}),
        scopes=scopes,
        expires_at=ends,
    )


def _page(settings: Settings, context: Context, redirect: str, state: str, verifier: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": settings.client_id,
        "redirect_uri": redirect,
        "response_type": "code",
        "scope": needed_scope(context),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "access_type": "offline",
        # Without it a second consent gains no refresh token.
        "prompt": "consent",
    }
    return f"{settings.accounts_url.rstrip('/')}/o/oauth2/v2/auth?{urlencode(query)}"


def _exchange(settings: Settings, context: Context, code: str, redirect: str, verifier: str) -> dict[str, Any]:
    """A code for tokens. It works once: if the answer gets lost, signing in starts again."""
    secret = settings.client_secret
    form = {
        "grant_type": "authorization_code",
        "client_id": settings.client_id or "",
        "client_secret": secret.get_secret_value() if secret else "",
        "code": code,
        "redirect_uri": redirect,
        "code_verifier": verifier,
    }
    answer = TokenRequest(context)(
        settings.token_url or TOKEN_URL,
        "POST",
        urlencode(form).encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    told: dict[str, Any] = msgspec.json.decode(answer.data)
    if answer.status >= 400:
        words = f"{told.get('error')} {told.get('error_description', '')}".strip()
        raise AuthFailed(f"sign-in to Google refused: {words[:200]}", status=answer.status)
    return told
