"""Components and versions of issues: fields of which each entry of the changelog tells one that came or went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.jira.sandbox.custom import Wrong
from connectors.jira.sandbox.world import Component, Json, Version, World

PARTS = {"components": "Component", "fixVersions": "Fix Version", "versions": "Version"}
"""Field -> what the changelog calls it."""

Part = Component | Version


def named(world: World, name: str) -> Mapping[str, Part]:
    """Everything of the site that the field can hold, by id."""
    return world.components if name == "components" else world.versions


def offered(world: World, name: str, project: str) -> list[Part]:
    """What the screens of a project offer: archived versions are left out."""
    mine = [each for each in named(world, name).values() if each.project == project]
    return [each for each in mine if not (isinstance(each, Version) and each.archived)]


def kept(world: World, name: str, value: Any, project: str | None) -> list[str]:
    """Ids of the parts that a write names, each by its id or name. Raises ``Wrong`` for one that the project lacks."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise Wrong("data was not an array")
    mine = {id: each.name for id, each in named(world, name).items() if each.project == project}
    ids = {called: id for id, called in mine.items()}
    word = "Component" if name == "components" else "Version"
    found: set[str] = set()
    for each in value:
        if not isinstance(each, dict):
            raise Wrong("expected Object")
        if each.get("id") is not None:
            if str(each["id"]) not in mine:
                raise Wrong(f"{word} id '{each['id']}' is not valid")
            found.add(str(each["id"]))
        elif each.get("name") in ids:
            found.add(ids[each["name"]])
        else:
            raise Wrong(f"{word} name '{each.get('name') or ''}' is not valid")
    return sorted(found, key=int)


def stepped(world: World, name: str, now: Sequence[Json], step: Json) -> list[Json]:
    """The value after one addition or removal, before and after in a write's words."""
    if "add" in step:
        return [*now, step["add"]]
    there = named(world, name)

    def called(part: Json) -> Any:
        known = there.get(str(part.get("id")))
        return known.name if known else part.get("name")

    return [part for part in now if called(part) != called(step["remove"])]


def items(world: World, name: str, old: Sequence[str], new: Sequence[str]) -> list[Json]:
    """A change in the changelog: an item for each part that went, then one for each that came."""
    there = named(world, name)
    about = {"field": PARTS[name], "fieldtype": "jira", "fieldId": name}
    nothing = {"from": None, "fromString": None, "to": None, "toString": None}
    went = [{"from": id, "fromString": there[id].name} for id in old if id not in new]
    came = [{"to": id, "toString": there[id].name} for id in new if id not in old]
    return [about | nothing | each for each in (*went, *came)]
