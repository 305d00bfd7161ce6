"""Drive's refusals judged by their ``reason``: a 403 may be a rate limit, a missing scope, or this one file."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.answer import Answer
from connectors.errors import (
    ConnectorError,
    CursorLost,
    Forbidden,
    Misconfigured,
    RateLimited,
    RecordRefused,
    ScopeMissing,
)

SCOPE = "https://www.googleapis.com/auth/drive"
PAUSE = 15.0
"""Seconds of silence after a rate limit without ``Retry-After``: quotas count by the minute, five tries fill one."""

RATE = {"rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded", "dailyLimitExceeded"}
SCOPES = {
    "insufficientPermissions": f"the token lacks the scope {SCOPE}",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": f"the token lacks the scope {SCOPE}",
    "accessNotConfigured": "the Drive API is not enabled in the Google Cloud project of these credentials",
    "SERVICE_DISABLED": "the Drive API is not enabled in the Google Cloud project of these credentials",
    "domainPolicy": "the domain's administrators have disabled Drive apps",
}
FULL = {
    "storageQuotaExceeded",
    "teamDriveFileLimitExceeded",
    "teamDriveHierarchyTooDeep",
    "numChildrenInNonRootLimitExceeded",
    "activeItemCreationLimitExceeded",
}
BYTES = {
    "cannotDownloadAbusiveFile",
    "cannotDownloadFile",
    "downloadQuotaExceeded",
    "exportSizeLimitExceeded",
    "fileNotDownloadable",
    "fileNotExportable",
    "uploadTooLarge",
}
"""Nothing is wrong with our rights: the bytes of this one file do not go that way."""


class _Detail(msgspec.Struct):
    reason: str = ""
    message: str = ""
    location: str = ""


class _Body(msgspec.Struct):
    code: int = 0
    message: str = ""
    errors: list[_Detail] = []
    status: str = ""


class _Refusal(msgspec.Struct):
    error: _Body


def words(body: bytes) -> tuple[str, str, str]:
    """Reason, message and blamed parameter of an error body; empty where the body is something else."""
    try:
        error = msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.DecodeError, msgspec.ValidationError):
        return "", "", ""
    first = error.errors[0] if error.errors else _Detail()
    return first.reason or error.status, error.message or first.message, first.location


def classify(answer: Answer) -> ConnectorError | None:
    """The error that Drive's reason stands for, where the status alone does not say it."""
    if answer.status not in (400, 401, 403, 404, 409, 410, 413, 429):
        return None
    return judge(answer.status, answer.body, f"{answer.verb} {answer.path}", answer.headers)


def judge(status: int, body: bytes, what: str, headers: Any = None) -> ConnectorError | None:
    """The same for one part of a batch, which has a status and a body of its own."""
    reason, message, location = words(body)
    line = f"{what}: {status} {reason} {message}".rstrip()
    if "/changes" in what and (status == 410 or (status in (400, 404) and location == "pageToken")):
        return CursorLost(line, status=status, code=reason)
    if reason.startswith("push."):
        return Misconfigured(
            f"{line}: `hook_url` must be an https address that Google may call", status=status, code=reason
        )
    if reason in RATE:
        wait = (headers or {}).get("Retry-After", "")
        return RateLimited(line, retry_after=float(wait) if wait.isdigit() else PAUSE, status=status, code=reason)
    if status == 403 and reason in SCOPES:
        return ScopeMissing(f"{line}: {SCOPES[reason]}", status=403, code=reason)
    if status == 403 and reason in FULL | BYTES:
        return RecordRefused(line, status=403, code=reason)
    if status == 403:
        return Forbidden(line, status=403, code=reason)
    if status in (400, 409, 413):
        return RecordRefused(line, status=status, code=reason, field=location or None)
    return None
