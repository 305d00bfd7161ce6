"""Access tokens from what signs a connection in. Zoho's sign-in host reports most errors with HTTP 200.

What the configuration does not hold comes from the connection's token store, where signing in by hand put it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode, urlsplit

import msgspec

from connectors.answer import Answer
from connectors.auth import keep, kept
from connectors.budget import Budget
from connectors.context import Context
from connectors.errors import AuthFailed, ConnectorError, RateLimited
from connectors.http import Http
from connectors.zoho_crm.models import Token
from connectors.zoho_crm.scopes import parsed
from connectors.zoho_crm.settings import DATA_CENTERS, DataCenter, Settings

PATH = "/oauth/v2/token"
REFRESH = "refresh_token"
CENTER = "data_center"
SCOPES = "scopes"

CURES = {
    "invalid_code": "the {what} is not known in data centre {dc!r}: it is revoked, mistyped, or the account "
    "lives in another one; set `data_center` to where the account was opened, or sign in again",
    "invalid_client": "the client id is not known in data centre {dc!r}: check `client_id` and `data_center`, or "
    "switch on multi-DC support for the client in the API console",
    "invalid_client_secret": "the client secret does not belong to the client id in data centre {dc!r}",
    "access_denied": "the account may not use this client",
}


class Known:
    """Where the account lives and what signs it in: as configured, else as a person gave it when signing in."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._center: DataCenter | None = None

    @property
    def center(self) -> DataCenter:
        """Raises ``AuthFailed`` where nobody has said it yet."""
        if self._center is None:
            name = self._settings.data_center or self._context.tokens.load(CENTER)
            found = next((center for known, center in DATA_CENTERS.items() if known == name), None)
            if found is None:
                raise self._missing()
            self._center = found
        return self._center

    @property
    def center_name(self) -> str:
        return next(name for name, center in DATA_CENTERS.items() if center == self.center)

    def refresh_token(self) -> str:
        """Raises ``AuthFailed`` where there is none."""
        configured = self._settings.refresh_token
        token = configured.get_secret_value() if configured else self._context.tokens.load(REFRESH)
        if not token:
            raise self._missing()
        return token

    def scopes(self) -> list[str]:
        """What was granted, where that was told when a person signed in."""
        return parsed(self._context.tokens.load(SCOPES)) if self._settings.refresh_token is None else []

    def _missing(self) -> AuthFailed:
        return AuthFailed(f"no credentials for {self._context.name}: run `keepstep login {self._context.name}`")


class SignIn:
    """Fetches access tokens, and tells where the account's API lives."""

    def __init__(
        self, context: Context, settings: Settings, known: Known, budget: Budget, moved: Callable[[str], None]
    ) -> None:
        self._context = context
        self._settings = settings
        self._known = known
        self._moved = moved
        self._budget = budget
        self._told: list[str] = []

    def scopes(self) -> Sequence[str]:
        """What the token may do, as the service told last; empty where it never did."""
        return self._told or self._known.scopes()

    def fetch(self) -> tuple[str, float]:
        """A fresh token and its lifetime in seconds. Raises ``AuthFailed`` with the cure when a person must act."""
        refresh = self._known.refresh_token()
        exchange = Exchange(self._context, self._settings, self._known.center_name, "refresh token", self._budget)
        token = exchange.trade(grant_type="refresh_token", refresh_token=refresh)
        access = token.access_token or ""
        told = {"scope": token.scope or "", "api": token.api_domain or ""}
        self._take(told)
        keep(self._context, self._credential(), access, token.expires_in, **told)
        return access, token.expires_in

    def kept(self) -> tuple[str, float] | None:
        """The token that a former process fetched, and the seconds it has left. Raises ``AuthFailed``."""
        found = kept(self._context, self._credential())
        if found is None:
            return None
        granted, left = found
        self._take(granted.told)
        return granted.token, left

    def _take(self, told: Mapping[str, str]) -> None:
        self._told = parsed(told.get("scope")) or self._told
        api = told.get("api", "")
        self._moved(api if urlsplit(api).scheme == "https" else self._known.center.api)

    def _credential(self) -> str:
        """What a token is gained with, and where."""
        secret = self._settings.client_secret.get_secret_value()
        own = (self._settings.client_id, secret, self._known.refresh_token())
        return "\n".join((self._known.center_name, self._settings.accounts_url or "", *own))


class Exchange:
    """The sign-in host of one data centre. ``what`` is traded there: an error names it with the cure."""

    def __init__(
        self, context: Context, settings: Settings, center: str, what: str, budget: Budget | None = None
    ) -> None:
        self._settings = settings
        self._center = center
        self._what = what
        address = settings.accounts_url or next(
            known.accounts for name, known in DATA_CENTERS.items() if name == center
        )
        # Fetching a token changes no data of anybody, so `access: read` must not refuse it.
        self._http = Http(
            context, address, budget=budget, classify=self._classify, reading_posts=[PATH], limit="sign_in"
        )

    def trade(self, **grant: str) -> Token:
        """An answer with an access token. Raises ``AuthFailed`` with the cure when a person must act."""
        secret = self._settings.client_secret.get_secret_value()
        form = urlencode({"client_id": self._settings.client_id, "client_secret": secret, **grant})
        answer = self._http.read("POST", PATH, data=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
        token = answer.decode(Token)
        if not token.access_token:
            raise AuthFailed(f"POST {PATH}: {answer.status} without an access token", status=answer.status)
        return token

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
        cure = CURES.get(code, "sign in again").format(dc=self._center, what=self._what)
        return AuthFailed(f"{what}: {cure}", status=answer.status, code=code)
