"""Signing in: google-auth makes and refreshes the tokens, our session carries its requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import msgspec
import requests
from requests.adapters import HTTPAdapter

from connectors.auth import Bearer, keep, kept
from connectors.context import Context
from connectors.errors import AuthFailed, Fatal, Malformed, Misconfigured, ScopeMissing, Transient, Unreachable
from connectors.google_drive.refusals import SCOPE
from connectors.google_drive.settings import TOKEN_URL, Settings
from connectors.http import CONNECT_TIMEOUT, READ_TIMEOUT, misconfigured, never_left

SCOPES = "scopes"
LIFETIME = 3599.0
"""Seconds a token lives where the service does not say."""
LONGEST = 10_000_000.0
"""Seconds that no token of a sign-in lives: more is no lifetime."""

ROBOT_CURES = {
    "signature": "its key was deleted; make a new one and name it in `service_account_file`",
    "short-lived": "the clock of this machine is wrong; set it",
    "account not found": "there is no such service account any more; make a new one with a key",
    "invalid email or user": "`subject` names nobody in the domain",
}
"""What Google says of an assertion that it refuses -> what to do (cloud.google.com/iam/docs, "Troubleshoot OAuth")."""

REFRESH = "refresh_token"
EXPIRES = "refresh_token_expires"
"""Names of slots in the token store, where signing in by hand puts the refresh token and when it ends."""


def sign_in(settings: Settings, context: Context) -> tuple[Bearer, TokenRequest]:
    """An auth object for the configured credentials, and the counter of its own requests."""
    request = TokenRequest(context)
    robot = _service_account(settings, context) if settings.is_service_account else None

    def fetch() -> tuple[str, float]:
        token, lifetime = _fetch(robot or _user(settings, context), request, settings, context)
        told = {} if request.scopes is None else {SCOPES: " ".join(request.scopes)}
        keep(context, _gained_with(settings, context), token, lifetime, **told)
        return token, lifetime

    def found() -> tuple[str, float] | None:
        former = kept(context, _gained_with(settings, context))
        if former is None:
            return None
        granted, left = former
        request.scopes = tuple(granted.told[SCOPES].split()) if SCOPES in granted.told else None
        return granted.token, left

    return Bearer(context.clock, fetch, kept=found), request


def _gained_with(settings: Settings, context: Context) -> str:
    """What an access token is gained with, and for what. Raises ``AuthFailed``, ``Misconfigured``."""
    if settings.is_service_account:
        own: dict[str, Any] = {"key": _key(settings), "subject": settings.subject, "scope": needed_scope(context)}
    else:
        secret = settings.client_secret.get_secret_value() if settings.client_secret else None
        own = {"client": settings.client_id, "secret": secret, "refresh": _refresh_token(settings, context)}
    return json.dumps(own | {"at": settings.token_url}, sort_keys=True)


def _fetch(credentials: Any, request: TokenRequest, settings: Settings, context: Context) -> tuple[str, float]:
    from google.auth.exceptions import GoogleAuthError

    try:
        credentials.refresh(request)
    except GoogleAuthError as error:
        # The cause is left out on purpose: its text may carry the assertion.
        raise _refusal(error, settings, needed_scope(context)) from None
    return str(credentials.token), request.lifetime


def _refusal(error: Exception, settings: Settings, scope: str) -> Fatal:
    """What a refused sign-in means. Signing in again mends a person's consent, and never a service account's."""
    code, words = _reason(error)
    what = f"sign-in to Google refused: {code} {words}".rstrip()
    if code in ("admin_policy_enforced", "org_internal"):
        return ScopeMissing(f"{what}: an administrator of the domain must allow this client", code=code)
    if not settings.is_service_account:
        of_client = code in ("invalid_client", "unauthorized_client", "deleted_client", "disabled_client")
        cure = ": check `client_id` and `client_secret` in the Google Cloud console" if of_client else ""
        return AuthFailed(what + cure, code=code)
    account = service_account_name(settings)
    if code == "unauthorized_client" and settings.subject is not None:
        return ScopeMissing(
            f"{what}: grant {account} domain-wide delegation for {scope} (Admin console, Security, API controls), or "
            "leave `subject` out",
            code=code,
        )
    known = (cure for said, cure in ROBOT_CURES.items() if said in words.lower())
    return Misconfigured(f"{what}: {account}: {next(known, 'make it a new key')}", code=code)


def needed_scope(context: Context) -> str:
    """The least that the connection can do with."""
    return SCOPE if context.access == "write" else f"{SCOPE}.readonly"


def service_account_name(settings: Settings) -> str:
    """The e-mail address of the service account, for messages."""
    return str(_key(settings).get("client_email", ""))


def _refresh_token(settings: Settings, context: Context) -> str:
    """The configured one, else the one that a person gained by signing in. Raises ``AuthFailed``."""
    configured = settings.refresh_token.get_secret_value() if settings.refresh_token else None
    refresh = configured or context.tokens.load(REFRESH)
    if not refresh:
        raise AuthFailed(f"no credentials for {context.name}: run `keepstep login {context.name}`")
    return refresh


def _user(settings: Settings, context: Context) -> Any:
    """Credentials of a consent."""
    from google.oauth2 import credentials

    return credentials.Credentials(  # type: ignore[no-untyped-call]
        token=None,
        refresh_token=_refresh_token(settings, context),
        token_uri=settings.token_url or TOKEN_URL,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value() if settings.client_secret else None,
    )


def _service_account(settings: Settings, context: Context) -> Any:
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2 import service_account

    info = dict(_key(settings))
    info["token_uri"] = settings.token_url or info.get("token_uri") or TOKEN_URL
    try:
        made = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            info, scopes=[needed_scope(context)], subject=settings.subject
        )
    except (ValueError, GoogleAuthError) as error:
        raise Misconfigured(f"the service account's key cannot be used: {type(error).__name__}") from None
    return made


def _key(settings: Settings) -> Mapping[str, Any]:
    try:
        if settings.service_account_file is not None:
            text = settings.service_account_file.read_text()
        else:
            text = settings.service_account_json.get_secret_value() if settings.service_account_json else ""
        key = json.loads(text)
    except OSError as error:
        raise Misconfigured(f"service_account_file {settings.service_account_file}: {error.strerror}") from None
    except ValueError:
        raise Misconfigured("the service account's key is not JSON") from None
    if not isinstance(key, dict):
        raise Misconfigured("the service account's key is not a JSON object")
    return key


def _reason(error: Exception) -> tuple[str, str]:
    """The service's own code and words, nothing else of what google-auth says."""
    for part in error.args:
        if isinstance(part, Mapping):
            return str(part.get("error") or ""), str(part.get("error_description") or "")
    return type(error).__name__, ""


