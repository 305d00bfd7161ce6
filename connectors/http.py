"""The one place for HTTP: sessions, time-outs, retries of what is safe to repeat, throttling, and the write guard."""

from __future__ import annotations

import io
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec
import requests
import tenacity
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProxyError

from connectors.answer import Answer, Streamed, from_something_before, retry_after
from connectors.auth import Auth
from connectors.base import Gate
from connectors.budget import Budget, Rate
from connectors.context import Context, Limit
from connectors.errors import (
    AuthFailed,
    ConnectorError,
    EffectUnknown,
    Forbidden,
    Malformed,
    Misconfigured,
    NotFound,
    RateLimited,
    RecordRefused,
    Stale,
    Transient,
    Unreachable,
    WriteForbidden,
)
from connectors.log import Log

log = Log()


CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 50.0
REQUEST_TIMEOUT = CONNECT_TIMEOUT + READ_TIMEOUT
"""Seconds after which a request has surely been given up by us; leases and recovery reckon with it."""

ATTEMPTS = 5
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

HOPS = 4
PLAIN = frozenset({"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"})
"""OpenSSL's words, by version, for an answer that is no TLS."""
REDIRECTS = (301, 302, 303, 307, 308)

Classify = Callable[["Answer"], ConnectorError | None]
Body = bytes | str | io.IOBase | None
"""What a request carries; an open file leaves in parts."""


