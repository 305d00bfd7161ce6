"""What Jira's refusals mean: its own oddities beside the table of statuses in ``connectors.http``."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from connectors.answer import Answer, from_something_before, retry_after, said_at, whole_characters
from connectors.errors import (
    AuthFailed,
    ConnectorError,
    Forbidden,
    Misconfigured,
    NotFound,
    RateLimited,
    RecordRefused,
    ScopeMissing,
    Transient,
    Unreachable,
)
from connectors.jira.models import ErrorBody
from connectors.rows import stamp

PER_ISSUE = "jira-per-issue-on-write"
PAUSE = 10.0
SWITCHED_OFF = "site temporarily unavailable"
"""What Atlassian's gateway says, with 404, for every address of a site that is suspended or being moved."""
NO_LICENCE = "not permitted to use jira"
"""What is said, with 403, to an account that has lost its access to the product: of every record."""
SHUT_OUT = re.compile(r"\bip address\b.*\b(rejected|allowlist)|\bip allowlist\b", re.I | re.S)
"""What is said, with 403, to all who come from an address that the site's list does not hold."""


class Refused(RecordRefused):
    """Jira said no, with its reasons in the body."""

    def __init__(self, message: str, *, status: int, code: str, field: str | None, body: bytes) -> None:
        super().__init__(message, status=status, code=code, field=field)
        self.body = body


class IssueThrottled(Transient):
    """Too many writes to one issue: others may go on. The request had no effect."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message, status=429, code=PER_ISSUE)
        self.retry_after = retry_after


def classify(answer: Answer) -> ConnectorError | None:
    """Jira's special cases; None leaves the answer to the common table."""
    what = f"{answer.verb} {answer.path}: {answer.status}"
    # A wrong token is not refused everywhere: where anonymous people may read, Jira answers as to one of them.
    if answer.headers.get("X-Seraph-LoginReason", "").startswith("AUTHENTICATED_FAILED"):
        return AuthFailed(f"{what}: Jira did not accept e-mail and token", status=answer.status)
    if answer.headers.get("X-Authentication-Denied-Reason", "").startswith("CAPTCHA"):
        return AuthFailed(f"{what}: Jira wants a CAPTCHA solved: sign in once in a browser", status=answer.status)
    if answer.status == 429:
        wait = _pause(answer)
        if answer.headers.get("RateLimit-Reason") == PER_ISSUE:
            return IssueThrottled(f"{what}: {PER_ISSUE}", wait or PAUSE)
        return RateLimited(f"{what} {answer.words()}", retry_after=wait) if wait else None
    if answer.status not in (400, 401, 403, 404, 409, 410, 413, 422):
        return None
    switched_off = answer.status in (404, 410) and SWITCHED_OFF in answer.words().lower()
    if switched_off or (answer.status in (403, 404, 410) and from_something_before(answer)):
        return Unreachable(f"{what}: the site is switched off, or something before it answers", status=answer.status)
    words, field = reasons(answer.body)
    message = f"{what}: {words}" if words else f"{what} {answer.words()}"
    if answer.status == 401:
        return ScopeMissing(message, status=401) if "scope does not match" in message.lower() else None
    if answer.status == 403 and NO_LICENCE in message.lower():
        return ScopeMissing(message, status=403)
    if answer.status == 403 and SHUT_OUT.search(message):
        return Unreachable(message, status=403)
    if answer.status == 403:
        return Forbidden(message, status=403, code="403", field=field)
    if answer.status == 410 and "api has been removed" in message.lower():
        return Misconfigured(message, status=410, code="410")
    if answer.status in (404, 410):
        return NotFound(message, status=answer.status, code=str(answer.status), field=field)
    return Refused(message, status=answer.status, code=str(answer.status), field=field, body=answer.body)


def _pause(answer: Answer) -> float | None:
    """Seconds until a limit is lifted: ``Retry-After``, or the time in ``X-RateLimit-Reset`` by the service's clock."""
    now = said_at(answer)
    asked = answer.headers.get("Retry-After", "")
    wait = retry_after(answer, now or 0.0) if now is not None or asked.isdecimal() else None
    reset = stamp(answer.headers.get("X-RateLimit-Reset"))
    if wait is None and reset is not None and now is not None:
        return max(1.0, datetime.fromisoformat(reset).timestamp() - now)
    return wait


def reasons(body: bytes) -> tuple[str, str | None]:
    """Jira's words, shortened, and the first field it blames."""
    try:
        errors = msgspec.json.decode(whole_characters(body), type=ErrorBody)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        return "", None
    return words_of(errors)


def words_of(errors: ErrorBody) -> tuple[str, str | None]:
    """The same for errors already decoded."""
    parts = _texts(errors.errorMessages)
    fields = errors.errors if isinstance(errors.errors, dict) else {}
    if isinstance(errors.errors, list):
        parts += [text for error in errors.errors for text in _texts(error)]
    parts += [f"{field}: {'; '.join(_texts(told)) or told}" for field, told in fields.items()]
    for told in (errors.message, errors.errorMessage, errors.detail, errors.error_description, errors.error):
        parts += [text for text in _texts(told) if text not in parts]
    return "; ".join(parts)[:400], next(iter(fields), None)


def _texts(told: Any) -> list[str]:
    """The sentences in a text, in a list of them, or in an object that holds one."""
    if isinstance(told, str):
        return [told] if told else []
    if isinstance(told, list):
        return [text for each in told for text in _texts(each)]
    if isinstance(told, dict):
        return next((found for name in ("message", "detail", "title") if (found := _texts(told.get(name)))), [])
    return []
