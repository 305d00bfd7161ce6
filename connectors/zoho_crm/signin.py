"""Access tokens from a refresh token. Zoho's sign-in host reports most errors with HTTP 200."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import msgspec

from connectors.base import Context
from connectors.budget import Budget
from connectors.errors import AuthFailed, ConnectorError, RateLimited
from connectors.http import Answer, Http
from connectors.zoho_crm.models import Token
from connectors.zoho_crm.settings import Settings

PATH = "/oauth/v2/token"

CURES = {
    "invalid_code": "the refresh token is not known in data centre {dc!r}: it is revoked, mistyped, or the account "
    "lives in another one; set `data_center` to where the account was opened, or sign in again",
    "invalid_client": "the client id is not known in data centre {dc!r}: check `client_id` and `data_center`, or "
    "switch on multi-DC support for the client in the API console",
    "invalid_client_secret": "the client secret does not belong to the client id in data centre {dc!r}",
    "access_denied": "the account may not use this client",
}


class SignIn:
    """Fetches access tokens, and tells where the account's API lives."""

    def __init__(self, context: Context, settings: Settings, budget: Budget, moved: Callable[[str], None]) -> None:
        self._settings = settings
        self._moved = moved
        self._http = Http(
            context,
            settings.accounts_url or settings.center.accounts,
            budget=budget,
            classify=self._classify,
            reading_posts=[PATH],
        )

    def fetch(self) -> tuple[str, float]:
        """A fresh token and its lifetime in seconds. Raises ``AuthFailed`` with the cure when a person must act."""
        form = urlencode(
            {
                "grant_type": "refresh_token",
                "client_id": self._settings.client_id,
                "client_secret": self._settings.client_secret.get_secret_value(),
                "refresh_token": self._settings.refresh_token.get_secret_value(),
            }
        )
        answer = self._http.read("POST", PATH, data=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
        token = answer.decode(Token)
        if not token.access_token:
            raise AuthFailed(f"POST {PATH}: {answer.status} without an access token", status=answer.status)
        if token.api_domain and urlsplit(token.api_domain).scheme == "https":
            self._moved(token.api_domain)
        return token.access_token, token.expires_in

    def _classify(self, answer: Answer) -> ConnectorError | None:
        try:
            token = msgspec.json.decode(answer.body, type=Token)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return None
        if token.error is None:
            return None
        code = token.error.lower().replace(" ", "_")
        what = f"POST {PATH}: {answer.status} {code}"
        if "too many" in (token.error_description or "").lower():
            # Zoho limits how often one refresh token may be used: about ten times in ten minutes.
            return RateLimited(f"{what}: too many refreshes", retry_after=60.0, status=answer.status, code=code)
        cure = CURES.get(code, "sign in again").format(dc=self._settings.data_center)
        return AuthFailed(f"{what}: {cure}", status=answer.status, code=code)
