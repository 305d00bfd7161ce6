"""Signing requests to Atlassian: API tokens, and OAuth 2.0 with refresh tokens that change at every use.

What the configuration does not hold comes from the connection's token store, where signing in by hand put it.
"""

from __future__ import annotations

from typing import Any

import requests

from connectors.auth import Auth, Basic, Bearer, keep, kept
from connectors.context import Context
from connectors.errors import AuthFailed, RecordRefused
from connectors.http import Http
from connectors.jira.settings import Settings

TOKEN_PATH = "/oauth/token"  # noqa: S105  (a path)
TOKEN = "token"  # noqa: S105  (names of slots in the token store)
EXPIRES = "token_expires"
REFRESH = "refresh_token"
BEFORE = "refresh_token_before"


def auth(settings: Settings, context: Context) -> Auth:
    """What signs this connection's requests. Without credentials the first request raises ``AuthFailed``."""
    if settings.oauth:
        refresh = _Refresh(settings, context)
        return Bearer(context.clock, refresh.fetch, kept=refresh.kept)
    return _ApiToken(settings, context)


def _missing(context: Context) -> AuthFailed:
    return AuthFailed(f"no credentials for {context.name}: run `keepstep login {context.name}`")


class _ApiToken(Auth):
    """E-mail and token: the configured one, else the one that a person gave when signing in."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._email = settings.email or ""
        self._configured = settings.token
        self._context = context
        self._basic: Basic | None = None

    def prepare(self) -> None:
        if self._basic is None:
            configured = self._configured.get_secret_value() if self._configured else None
            token = configured or self._context.tokens.load(TOKEN)
            if not token:
                raise _missing(self._context)
            self._basic = Basic(self._email, token)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return self._basic(request) if self._basic is not None else request


class _Refresh:
    """Trades the refresh token for an access token. The next refresh token is stored before anything is done with the
    answer; the one before it is kept, and tried once where a crash left the store behind the service."""

    def __init__(self, settings: Settings, context: Context) -> None:
        # Fetching a token changes no data of anybody, so `access: read` must not refuse it; and Atlassian accepts
        # a used refresh token again for some minutes, so a lost answer may be asked for again.
        self._http = Http(context, settings.accounts_url, reading_posts=[TOKEN_PATH], limit="sign_in")
        self._settings = settings
        self._context = context

    def kept(self) -> tuple[str, float] | None:
        """The token that a former process fetched, and the seconds it has left."""
        for token in self._candidates()[:1]:
            found = kept(self._context, self._credential(token))
            if found is not None:
                return found[0].token, found[1]
        return None

    def _candidates(self) -> list[str]:
        """Refresh tokens, the newest first."""
        tokens, configured = self._context.tokens, self._settings.refresh_token
        known = [tokens.load(REFRESH), tokens.load(BEFORE), configured.get_secret_value() if configured else None]
        return list(dict.fromkeys(token for token in known if token))

    def _credential(self, token: str) -> str:
        secret = self._settings.client_secret
        own = (self._settings.client_id or "", secret.get_secret_value() if secret else "", token)
        return "\n".join((self._settings.accounts_url, *own))

    def fetch(self) -> tuple[str, float]:
        """A fresh token and its lifetime in seconds. Raises ``AuthFailed`` where a person must sign in again."""
        candidates = self._candidates()
        for last, token in enumerate(candidates, 1 - len(candidates)):
            try:
                return self._fetch(token)
            except (AuthFailed, RecordRefused) as error:
                if last == 0:
                    raise AuthFailed(
                        f"POST {TOKEN_PATH}: {error.status}: the refresh token is not accepted;"
                        f" run `keepstep login {self._context.name}`",
                        status=error.status,
                    ) from None
        raise _missing(self._context)

    def _fetch(self, token: str) -> tuple[str, float]:
        secret = self._settings.client_secret
        answer: dict[str, Any] = self._http.read(
            "POST",
            TOKEN_PATH,
            json={
                "grant_type": "refresh_token",
                "client_id": self._settings.client_id,
                "client_secret": secret.get_secret_value() if secret else None,
                "refresh_token": token,
            },
        ).decode(dict[str, Any])
        renewed = answer.get("refresh_token")
        if isinstance(renewed, str):
            self._context.tokens.save(BEFORE, token)
            self._context.tokens.save(REFRESH, renewed)
        access = answer.get("access_token")
        if not isinstance(access, str):
            raise AuthFailed(f"POST {TOKEN_PATH}: the answer holds no access token")
        lifetime = float(answer.get("expires_in") or 3600)
        keep(self._context, self._credential(renewed if isinstance(renewed, str) else token), access, lifetime)
        return access, lifetime