class _Answer:
    """What google-auth wants to see of an HTTP answer."""

    def __init__(self, response: requests.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.data = response.content


class TokenRequest:
    """Carries google-auth's requests over a session that honours proxies, or over the transport of a test.

    Transient trouble is raised as such before google-auth sees it, which would wait on the real clock.
    """

    def __init__(self, context: Context) -> None:
        self._session = requests.Session()
        adapter = context.transport or HTTPAdapter(max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._lock = threading.Lock()
        self.calls = 0
        self.lifetime = LIFETIME
        self.scopes: tuple[str, ...] | None = None
        """What the newest token was granted; None where the service does not say, as for service accounts."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: Any = None,
        **_: Any,
    ) -> _Answer:
        with self._lock:
            self.calls += 1
        try:
            response = self._session.request(
                method,
                url,
                data=body,
                headers=dict(headers or {}),
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            if (wrong := misconfigured(error, url)) is not None:
                raise wrong from None
            kind = Unreachable if never_left(error) else Transient
            raise kind(f"sign-in to Google: {type(error).__name__}") from None
        if response.status_code == 429 or response.status_code >= 500:
            raise Transient(f"sign-in to Google: {response.status_code}", status=response.status_code)
        try:
            told = msgspec.json.decode(response.content)
        except msgspec.DecodeError:
            raise Malformed(f"sign-in to Google: answer {response.status_code} is not JSON") from None
        if not isinstance(told, dict) or (response.status_code >= 400 and not isinstance(told.get("error"), str)):
            # OAuth refuses with a word; anything else is a proxy or a rate limit, and no verdict on the credentials.
            raise Transient(f"sign-in to Google: {response.status_code}", status=response.status_code)
        seconds = told.get("expires_in", LIFETIME)
        if isinstance(seconds, str) and seconds.isdecimal():
            seconds = int(seconds)
        good = isinstance(seconds, int | float) and 0 <= seconds < LONGEST
        if response.status_code < 300 and not (good and isinstance(told.get("access_token"), str)):
            # google-auth would take it for a token, or fall over it.
            raise Malformed("sign-in to Google: an answer without a token, or without its lifetime")
        self.lifetime = float(seconds) if good else LIFETIME
        scope = told.get("scope")
        self.scopes = tuple(scope.split()) if isinstance(scope, str) else None
        return _Answer(response)