class Http:
    """Requests to one base address under one budget. Thread-safe.

    ``read`` may be repeated and is; ``write`` is sent once. What counts as reading is decided in one place: safe
    methods, and the ``reading_posts`` (patterns of paths whose POST only asks). A connection with ``access: read``
    refuses everything else in its session. ``limit``: what a pause is for that the service asks for.
    """

    def __init__(
        self,
        context: Context,
        base_url: str,
        *,
        auth: Auth | None = None,
        rates: Sequence[Rate] = (),
        classify: Classify = lambda answer: None,
        reading_posts: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        budget: Budget | None = None,
        limit: Limit = "asked",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.auth = auth
        self.budget = budget or Budget(context, rates)
        self._limit = limit
        self._clock = context.clock
        self._jitter = context.jitter
        self._classify = classify
        self._read_only = context.access == "read"
        self._reading_posts = re.compile("|".join(f"(?:{pattern})" for pattern in reading_posts) or r"(?!)")
        self._name = context.name
        self._session = requests.Session()
        # What the environment says of proxies and certificates is asked once: by itself the library walks through all
        # of it at each request. It would also send a password of ~/.netrc with requests that are not signed.
        around = self._session.merge_environment_settings(self.base_url, {}, None, None, None)
        self._session.proxies, self._session.verify = around["proxies"], around["verify"]
        self._session.trust_env = False
        self._session.headers.update({"User-Agent": "keepstep", "Accept": "application/json", **(headers or {})})
        adapter = context.transport or HTTPAdapter(pool_connections=4, pool_maxsize=16, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def writes(self, verb: str, path: str) -> bool:
        """Whether such a request could change something over there."""
        if verb in SAFE_METHODS:
            return False
        return not (verb == "POST" and self._reading_posts.fullmatch(path))

    def units(self, verb: str, path: str, json: Any) -> int:
        """What the service counts such a request as."""
        return 1

    def read(
        self,
        verb: str,
        path: str,
        *,
        params: Any = None,
        json: Any = None,
        data: Body = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask, and ask again after transient trouble, up to five times. Raises ``ConnectorError``."""
        if self.writes(verb, path):
            raise ValueError(f"{verb} {path} writes, so it must not be repeated")
        return self._retrying(Transient)(self._send, verb, path, params, json, data, headers, None)

    def write(
        self,
        verb: str,
        path: str,
        *,
        gate: Gate,
        params: Any = None,
        json: Any = None,
        data: Body = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = False,
    ) -> Answer:
        """Send once. ``gate`` is asked after every wait, directly before the request leaves.

        ``repeat``: sent twice it has the effect of sent once, so it is asked again after trouble as a read is.
        Raises ``EffectUnknown`` when the request may have had an effect without a clear answer; any other error
        means that it surely had none.
        """
        if repeat:
            again = self._retrying(Transient, EffectUnknown)
            return again(self._send, verb, path, params, json, data, headers, gate)
        return self._send(verb, path, params, json, data, headers, gate)

    def stream(self, path: str, *, headers: Mapping[str, str] | None = None, auth: Auth | None = None) -> Streamed:
        """The body of a GET in parts. Asks again after transient trouble, until the first part is there.

        Redirects are followed, because services keep bytes elsewhere; credentials and ``headers`` go to the base
        address' own host alone. ``auth`` signs instead of the session's own. Raises ``ConnectorError``.
        """
        return self._retrying(Transient)(self._open, path, headers or {}, auth or self.auth or Auth())

    def _open(self, path: str, headers: Mapping[str, str], auth: Auth) -> Streamed:
        address = self.base_url + path
        for _ in range(HOPS):
            home = _origin(address) == _origin(self.base_url)
            if home:
                auth.prepare()
                self.budget.take()
            elif urlsplit(address).scheme != "https":
                raise Malformed(f"GET {path}: led to an address that is not secret on its way")
            # A size that can be checked needs a body that nobody packed on its way.
            sent = {"Accept": "*/*", "Accept-Encoding": "identity", **(headers if home else {})}
            try:
                response = self._session.get(
                    address,
                    headers=sent,
                    auth=auth if home else Auth(),  # not None: that would look into the user's netrc
                    timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                    allow_redirects=False,
                    stream=True,
                )
            except requests.RequestException as error:
                raise self._broken(error, "GET", path, False) from None
            log.debug("request", connection=self._name, verb="GET", path=path, status=response.status_code)
            if response.status_code in REDIRECTS and response.headers.get("Location"):
                address = urljoin(address, response.headers["Location"])
                response.close()
                continue
            if response.status_code < 300:
                return Streamed(response, path)
            with response:
                refused = self._error(Answer(response, "GET", path, False))
            if isinstance(refused, RateLimited) and home:
                self.budget.pause(refused.retry_after, self._limit)
            raise refused or Malformed(f"GET {path}: {response.status_code} without an address")
        raise Malformed(f"GET {path}: led on and on")

    def _retrying(self, *trouble: type[ConnectorError]) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(trouble),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=self._pause_before_retry,
            sleep=self._clock.wait,
            reraise=True,
        )

    def _pause_before_retry(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        backoff: float = min(30.0, 0.5 * 2**state.attempt_number) * (0.5 + self._jitter())
        if isinstance(error, RateLimited):
            return 0.0  # the budget holds everything back already
        return backoff

    def _send(
        self,
        verb: str,
        path: str,
        params: Any,
        json: Any,
        data: Body,
        headers: Mapping[str, str] | None,
        gate: Gate | None,
    ) -> Answer:
        answer = self._exchange(verb, path, params, json, data, headers, gate)
        if answer.status == 401 and self.auth is not None and self.auth.renew():
            answer = self._exchange(verb, path, params, json, data, headers, gate)
        error = self._error(answer)
        if error is None:
            return answer
        if isinstance(error, RateLimited):
            self.budget.pause(error.retry_after, self._limit)
        raise error

    def _exchange(
        self,
        verb: str,
        path: str,
        params: Any,
        json: Any,
        data: Body,
        headers: Mapping[str, str] | None,
        gate: Gate | None,
    ) -> Answer:
        writing = self.writes(verb, path)
        if writing and self._read_only:
            raise WriteForbidden(f"{verb} {path}: connection {self._name} is configured `access: read`")
        body = msgspec.json.encode(json) if json is not None else data
        sent = dict(headers or {})
        if json is not None:
            sent.setdefault("Content-Type", "application/json")
        if self.auth is not None:
            self.auth.prepare()
        self.budget.take(self.units(verb, path, json))
        if gate is not None:
            gate()
        try:
            request = requests.Request(verb, self.base_url + path, sent, None, body, params, self.auth)
            # ``request()`` would ask the session four times over for what is the same for every request.
            response = self._session.send(
                self._session.prepare_request(request),
                proxies=self._session.proxies,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise self._broken(error, verb, path, writing) from None
        log.debug("request", connection=self._name, verb=verb, path=path, status=response.status_code)
        return Answer(response, verb, path, writing)

    def _broken(self, error: requests.RequestException, verb: str, path: str, writing: bool) -> ConnectorError:
        # The cause is left out on purpose: its text may carry a query string with credentials.
        what = f"{verb} {path}: {type(error).__name__}"
        wrong = misconfigured(error, self.base_url, writing)
        if wrong is not None:
            return wrong
        if isinstance(error, requests.exceptions.ProxyError) and never_left(error):
            return Unreachable(f"{what}: no way through the proxy of the environment to {self.base_url}")
        if never_left(error):
            return Unreachable(f"{what}: no connection to {self.base_url}")
        if writing:
            return EffectUnknown(f"{what}: no answer to a write")
        return Transient(what)

    def _error(self, answer: Answer) -> ConnectorError | None:
        special = self._classify(answer)
        if special is not None:
            return special
        if answer.status < 300:
            return None
        what = f"{answer.verb} {answer.path}: {answer.status} {answer.words()}"
        if answer.status == 429:
            return RateLimited(what, retry_after=retry_after(answer, self._clock.now().timestamp()) or 10.0)
        if answer.status == 401:
            return AuthFailed(what, status=401)
        if answer.status in (404, 410):
            if from_something_before(answer):
                # What stands before a site that is switched off answers so for every address: nothing there is gone.
                return Unreachable(what, status=answer.status)
            return NotFound(what, status=answer.status)
        if answer.status == 412:
            return Stale(what, status=412)
        if answer.status == 403:
            return Forbidden(what, status=403)
        if answer.status == 408 or answer.status >= 500 or answer.status < 400:
            if self.writes(answer.verb, answer.path):
                return EffectUnknown(what, status=answer.status)
            wait = retry_after(answer, self._clock.now().timestamp())
            if answer.status == 503 and wait:
                return RateLimited(what, retry_after=wait, status=503)
            return Transient(what, status=answer.status)
        return RecordRefused(what, status=answer.status)


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc.lower()


def misconfigured(error: requests.RequestException, address: str, writing: bool = False) -> Misconfigured | None:
    """What is wrong with the TLS of that address, with its cure; None if nothing is, or if a request was let go."""
    distrust = _distrust(error)
    if distrust is not None:
        return Misconfigured(
            f"{address}: its certificate is not trusted here ({distrust}); where a proxy or an authority of "
            "your own signs, name the file with its certificate: REQUESTS_CA_BUNDLE=/path/to/authority.pem"
        )
    cause = _tls(error)
    # The same words come where something breaks into a connection that stood: a write may have left on it.
    if cause is None or cause.reason not in PLAIN or writing:
        return None
    parts = urlsplit(address)
    place = f"{parts.hostname}:{parts.port or 443}"
    return Misconfigured(
        f"{place} answers without TLS; is `http://{place}` meant instead of `https://`, or another port?"
    )


def never_left(error: requests.RequestException) -> bool:
    """Whether no connection was made at all, so that nothing can have taken effect."""
    if isinstance(error, requests.exceptions.ConnectTimeout) or _distrust(error) is not None:
        return True
    # The pool tells of the proxy only as long as it has not been reached.
    return isinstance(_reason(error), NewConnectionError | ProxyError)


def _reason(error: requests.RequestException) -> object:
    cause = error.args[0] if error.args else None
    return cause.reason if isinstance(cause, MaxRetryError) else cause


def _distrust(error: requests.RequestException) -> str | None:
    """Why the certificate that a server showed is not trusted, in OpenSSL's words; None if that is not the trouble."""
    cause = _tls(error)
    return str(cause.verify_message) if isinstance(cause, ssl.SSLCertVerificationError) else None


def _tls(error: requests.RequestException) -> ssl.SSLError | None:
    """OpenSSL's own trouble behind that of the request, if it is one."""
    inner = _reason(error)
    cause = inner.args[0] if isinstance(inner, Exception) and inner.args else None
    return cause if isinstance(cause, ssl.SSLError) else None
