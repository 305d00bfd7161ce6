"""Error bodies as Drive writes them: a code, a message, and reasons to judge by."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.exchange import Refusal


def body(status: int, reason: str, message: str, location: str = "", domain: str = "global") -> dict[str, Any]:
    detail = {"domain": domain, "reason": reason, "message": message}
    if location:
        detail |= {"locationType": "parameter", "location": location}
    return {"error": {"code": status, "message": message, "errors": [detail]}}


def refusal(status: int, reason: str, message: str, location: str = "", domain: str = "global") -> Refusal:
    return Refusal(status, body(status, reason, message, location, domain))


def not_found(id: str) -> Refusal:
    return refusal(404, "notFound", f"File not found: {id}.", "fileId")


def bad_value(location: str, message: str = "Invalid Value") -> Refusal:
    return refusal(400, "invalid", message, location)


def forbidden(reason: str, message: str) -> Refusal:
    return refusal(403, reason, message)


RATE_LIMITED = (403, body(403, "userRateLimitExceeded", "User Rate Limit Exceeded", domain="usageLimits"))
EXPIRED = (401, body(401, "authError", "Invalid Credentials"))
