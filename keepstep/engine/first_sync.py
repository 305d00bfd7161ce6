"""What was there before the hub began: recent enough to be created elsewhere, or only to be matched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa

from connectors.base import utc
from keepstep.engine.state import EntityState
from keepstep.engine.world import Rows
from keepstep.store import tables as t
from mapping.agreement import Agreed
from mapping.model import Kind


def window(kind: Kind, won_days: int) -> Callable[[Rows, datetime], Callable[[EntityState], bool]]:
    """The judge for one kind: open deals and those won lately, their customers, and open tasks; nothing else.

    All projects are gone through once the judge is first asked about a customer, not before.
    """

    def judge(rows: Rows, now: datetime) -> Callable[[EntityState], bool]:
        match kind:
            case Kind.PROJECT:
                return lambda state: project_is_recent(state.agreed, now, won_days)
            case Kind.CUSTOMER:
                recent = cache(lambda: _customers_of_recent_projects(rows, now, won_days))
                return lambda state: state.id in recent()
            case Kind.TASK | Kind.MILESTONE:
                return lambda state: state.value("status") in (None, "todo", "doing") and not state.value("archived")
            case _:
                return lambda state: False

    return judge


def project_is_recent(agreed: dict[str, Agreed], now: datetime, won_days: int) -> bool:
    """Open, or won within so many days; one without a stage counts as long as its work is not done."""

    def value(name: str) -> Any:
        return agreed[name].value if name in agreed else None

    if value("archived"):
        return False
    match value("stage"):
        case "open":
            return True
        case "won":
            closed = value("due_date")
            return closed is not None and closed[:10] >= utc(now - timedelta(days=won_days))[:10]
        case "lost":
            return False
        case _:
            return value("status") not in ("done", "cancelled")


def _customers_of_recent_projects(rows: Rows, now: datetime, won_days: int) -> set[str]:
    found = set()
    for row in rows(sa.select(t.entity.c.agreed).where(t.entity.c.kind == Kind.PROJECT.value)):
        agreed = msgspec.convert(row["agreed"], dict[str, Agreed])
        if "customer" in agreed and agreed["customer"].value and project_is_recent(agreed, now, won_days):
            found.add(agreed["customer"].value)
    return found
