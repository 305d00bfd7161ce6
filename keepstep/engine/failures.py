"""What an error of a connection means to a person, as the code of a finding."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from connectors.errors import AuthFailed, ConnectorError, Misconfigured, ScopeMissing, Unreachable
from connectors.log import Log
from keepstep.engine.ports import Ports
from keepstep.engine.world import Side
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx

log = Log()


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


def tell_failure(tx: Tx, ports: Ports, side: Side, error: ConnectorError) -> None:
    """A side could not be talked to: told until it can be."""
    log.warning("side failed", side=side.name, error=str(error))
    params = {"connection": side.connection.name, "feed": side.name, "reason": str(error)}
    finding = Finding(key=failure_key(side.name), code=failure_code(error), severity="error", params=params)
    findings.report(tx, [finding], ports.now(), ports.new_id)


def failure_key(side: str) -> str:
    """Which trouble it is: one per side."""
    return f"connection_failed:{side}"


def tell_down(tx: Tx, ports: Ports, trouble: Mapping[str, ConnectorError]) -> None:
    """Tell of the connections and sides that are in trouble, after all were tried. Whatever else was told so is over:
    it is there again, or not configured any more. Nobody knows that of the sides of a connection that is down."""
    there = [
        Finding(
            key=down_key(name),
            code=failure_code(error),
            severity="error",
            params={"connection": name, "reason": str(error)},
        )
        for name, error in trouble.items()
    ]
    findings.report(tx, there, ports.now(), ports.new_id)
    told = t.begins(t.finding.c.key, down_key("")), t.finding.c.state.in_(findings.OPEN)
    names = [row["key"].removeprefix(down_key("")) for row in tx.all(sa.select(t.finding.c.key).where(*told))]
    over = [name for name in names if name not in trouble and name.partition(".")[0] not in trouble]
    findings.close(tx, map(down_key, over), ports.now())


def down_key(name: str) -> str:
    """Which trouble it is: one per connection that does not answer, or per side whose account has no such stream."""
    return f"connection_down:{name}"
