"""Sign-ins that end by themselves, told while there is time to renew them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from connectors.base import utc
from keepstep.engine.ports import Ports
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx

AHEAD = timedelta(days=30)


def tell(tx: Tx, ports: Ports, connections: Sequence[str]) -> None:
    """Report each sign-in that ends within the next days, and close what was renewed."""
    names = {f"signed_in:{name}": name for name in connections}
    rows = tx.all(sa.select(t.setting).where(t.setting.c.name.in_(list(names))))
    if not rows:
        return
    soon = utc(ports.clock.now() + AHEAD)
    ending = {names[row["name"]]: row["value"]["expires_at"] for row in rows if row["value"]["expires_at"]}
    told = [
        Finding(
            key=f"credentials_expire:{name}",
            code="credentials_expire",
            severity="warning",
            params={"connection": name, "at": at},
        )
        for name, at in sorted(ending.items())
        if at <= soon
    ]
    findings.report(tx, told, ports.now(), ports.new_id)
    there = {finding.key for finding in told}
    findings.close(tx, {f"credentials_expire:{name}" for name in connections} - there, ports.now())
