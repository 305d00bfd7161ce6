"""Drive's refusals judged by their ``reason``: a 403 may be a rate limit, a missing scope, or this one file."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from connectors.answer import Answer, whole_characters
from connectors.errors import (
    AuthFailed,
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

RATE = {
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "sharingRateLimitExceeded",
    "dailyLimitExceeded",
    "quotaExceeded",
    "RATE_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
}
SCOPES = {
    "insufficientPermissions": f"the token lacks the scope {SCOPE}",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": f"the token lacks the scope {SCOPE}",
    "accessNotConfigured": "the Drive API is not enabled in the Google Cloud project of these credentials",
    "SERVICE_DISABLED": "the Drive API is not enabled in the Google Cloud project of these credentials",
    "domainPolicy": "the domain's administrators have disabled Drive apps",
    "USER_PROJECT_DENIED": "the account may not use the Google Cloud project that quotas count against",
    "CONSUMER_INVALID": "the Google Cloud project of these credentials is gone or suspended",
}
FULL = {
    "storageQuotaExceeded",
    "teamDriveFileLimitExceeded",
    "teamDriveHierarchyTooDeep",
    "myDriveHierarchyDepthLimitExceeded",
    "numChildrenInNonRootLimitExceeded",
    "activeItemCreationLimitExceeded",
}
BYTES = {
    "cannotDownloadAbusiveFile",
    "cannotDownloadFile",
    "downloadQuotaExceeded",
    "download_restricted_for_revision",
    "exportSizeLimitExceeded",
    "fileNotDownloadable",
    "fileNotExportable",
    "uploadTooLarge",
}
"""Nothing is wrong with our rights: the bytes of this one file do not go that way."""


UNSIGNED = "dailyLimitExceededUnreg"
"""What Google says to a request without any credentials, as of a quota that nobody has."""

OUTSIDER = "teamDriveMembershipRequired"
STRANGER = "appNotAuthorizedToFile"
"""What a token for an app's own files is answered about a file that people made."""

LISTS = re.compile(r"[A-Z]+ /drive/v3/(files|changes.*)")
"""Requests that are about a whole drive, and not about one thing in it."""


def words(body: bytes) -> tuple[str, str, str]:
    """Reason, message and blamed parameter of an error body; empty where the body is something else.

    The reason stands in ``errors`` in Drive's own form, in ``details`` in that of Google's newer services, sometimes in
    the error itself, and is the ``status`` where there is none; signing in refuses with a mere word in ``error``.
    """
    try:
        told = msgspec.json.decode(whole_characters(body))
    except (msgspec.DecodeError, RecursionError):
        return "", "", ""
    told = told[0] if isinstance(told, list) and told else told
    error = told.get("error") if isinstance(told, dict) else None
    if isinstance(error, str):
        return error, _text(told.get("error_description")), ""
    if not isinstance(error, dict):
        return "", "", ""
    first, *_ = [*_objects(error.get("errors")), {}]
    known = [_text(each.get("reason")) for each in (first, *_objects(error.get("details")), error)]
    reason = next(filter(None, known), _text(error.get("status")))
    return reason, _text(error.get("message")) or _text(first.get("message")), _text(first.get("location"))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def classify(answer: Answer) -> ConnectorError | None:
    """The error that Drive's reason stands for, where the status alone does not say it."""
    if answer.status not in (400, 401, 403, 404, 409, 410, 413, 429):
        return None
    return judge(answer.status, answer.body, f"{answer.verb} {answer.path}", answer.headers)


def judge(status: int, body: bytes, what: str, headers: Any = None) -> ConnectorError | None:
    """The same for one part of a batch, which has a status and a body of its own."""
    reason, message, location = words(body)
    shown = message or ("" if reason else body[:300].decode("utf-8", "replace"))
    line = " ".join(f"{what}: {status} {reason} {shown}".split())
    if "/changes" in what and (status == 410 or (status in (400, 404) and location == "pageToken")):
        return CursorLost(line, status=status, code=reason)
    if LISTS.fullmatch(what) and (reason == OUTSIDER or (status == 404 and location == "driveId")):
        # Whoever has been given a single folder of a shared drive may open it, and yet not list the drive.
        return Misconfigured(
            f"{line}: make the account a member of the shared drive that the root lies in; a share of the folder alone "
            "is not enough",
            status=status,
            code=reason,
        )
    if status == 403 and reason == STRANGER:
        return Forbidden(f"{line}: sign in again with the scope {SCOPE}", status=status, code=reason)
    if reason.startswith("push."):
        return Misconfigured(
            f"{line}: `hook_url` must be an https address that Google may call", status=status, code=reason
        )
    if reason in RATE:
        wait = (headers or {}).get("Retry-After", "")
        return RateLimited(line, retry_after=float(wait) if wait.isdigit() else PAUSE, status=status, code=reason)
    if reason == UNSIGNED:
        return AuthFailed(f"{line}: the request carried no credentials", status=status, code=reason)
    if status == 403 and reason in SCOPES:
        return ScopeMissing(f"{line}: {SCOPES[reason]}", status=403, code=reason)
    if status == 403 and reason in FULL | BYTES:
        return RecordRefused(line, status=403, code=reason)
    if status == 403:
        return Forbidden(line, status=403, code=reason)
    if status in (400, 409, 413):
        return RecordRefused(line, status=status, code=reason, field=location or None)
    return None
