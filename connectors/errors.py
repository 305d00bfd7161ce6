"""Errors by what happens next: try again later, stop this connection, or set this record aside.

The service's own code goes into the message, not into the class tree. Messages hold verb, path, status and the
service's words; never a token, never a whole body.
"""

from __future__ import annotations


class ConnectorError(Exception):
    """Any trouble with an outside system. ``code`` is the service's own word for it, if it has one."""

    def __init__(self, message: str, *, status: int | None = None, code: str = "", field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.field = field


class Transient(ConnectorError):
    """Try again later; nothing is wrong with the record or the account."""


class RateLimited(Transient):
    """The service asks us to slow down. ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: float, status: int | None = 429, code: str = "") -> None:
        super().__init__(message, status=status, code=code)
        self.retry_after = retry_after


class Unreachable(Transient):
    """No connection could be made: the request surely had no effect."""


class Malformed(Transient):
    """The answer is not what the service promises: cut off, HTML, another type. Never an empty list."""


class EffectUnknown(ConnectorError):
    """A writing request left, and no clear answer came: it may have taken effect."""


class CursorLost(ConnectorError):
    """The service no longer knows the cursor: crawl again, and take nothing unseen for deleted."""


class Fatal(ConnectorError):
    """Stop this connection until a person has acted."""


class AuthFailed(Fatal):
    """The credentials are wrong, expired or revoked."""


class ScopeMissing(Fatal):
    """Signed in, but the account or token may not do this. The message names the scope or permission."""


class Misconfigured(Fatal):
    """The connection cannot work as configured. The message names the cure."""


class WriteForbidden(Fatal):
    """The connection is configured ``access: read``, and this request would write."""


class RecordRefused(ConnectorError):
    """Set this record aside; others go on."""


class NotFound(RecordRefused):
    """No such record (404, 410)."""


class Forbidden(RecordRefused):
    """This record may not be seen or touched by our account (403). Never a delete."""


class Stale(RecordRefused):
    """The expected version has passed (412)."""


class GateClosed(Exception):
    """Raised by a gate: the write may not leave any more. It has had no effect."""
