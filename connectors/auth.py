"""Signing in: what more than one service shares. An auth object signs requests; refreshing is one more object."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import requests
from requests.auth import HTTPBasicAuth

from connectors.base import Clock, utc
from connectors.context import Context


class Auth(requests.auth.AuthBase):
    """Signs a request. ``prepare`` may fetch what it needs beforehand; ``renew`` follows a 401."""

    def prepare(self) -> None:
        """Make sure that signing can succeed. May send requests of its own; raises ``ConnectorError``."""

    def renew(self) -> bool:
        """After a 401: get fresh credentials; True if it is worth sending the request again."""
        return False

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Basic(Auth):
    """User and password, or e-mail and API token."""

    def __init__(self, user: str, secret: str) -> None:
        self._basic = HTTPBasicAuth(user.encode(), secret.encode())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        signed: requests.PreparedRequest = self._basic(request)
        return signed


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and when it ends, on the monotonic clock."""

    value: str
    expires_at: float


class Granted(msgspec.Struct, frozen=True):
    """An access token as it is kept for the next process."""

    token: str
    ends: str
    """UTC."""
    told: dict[str, str] = {}
    """What the service said of it: where its API is, what it may do."""


def keep(context: Context, credential: str, token: str, lifetime: float, **told: str) -> None:
    """Keep a token that was gained with that credential. ``lifetime`` is in seconds."""
    granted = Granted(token, utc(context.clock.now() + timedelta(seconds=lifetime)), told)
    context.access_tokens.save(credential, msgspec.json.encode(granted).decode())


def kept(context: Context, credential: str) -> tuple[Granted, float] | None:
    """The token that was gained with that credential, and how many seconds it lives; None where there is none."""
    text = context.access_tokens.load(credential)
    if text is None:
        return None
    try:
        granted = msgspec.json.decode(text, type=Granted)
        ends = datetime.fromisoformat(granted.ends)
    except (msgspec.DecodeError, ValueError):
        return None  # another version kept it in another form
    return granted, (ends - context.clock.now()).total_seconds()


class Bearer(Auth):
    """An access token that is fetched when needed, and refreshed once for all threads.

    ``fetch`` returns token and lifetime in seconds; it raises ``AuthFailed`` when a person must sign in again. ``kept``
    returns the same of a token that a former process fetched, or None; it is asked as long as this one has none. After
    a 401 comes one that is fetched.
    """

    EARLY = 60.0

    def __init__(
        self,
        clock: Clock,
        fetch: Callable[[], tuple[str, float]],
        scheme: str = "Bearer",
        kept: Callable[[], tuple[str, float] | None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._fetch = fetch
        self._kept = kept
        self._scheme = scheme
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._signed_with = threading.local()

    def prepare(self) -> None:
        with self._lock:
            if self._token is None:
                found = self._kept()
                if found is not None and found[1] > self.EARLY:
                    self._take(*found)
            if self._token is None or self._token.expires_at <= self._clock.monotonic():
                self._refresh()
            self._signed_with.token = self._token

    def renew(self) -> bool:
        with self._lock:
            # Another thread may have refreshed since this one signed: then its token is fresh already.
            if self._token is getattr(self._signed_with, "token", None):
                self._refresh()
            return True

    def _refresh(self) -> None:
        self._take(*self._fetch())

    def _take(self, value: str, lifetime: float) -> None:
        self._token = AccessToken(value, self._clock.monotonic() + max(1.0, lifetime - self.EARLY))

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token: Any = getattr(self._signed_with, "token", None) or self._token
        if token is not None:
            request.headers["Authorization"] = f"{self._scheme} {token.value}"
        return request
