"""What the screens of a site offer: the fields of a create and of a transition, with what each allows."""

from __future__ import annotations

from connectors.jira.sandbox.custom import SCHEMAS
from connectors.jira.sandbox.fields import OPERATIONS, SYSTEM_FIELDS
from connectors.jira.sandbox.parts import PARTS, offered
from connectors.jira.sandbox.shapes import Shapes
from connectors.jira.sandbox.world import Json, Way


class Screens(Shapes):
    """Payloads of one site, and its screens, as one account sees them."""

    def transition(self, way: Way, screens: bool, project: str) -> Json:
        shown: Json = {
            "id": way.id,
            "name": way.name,
            "to": self.status(self._world.statuses[way.end]),
            "hasScreen": bool(way.requires),
            "isGlobal": False,
            "isInitial": False,
            "isAvailable": True,
            "isConditional": False,
            "isLooped": False,
        }
        if screens:
            shown["fields"] = {name: self.meta(name, project, required=True) for name in way.requires}
        return shown

    def schema(self, name: str) -> Json | None:
        kind = self._world.fields.get(name)
        if kind is not None:
            return {**SCHEMAS[kind.kind], "customId": int(name.removeprefix("customfield_"))}
        known = SYSTEM_FIELDS[name][1]
        return {**known, "system": name} if known else None

    def meta(self, name: str, project: str, *, required: bool) -> Json:
        """A field on a screen of a project."""
        world = self._world
        label = world.fields[name].name if name in world.fields else SYSTEM_FIELDS[name][0]
        shown: Json = {
            "required": required,
            "schema": self.schema(name) or {"type": "issuelink", "system": name},
            "name": label,
            "key": name,
            "fieldId": name,
            "hasDefaultValue": name in ("priority", "reporter"),
            "operations": OPERATIONS.get(name, ["set"]),
        }
        allowed: dict[str, list[Json]] = {
            "priority": [self.priority(id) for id in world.priorities],
            "issuetype": [self.issue_type(kind) for kind in world.types.values()],
            "resolution": [made for id in world.resolutions if (made := self.resolution(id))],
        }
        if name in PARTS:
            shown["allowedValues"] = [self.part(each) for each in offered(world, name, project)]
        elif name in allowed:
            shown["allowedValues"] = allowed[name]
        elif name in world.fields and world.fields[name].options:
            shown["allowedValues"] = world.fields[name].options
        return shown
