"""The dead-man switch: an automation of Prefect for each sync, which fires when its freshness is not told any more.

Whoever only hears of trouble hears nothing when the teller is gone; Prefect's server notices that, from outside.
"""

from __future__ import annotations

from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.sorting import AutomationSort
from prefect.events.actions import DoNothing
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture

from keepstep.config import Config
from keepstep.language import say
from pipelines.health import PATIENCE
from pipelines.names import FRESHNESS, freshness_resource, tenant

PAGE = 200


def silence(every: timedelta) -> timedelta:
    """For how long a sync with that interval may say nothing, as ``/healthz`` has it too."""
    return 3 * every + PATIENCE


def wanted(config: Config) -> dict[str, AutomationCore]:
    """The automations of a configuration, by their names."""
    own = tenant(config.path)
    made = {}
    for name, sync in config.syncs.items():
        trigger = EventTrigger(
            posture=Posture.Proactive,
            match={"prefect.resource.id": freshness_resource(own, name)},
            expect={FRESHNESS},
            threshold=1,
            within=silence(sync.every),
        )
        title = f"{_prefix(own)}{name}"
        said = say("alarm_silent", {"sync": name, "every": sync.every}, config.language)
        made[title] = AutomationCore(name=title, description=said, trigger=trigger, actions=[DoNothing()])
    return made


def declare(config: Config) -> None:
    """Bring Prefect's automations of this configuration in line with it. Harmless to repeat.

    What a person changed stays: the actions, and whether it is on. Without an action it is seen in Prefect alone.
    """
    with get_client(sync_client=True) as client:
        left = wanted(config)
        for there in _known(client, _prefix(tenant(config.path))):
            declared = left.pop(there.name, None)
            if declared is None:
                client.delete_automation(there.id)
            elif not _same(there, declared):
                kept = {"actions": there.actions, "enabled": there.enabled}
                client.update_automation(there.id, declared.model_copy(update=kept))
        for declared in left.values():
            client.create_automation(declared)


def _known(client: SyncPrefectClient, prefix: str) -> list[Automation]:
    found: list[Automation] = []
    while True:
        page = client.read_automations(sort=AutomationSort.NAME_ASC, limit=PAGE, offset=len(found))
        found += page
        if len(page) < PAGE:
            return [each for each in found if each.name.startswith(prefix)]


def _prefix(own: str) -> str:
    return f"{own} freshness of "


def _same(there: Automation, declared: AutomationCore) -> bool:
    """Whether nothing has to be changed: a changed trigger begins to wait anew."""
    shapes = [each.trigger.model_dump(mode="json", exclude={"id"}) for each in (there, declared)]
    return shapes[0] == shapes[1] and there.description == declared.description
