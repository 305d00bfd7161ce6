"""From what happened to one write to its outcome: exactly one, whatever it was."""

from __future__ import annotations

from typing import Literal

from connectors.base import Outcome, Write
from connectors.errors import (
    ConnectorError,
    EffectUnknown,
    Fatal,
    Forbidden,
    GateClosed,
    NotFound,
    RateLimited,
    Transient,
)
from connectors.jira.answers import IssueThrottled


def failed(write: Write, error: ConnectorError | GateClosed, *, moved: bool = False) -> Outcome:
    """The outcome of a write that ended in an error. Raises what stops the whole connection.

    ``moved``: an earlier request of the same write took effect already, so nobody may say "surely no effect".
    """
    if isinstance(error, GateClosed):
        return Outcome(intent=write.intent, id=write.id, status="unknown" if moved else "not_sent", reason=str(error))
    if isinstance(error, Fatal) and not moved:
        raise error
    wait = error.retry_after if isinstance(error, RateLimited | IssueThrottled) else None
    return Outcome(
        intent=write.intent,
        id=write.id,
        status=_status(error, moved),
        reason=str(error),
        code=error.code or (str(error.status) if error.status else ""),
        field=error.field,
        retry_after=wait,
    )


def _status(error: ConnectorError, moved: bool) -> Literal["gone", "unknown", "not_sent", "refused"]:
    if isinstance(error, EffectUnknown):
        return "unknown"
    if isinstance(error, Transient | Fatal):
        return "unknown" if moved else "not_sent"
    if isinstance(error, NotFound) and not moved:
        return "gone"
    return "refused"


def wants_notification_right(error: Forbidden) -> bool:
    """Whether Jira refused only because we asked it not to send mail, which takes an administrator."""
    return "notif" in str(error).lower()
