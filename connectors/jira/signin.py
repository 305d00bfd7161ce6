"""Signing in to Atlassian: API tokens, and OAuth 2.0 with refresh tokens that change at every use."""

from __future__ import annotations

from typing import Any

from connectors.auth import Auth, Basic, Bearer
from connectors.base import Context
from connectors.errors import AuthFailed, RecordRefused
from connectors.http import Http
from connectors.jira.settings import Settings

TOKEN_PATH = "/oauth/token"  # noqa: S105  (a path)


def auth(settings: Settings, context: Context) -> Auth:
    """What signs this connection's requests."""
    if settings.email is not None and settings.token is not None:
        return Basic(settings.email, settings.token.get_secret_value())
    return Bearer(context.clock, _Refresh(settings, context))


class _Refresh:
    """Trades the refresh token for an access token and keeps the next refresh token in the token store."""

    def __init__(self, settings: Settings, context: Context) -> None:
        # Fetching a token changes no data of anybody, so `access: read` must not refuse it; and Atlassian accepts
        # a used refresh token again for some minutes, so a lost answer may be asked for again.
        self._http = Http(context, settings.accounts_url, reading_posts=[TOKEN_PATH])
        self._settings = settings
        self._tokens = context.tokens
        self._slot = f"{context.name}.refresh_token"

    def __call__(self) -> tuple[str, float]:
        configured = self._settings.refresh_token
        known = [self._tokens.load(self._slot), configured.get_secret_value() if configured else None]
        candidates = list(dict.fromkeys(token for token in known if token))
        for last, token in enumerate(candidates, 1 - len(candidates)):
            try:
                return self._fetch(token)
            except (AuthFailed, RecordRefused) as error:
                if last == 0:
                    raise AuthFailed(
                        f"POST {TOKEN_PATH}: {error.status}: the refresh token is not accepted; sign in again",
                        status=error.status,
                    ) from None
        raise AuthFailed("no refresh token: sign in first")

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
        access = answer.get("access_token")
        if not isinstance(access, str):
            raise AuthFailed(f"POST {TOKEN_PATH}: the answer holds no access token")
        renewed = answer.get("refresh_token")
        if isinstance(renewed, str):
            self._tokens.save(self._slot, renewed)
        return access, float(answer.get("expires_in") or 3600)
