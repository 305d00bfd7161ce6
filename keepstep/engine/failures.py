"""What an error of a connection means to a person, as the code of a finding."""

from __future__ import annotations

from connectors.errors import AuthFailed, ConnectorError, Misconfigured, ScopeMissing, Unreachable


def failure_code(error: ConnectorError) -> str:
    """The finding's code for a connection that fails."""
    for kind, code in (
        (AuthFailed, "connection_failed_auth"),
        (ScopeMissing, "connection_failed_scope"),
        (Unreachable, "connection_failed_unreachable"),
        (Misconfigured, "connection_failed_configured"),
    ):
        if isinstance(error, kind):
            return code
    return "connection_failed"
