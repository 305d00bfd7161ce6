"""The dead-man switch of each sync: declared in Prefect, kept as a person changed it, gone with its sync."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keepstep.config import Config, load
from pipelines import names
from tests.pipelines.conftest import Company

pytestmark = [pytest.mark.usefixtures("prefect")]

MORE = """\
  others:
    entity: task
    mode: observe
    sides: [one.items, two.items]
    every: 1h
"""


def configured(company: Company, more: str = "") -> Config:
    company.write(more=more)
    return load(company.path, {}, company.registry())


def there(path: Path) -> dict[str, Any]:
    """The automations of that configuration, by sync."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import AutomationSort

    with get_client(sync_client=True) as client:
        found = {each.name: each for each in client.read_automations(sort=AutomationSort.NAME_ASC, limit=200)}
    prefix = f"{names.tenant(path)} freshness of "
    return {name.removeprefix(prefix): each for name, each in found.items() if name.startswith(prefix)}


def test_each_sync_has_one_that_waits_for_its_freshness(company: Company) -> None:
    from prefect.events import Posture

    from pipelines import alarms
    from pipelines.flows import FRESHNESS

    alarms.declare(configured(company, MORE))
    found = there(company.path)
    assert set(found) == {"tasks", "others"}
    trigger = found["tasks"].trigger
    assert trigger.posture == Posture.Proactive
    assert trigger.expect == {FRESHNESS}
    assert trigger.match.root == {"prefect.resource.id": f"keepstep.{names.tenant(company.path)}.sync.tasks"}
    assert trigger.within == timedelta(minutes=20)
    assert found["others"].trigger.within == timedelta(hours=3, minutes=5)
    assert found["tasks"].enabled
    assert "tasks runs every" in found["tasks"].description


def test_declaring_again_changes_only_what_is_declared(company: Company) -> None:
    from prefect.client.orchestration import get_client
    from prefect.events.actions import CancelFlowRun
    from prefect.events.schemas.automations import AutomationCore

    from pipelines import alarms

    config = configured(company, MORE)
    alarms.declare(config)
    first = there(company.path)
    alarms.declare(config)
    assert there(company.path) == first
    with get_client(sync_client=True) as client:
        mine = first["tasks"].model_copy(update={"actions": [CancelFlowRun()], "enabled": False})
        sent = set(AutomationCore.model_fields) - {"owner_resource"}
        client.update_automation(mine.id, AutomationCore(**mine.model_dump(include=sent)))
    company.write(every="10m")
    alarms.declare(load(company.path, {}, company.registry()))
    after = there(company.path)
    assert set(after) == {"tasks"}
    assert after["tasks"].id == first["tasks"].id
    assert after["tasks"].trigger.within == timedelta(minutes=35)
    assert [action.type for action in after["tasks"].actions] == ["cancel-flow-run"]
    assert not after["tasks"].enabled
