"""Endpoints of Trello as plain methods: paths, parameters, pages, batches; no Records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import msgspec
import requests

from connectors.answer import Answer, from_something_before, retry_after
from connectors.auth import Auth
from connectors.base import Gate, Unreadable, chunks
from connectors.budget import Rate
from connectors.context import Context
from connectors.errors import (
    AuthFailed,
    ConnectorError,
    EffectUnknown,
    Forbidden,
    Malformed,
    NotFound,
    RateLimited,
    RecordRefused,
    Transient,
    Unreachable,
)
from connectors.http import Http
from connectors.rows import NoRecord, each_row, identified, stamp, typed
from connectors.trello.models import COMMENT_FILTER, Action, Raw
from connectors.trello.settings import TrelloSettings

RATES = (Rate(95, 10.0), Rate(290, 10.0))
"""Under the 100 a token and 300 a key in 10 s: other programs of the same account need a little room."""

PAGE = 1000
BATCH = 10
LONGEST_QUERY = 3000
WINDOW = 10.0

SLOT = "token"
"""Name under which signing in stores the token."""

OWN = "/tokens/own"
"""The address of our own token: its true form, which is the secret itself, is put in when the request is signed."""

Params = Mapping[str, Any]


class KeyAndToken(Auth):
    """Adds the credentials to the query, where the contract wants them, after everything that messages show.

    The token is the configured one, else the one that signing in stored. ``prepare`` raises ``AuthFailed`` where there
    is neither; after a 401 a token that was stored meanwhile is taken up.
    """

    def __init__(self, settings: TrelloSettings, context: Context) -> None:
        self._key = settings.key.get_secret_value()
        self._given = settings.token.get_secret_value() if settings.token is not None else None
        self._token = self._given
        self._tokens = context.tokens
        self._name = context.name

    @property
    def secrets(self) -> tuple[str, str]:
        """Key and token; empty where there is none yet."""
        return self._key, self._token or ""

    def prepare(self) -> None:
        if not self._token:
            self._token = self._tokens.load(SLOT)
        if not self._token:
            raise AuthFailed(f"no token: run `keepstep login {self._name}`, or give `token`", code="no_token")

    def renew(self) -> bool:
        if self._given is not None:
            return False
        before, self._token = self._token, self._tokens.load(SLOT)
        return bool(self._token) and self._token != before

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        key, token = self.secrets
        address = str(request.url).replace(OWN, f"/tokens/{quote(token, safe='')}")
        request.prepare_url(address, {"key": key, "token": token})
        return request


class Failure(msgspec.Struct, frozen=True):
    """One part of a batch that was refused."""

    error: ConnectorError


class ActionPage(NamedTuple):
    """A page of a log, newest first."""

    rows: list[Raw]
    more: bool
    """Older ones follow."""


class TrelloClient:
    """Requests under the limits of one token. Thread-safe."""

    def __init__(self, settings: TrelloSettings, context: Context) -> None:
        self._auth = KeyAndToken(settings, context)
        self.http = Http(context, settings.base_url, auth=self._auth, rates=RATES, classify=self._classify)
        self._now = context.clock.now

    @property
    def auth(self) -> KeyAndToken:
        return self._auth

    # -- reading

    def get(self, path: str, params: Params | None = None) -> Any:
        """The answer's JSON. Raises ``ConnectorError``."""
        return self.http.read("GET", path, params=dict(params or {})).decode()

    def listing(self, path: str, params: Params | None = None, aside: list[Unreadable] | None = None) -> list[Raw]:
        """A list, or ``Malformed``; see ``objects``."""
        return objects(self.get(path, params), f"GET {path}", aside)

    def batch(self, routes: Sequence[str]) -> list[Any]:
        """The answers to up to any number of GETs, ten a request, in order; a refused one is a ``Failure``."""
        answers: list[Any] = []
        for part in chunks(routes, BATCH):
            got = self.get("/batch", {"urls": ",".join(part)})
            if not isinstance(got, list) or len(got) != len(part):
                raise Malformed("GET /batch: not one answer for each route")
            answers += [self._part(route, one) for route, one in zip(part, got, strict=True)]
        return answers

    def _part(self, route: str, one: Any) -> Any:
        path = route.partition("?")[0]
        if not isinstance(one, dict):
            raise Malformed(f"GET {path} in a batch: neither answer nor error")
        if "200" in one:
            return one["200"]
        status = one.get("statusCode") or next((name for name in one if name.isdigit()), None)
        words = one.get("message") or one.get(str(status)) or one.get("name") or ""
        try:
            code = int(str(status))
        except ValueError:
            raise Malformed(f"GET {path} in a batch: neither answer nor error") from None
        error = self._refused(code, f"GET {path} in a batch", words if isinstance(words, str) else "", "", 0.0, False)
        if isinstance(error, RateLimited):
            self.http.budget.pause(error.retry_after)
        if isinstance(error, (Transient, AuthFailed)):
            raise error
        return Failure(error)

    def action_pages(
        self,
        path: str,
        *,
        since: str | None = None,
        before: str | None = None,
        kinds: str = "all",
        aside: list[Unreadable] | None = None,
    ) -> Iterator[ActionPage]:
        """Newest first, back to ``since``; at least one page. Raises ``Malformed`` when a page comes twice."""
        while True:
            asked = {"filter": kinds, "limit": PAGE} | ({"since": since} if since else {})
            odd: list[Unreadable] = []
            rows = self.listing(path, asked | ({"before": before} if before else {}), odd)
            if rows and rows[-1]["id"] == before:
                raise Malformed(f"GET {path}: the same page came twice")
            if aside is not None:
                aside += odd
            more = bool(rows) and len(rows) + len(odd) >= PAGE
            yield ActionPage(rows, more)
            if not more:
                return
            before = rows[-1]["id"]

    def comment_pages(
        self, board: str, before: str | None = None, aside: list[Unreadable] | None = None
    ) -> Iterator[ActionPage]:
        return self.action_pages(f"/boards/{board}/actions", before=before, kinds=COMMENT_FILTER, aside=aside)

    # -- writing

    def send(
        self, verb: str, path: str, gate: Gate, values: Params | None = None, body: Params | None = None
    ) -> Answer:
        """One writing request, in the query form; null and long text go into a JSON body, which works as well.
        ``body``: what the service wants in a JSON body alone."""
        query: dict[str, str] = {}
        told: dict[str, Any] = dict(body or {})
        for name, value in (values or {}).items():
            text = wire(value)
            if text is None or len(quote(text)) > LONGEST_QUERY:
                told[name] = value
            else:
                query[name] = text
        return self.http.write(verb, path, gate=gate, params=query, json=told or None)

    # -- errors

    def _classify(self, answer: Answer) -> ConnectorError | None:
        if answer.status < 300:
            return None
        if answer.status in (403, 404, 410) and from_something_before(answer):
            what = f"{answer.verb} {answer.path}: {answer.status} a page of something before Trello"
            return Unreachable(what, status=answer.status)
        wait = retry_after(answer, self._now().timestamp()) or 0.0
        writing = self.http.writes(answer.verb, answer.path)
        words, code = answer.words(), ""
        try:
            told = answer.decode()
        except (Malformed, EffectUnknown):
            told = None
        if isinstance(told, dict):
            code = str(told.get("error") or "")
            words = str(told.get("message") or code or words)
        return self._refused(answer.status, f"{answer.verb} {answer.path}", words, code, wait, writing)

    def _refused(self, status: int, line: str, words: str, code: str, wait: float, writing: bool) -> ConnectorError:
        what = f"{line}: {status} {self._scrub(words)}".strip()
        if status == 429:
            return RateLimited(what, retry_after=wait or WINDOW, code=code)
        if status == 401 and "permission requested" in words:
            return Forbidden(what, status=status, code=code)
        if status == 401:
            return AuthFailed(what, status=status, code=code)
        if status in (404, 410):
            return NotFound(what, status=status, code=code)
        if status == 403:
            return Forbidden(what, status=status, code=code)
        if status == 408 or status >= 500 or status < 400:
            if writing:
                return EffectUnknown(what, status=status, code=code)
            return Transient(what, status=status, code=code)
        return RecordRefused(what, status=status, code=code or self._scrub(words)[:80])

    def _scrub(self, words: str) -> str:
        # An unknown address is answered with the address itself, query and all.
        for secret in filter(None, self._auth.secrets):
            words = words.replace(secret, "***").replace(quote(secret, safe=""), "***")
        return words


def route(path: str, params: Params | None = None) -> str:
    """One route of a batch; commas inside it are encoded, because a comma parts routes."""
    return f"{path}?{urlencode(dict(params))}" if params else path


def objects(value: Any, line: str, aside: list[Unreadable] | None = None) -> list[Raw]:
    """The objects with an id in a list, or ``Malformed`` where it is no list. What else is in it goes to ``aside``."""
    if not isinstance(value, list):
        raise Malformed(f"{line}: not a list of records")
    return identified(line.rpartition("/")[2], value, [] if aside is None else aside)


def actions(raws: Sequence[Raw], aside: list[Unreadable] | None = None) -> list[Action]:
    """The log's entries. One without id, type or time says nothing, and goes to ``aside``."""
    return list(each_row("actions", raws, _action, [] if aside is None else aside))


def _action(raw: Raw) -> Action:
    action = typed(raw, Action)
    if stamp(action.date) is None:
        raise NoRecord("`date` is no time")
    return action


def wire(value: Any) -> str | None:
    """A value as a query carries it; None where only JSON can say it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(str(each) for each in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
